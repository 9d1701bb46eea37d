"""A server is killed while an import writes: what staff are told then, and that it goes on without them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.builders.admin.test_imports import HEADER
from tests.processes import wait_for
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

MANY = 8000
LOG_IN = "from tests.rig import log_in, make_staff; print(log_in(make_staff()))"
COUNT = "from builders.models import *; print(Builder.objects.count(), ImportChange.objects.count())"


def shell(server: LiveServer, code: str) -> str:
    return server.manage("shell", "--verbosity", "0", "-c", code).strip()


def client_of(server: LiveServer) -> httpx.Client:
    client = httpx.Client(base_url=server.origin, cookies={"sessionid": shell(server, LOG_IN)}, timeout=30)
    assert client.get("/admin/builders/importjob/add/").status_code == 200
    client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
    return client


def test_import_whose_server_was_killed_says_so_and_goes_on(live_server_process: StartServer) -> None:
    server = live_server_process()
    lines = [f"Messebau {n},office@messebau-{n}.de,,Graz,Austria,{n % 90 + 1}" for n in range(MANY)]
    with closing(client_of(server)) as client:
        content = "\n".join([HEADER, *lines]).encode()
        job = client.post("/api/admin/imports", files={"file": ("fair.csv", content)}).json()
        api, page = f"/api/admin/imports/{job['uid']}", f"/admin/builders/importjob/job/{job['uid']}/"

        def told() -> dict[str, Any]:
            answer: dict[str, Any] = client.get(api).json()
            return answer

        wait_for(lambda: told()["state"] == "staged", 60, "the preview")
        assert client.post(f"{api}/commit").status_code == 202
        wait_for(lambda: (told()["percent"] or 0) > 0, 60, "the first rows")
        server.kill9()
        server.restart()

        assert "Writing to the directory was interrupted" in client.get(page).text
        assert told()["is_running"] is True
        # The job does this by itself each minute.
        client.post("/admin/operations/scheduledrun/builders.imports/run/")
        wait_for(lambda: told()["state"] == "committed", 60, "the rest")
        assert told()["counts"] == {"created": MANY}
        assert "Written on" in client.get(page).text
    assert shell(server, COUNT) == f"{MANY} {MANY}"
