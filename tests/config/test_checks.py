"""Each trap is found, named, and told how to get out of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.checks import run_checks

from config import checks
from operations.server import server_config
from realtime.wire import MAX_FRAME_BYTES

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "CONN_MAX_AGE": 0,
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous=full;"},
}


class SyncOnly:
    sync_capable = True
    async_capable = False

    def __init__(self, get_response):
        self.get_response = get_response


def plain_middleware(get_response):
    return get_response


@pytest.fixture
def databases(monkeypatch):
    """Return a function that shows the checks other databases; Django itself keeps those it has."""
    return lambda found: monkeypatch.setattr(checks, "settings", SimpleNamespace(DATABASES=found))


def ours() -> list[str]:
    return [str(message.id) for message in run_checks() if str(message.id).startswith("pavilion.")]


def ids(found) -> list[str]:
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_settings_as_shipped_fall_into_no_trap():
    assert ours() == []


@pytest.mark.parametrize("trap", ["hosts", "missing"])
def test_redis_time_out_is_found_by_the_registered_checks(settings, trap):
    hosts = ["redis://127.0.0.1"] if trap == "hosts" else [{"address": "redis://127.0.0.1"}]
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "x", "CONFIG": {"hosts": hosts}}}
    assert ours() == ["pavilion.E002"]


def test_redis_time_out_of_none_is_right(settings):
    hosts = [{"address": "redis://127.0.0.1", "socket_timeout": None}]
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "x", "CONFIG": {"hosts": hosts}}}
    assert checks.check_redis_timeout(None) == []


@pytest.mark.parametrize(
    ("number", "expected"), [("7.4.0", []), ("8.0.0b1", ["pavilion.E001"]), ("10.1", ["pavilion.E001"])]
)
def test_redis_version(monkeypatch, number, expected):
    monkeypatch.setattr(checks, "version", lambda package: number)
    assert ids(checks.check_redis_version(None)) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [("0.54.0", []), ("1.0", []), ("0.53.9", ["pavilion.E003"]), ("0.9", ["pavilion.E003"])]
)
def test_uvicorn_version(monkeypatch, number, expected):
    monkeypatch.setattr(checks, "version", lambda package: number)
    assert ids(checks.check_uvicorn_version(None)) == expected


@pytest.mark.parametrize("name", ["SyncOnly", "plain_middleware"])
def test_middleware_that_is_sync_only(settings, name):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{name}"]
    [message] = checks.check_middleware(None)
    assert (message.id, name in message.msg) == ("pavilion.E004", True)


def test_ninja_that_is_not_installed(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "ninja"]
    assert ids(checks.check_ninja(None)) == ["pavilion.E005"]


@pytest.mark.parametrize("age", [60, None])
def test_connections_that_are_kept(databases, age):
    databases({"default": SQLITE | {"CONN_MAX_AGE": age}})
    assert ids(checks.check_connection_age(None)) == ["pavilion.E006"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (SQLITE["OPTIONS"], []),
        ({}, ["pavilion.E007", "pavilion.E008"]),
        (SQLITE["OPTIONS"] | {"transaction_mode": "DEFERRED"}, ["pavilion.E007"]),
        (SQLITE["OPTIONS"] | {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}, ["pavilion.E008"]),
        (SQLITE["OPTIONS"] | {"init_command": "PRAGMA synchronous=FULL"}, ["pavilion.E008"]),
    ],
)
def test_sqlite_that_may_lose_or_fail(databases, options, expected):
    databases({"default": SQLITE | {"OPTIONS": options}})
    assert ids(checks.check_sqlite(None)) == expected


def test_postgres_needs_no_options_of_sqlite(databases):
    databases({"default": {"ENGINE": "django.db.backends.postgresql"}})
    assert checks.check_sqlite(None) == []


@pytest.mark.parametrize("engine", ["django.contrib.sessions.backends.cache", "django.contrib.sessions.backends.db"])
def test_sessions_that_sockets_cannot_look_up(settings, engine):
    settings.SESSION_ENGINE = engine
    assert ids(checks.check_sessions(None)) == ["pavilion.E009"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WS_CONNECTIONS_PER_USER", 0, "pavilion.E010"),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", None, "pavilion.E011"),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", 1000, "pavilion.E011"),
    ],
)
def test_limits_that_are_none(settings, name, value, expected):
    setattr(settings, name, value)
    assert ids(checks.check_limits(None)) == [expected]


def test_socket_limits_of_the_server_are_those_of_the_protocol():
    options = server_config(lambda *call: None)
    assert (options.ws_max_size, options.ws_per_message_deflate) == (MAX_FRAME_BYTES, False)
    assert options.timeout_graceful_shutdown <= 20
    assert options.lifespan == "on"


def test_every_check_has_an_id_of_its_own():
    source = Path(checks.__file__).read_text(encoding="utf-8")
    numbers = [word.strip('"') for word in source.replace("(", " ").replace(",", " ").split() if word.startswith('"E0')]
    assert sorted(numbers) == sorted(set(numbers))
    assert len(numbers) >= len(checks.CHECKS)


def test_manage_check_passes():
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], check=False, cwd=root, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
