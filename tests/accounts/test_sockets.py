"""Whoever is logged out loses the socket within five seconds, without Redis, and whichever way it happened."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.live

LONGEST_SECONDS = 5.0
FIND = "from accounts.models import *; from django.utils import timezone; u = User.objects.get(display_name='Ada');"


def cookies_of(answer: http.client.HTTPResponse) -> dict[str, str]:
    lines = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    return dict(line.split("=", 1) for line in lines)


def come_in(server: LiveServer) -> str:
    """Make the guest Ada and return the session's key."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    line.request("POST", "/api/guests", json.dumps({"display_name": "Ada"}), {"Content-Type": "application/json"})
    key = cookies_of(line.getresponse())["sessionid"]
    line.close()
    return key


def log_out(server: LiveServer, key: str) -> None:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    token = "t" * 32
    headers = {
        "Cookie": f"sessionid={key}; csrftoken={token}",
        "X-CSRFToken": token,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    line.request("POST", "/accounts/logout/", "", headers)
    assert line.getresponse().status == 302
    line.close()


def expire(server: LiveServer, key: str) -> None:
    server.manage("shell", "-c", f"{FIND} u.sessions.update(expire_date=timezone.now())")


def disable(server: LiveServer, key: str) -> None:
    chief = "User.objects.create_superuser('chief@example.org', 'x')"
    server.manage("shell", "-c", f"{FIND} from accounts import services; services.disable_user(actor={chief}, user=u)")


@pytest.mark.parametrize("act", [log_out, expire, disable])
def test_socket_closes_soon_after(live_server_process: StartServer, act: Callable[[LiveServer, str], None]) -> None:
    server = live_server_process()
    key = come_in(server)
    headers = {"Cookie": f"sessionid={key}"}
    with connect(server.ws_url, origin=server.origin, additional_headers=headers) as ws:  # type: ignore[arg-type]
        assert json.loads(ws.recv(5))["ev"] == "hello"
        act(server, key)
        done = time.monotonic()
        assert json.loads(ws.recv(LONGEST_SECONDS))["d"]["code"] == 4502
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(1)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4502
        assert time.monotonic() - done < LONGEST_SECONDS
    with connect(server.ws_url, origin=server.origin, additional_headers=headers) as again:  # type: ignore[arg-type]
        assert json.loads(again.recv(5))["d"]["code"] == 4501
