"""What a process says about itself, and to whom: /health, /ready and /metrics."""

from __future__ import annotations

import http.client
import json
import shutil
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from accounts.models import User
from realtime.runtime import current
from tests.databases import PostgresServer
from tests.processes import wait_for
from tests.rig import in_db
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.django_db

TOKEN = "a-token-that-machines-made"


def ask(server: LiveServer, path: str, **headers: str) -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
    line.request("GET", path, headers=headers)
    answer = line.getresponse()
    found = answer.status, answer.read().decode()
    line.close()
    return found


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_operators_routes_take_no_writes(path):
    assert Client().post(path).status_code == 405


def test_health_answers_while_the_process_lives(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert Client().get("/health").json() == {"status": "alive"}


# --- ready ------------------------------------------------------------------------------------------------------


async def unready() -> list[str]:
    """Return the reasons of a server that cannot serve."""
    answer = await in_db(Client().get, "/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    return answer.json()["reasons"]


def test_ready_wants_the_live_parts():
    answer = Client().get("/ready")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["The live parts are not running."])


@pytest.mark.django_db(transaction=True)
async def test_ready_with_a_running_server(runtime):
    answer = await in_db(Client().get, "/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "reasons": []})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db(transaction=True)
async def test_ready_is_refused_without_the_database(runtime, monkeypatch):
    def away() -> None:
        raise OperationalError("secret words of the driver")

    monkeypatch.setattr("operations.health.connection", SimpleNamespace(cursor=away))
    assert await unready() == ["The database does not answer."]


@pytest.mark.django_db(transaction=True)
async def test_ready_is_refused_while_migrations_are_pending(runtime):
    def forget() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'chat'")

    await in_db(forget)
    try:
        assert await unready() == ["The database is behind this version: run manage.py migrate."]
    finally:
        await in_db(call_command, "migrate", "chat", "--fake", "--verbosity", "0")


@pytest.mark.django_db(transaction=True)
async def test_ready_is_refused_while_the_journal_is_full(runtime):
    journal = runtime.writers["messages"].journal
    assert current() is runtime
    journal.is_full = True
    assert await unready() == ["The journal is full: messages are refused."]
    await journal.clear()
    assert (await in_db(Client().get, "/ready")).status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_ready_is_refused_on_a_full_disk(runtime, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr("operations.health.shutil.disk_usage", lambda _: usage)
    assert await unready() == ["The disk is full."]


@pytest.mark.chaos
@pytest.mark.grown
@pytest.mark.live
def test_ready_follows_the_database(live_server_process: StartServer, postgres_server: PostgresServer) -> None:
    server = live_server_process({"DATABASE_URL": postgres_server.create_database("ready")})
    postgres_server.stop()
    try:
        status, body = ask(server, "/ready")
        assert (status, json.loads(body)["reasons"]) == (503, ["The database does not answer."])
        assert ask(server, "/health")[0] == 200
    finally:
        postgres_server.start()
    wait_for(lambda: ask(server, "/ready")[0] == 200, 20, "the server to be ready again")


# --- metrics ----------------------------------------------------------------------------------------------------


def metrics(client: Client | None = None, *, address: str = "203.0.113.9", **headers: str) -> int:
    answer = (client or Client()).get("/metrics", REMOTE_ADDR=address, headers=headers)
    assert (b"pavilion_" in answer.content) == (answer.status_code == 200)
    return answer.status_code


def test_metrics_are_in_the_prometheus_format():
    answer = Client().get("/metrics")
    assert answer["Content-Type"].startswith("text/plain")
    assert b"pavilion_process_resident_bytes" in answer.content


@pytest.mark.django_db(transaction=True)
async def test_metrics_of_a_running_server(runtime):
    found = (await in_db(Client().get, "/metrics")).content.decode()
    for name in ("connections", "topics", "events_delivered_total", "writer_batches_total", "journal_pending"):
        assert f"pavilion_{name}" in found
    assert 'writer="messages"' in found


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_metrics_are_open_to_this_machine(address):
    assert metrics(address=address) == 200


@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "2001:db8::1", ""])
def test_metrics_are_closed_to_strangers(address):
    assert metrics(address=address) == 401
    assert metrics(address=address, x_forwarded_for="127.0.0.1") == 401


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"])
def test_metrics_are_closed_to_what_a_proxy_passes_on(name):
    assert metrics(address="127.0.0.1", **{name: "127.0.0.1"}) == 401


def test_metrics_are_closed_to_this_machine_while_a_proxy_may_be_unknown(settings):
    settings.PUBLIC_ORIGIN = "https://fair.example"
    assert metrics(address="127.0.0.1") == 401
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert metrics(address="127.0.0.1") == 200


def test_metrics_are_open_to_the_token(settings):
    assert metrics(authorization="Bearer ") == 401
    settings.METRICS_TOKEN = TOKEN
    assert metrics(authorization=f"Bearer {TOKEN}") == 200
    assert metrics(authorization=f"bearer {TOKEN}") == 200
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"):
        assert metrics(authorization=wrong) == 401


def test_metrics_are_open_to_staff_alone(client, settings):
    member = User.objects.create_user("ada@example.org", "x")
    client.force_login(member)
    assert metrics(client) == 401
    member.is_staff = True
    member.save(update_fields=["is_staff"])
    assert metrics(client) == 200
    settings.STAFF_MFA_REQUIRED = True
    assert metrics(client) == 401


@pytest.mark.live
def test_metrics_through_a_proxy_are_closed_to_visitors(live_server_process: StartServer) -> None:
    env: dict[str, Any] = {"TRUSTED_PROXIES": "127.0.0.1", "METRICS_TOKEN": TOKEN}
    server = live_server_process(env)
    assert ask(server, "/metrics")[0] == 200
    for forged in ("203.0.113.9", "127.0.0.1, 203.0.113.9"):
        assert ask(server, "/metrics", **{"X-Forwarded-For": forged})[0] == 401
    forwarded = {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {TOKEN}"}
    assert ask(server, "/metrics", **forwarded)[0] == 200
