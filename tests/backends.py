"""What the whole test run stands on, chosen by TEST_BACKEND before Django reads its settings.

`sqlite` (default) is a SQLite file in WAL mode with the in-memory channel layer; `postgres` is PostgreSQL with Redis.
Each process of pytest-xdist has a data folder, a database and a Redis number of its own.
"""

from __future__ import annotations

import atexit
import dataclasses
import os
import shutil
import tempfile
from pathlib import Path

import django
from django.conf import settings

from config.environment import Environment
from tests.databases import PostgresServer, RedisServer

BACKENDS = ("sqlite", "postgres")


def chosen_backend() -> str:
    name = os.environ.get("TEST_BACKEND", "sqlite")
    if name not in BACKENDS:
        raise SystemExit(f"TEST_BACKEND must be one of {', '.join(BACKENDS)}, not {name!r}.")
    return name


def neutral_environment() -> dict[str, str]:
    """Return every variable of the product, empty: then neither the shell nor a `.env` changes what a test sees."""
    return {field.name.upper(): "" for field in dataclasses.fields(Environment)}


def prepare_backend() -> None:
    """Set Django up on this process's own data and servers. The controller's servers serve its workers too."""
    if settings.configured:
        raise SystemExit("Unset DJANGO_SETTINGS_MODULE: with it, settings are read before the tests choose them.")
    data_dir = Path(tempfile.mkdtemp(prefix="pavilion-tests-"))
    atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
    os.environ.update(neutral_environment())
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ["SECRET_KEY"] = "a key for tests alone, long enough to be accepted"
    os.environ["LOG_LEVEL"] = "WARNING"
    if chosen_backend() == "postgres":
        os.environ["DATABASE_URL"] = suite_postgres_url()
        os.environ["REDIS_URL"] = f"{suite_redis_url().rsplit('/', 1)[0]}/{_worker_number()}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    # pytest-xdist's workers inherit the environment. Found there, the name would make pytest-django read the settings
    # before a worker has got here, and all workers would share this process's data folder and Redis number.
    del os.environ["DJANGO_SETTINGS_MODULE"]


def suite_postgres_url() -> str:
    """Return TEST_DATABASE_URL, after starting a relaxed server for this run if it was unset."""
    if "TEST_DATABASE_URL" not in os.environ:
        server = PostgresServer(durable=False)
        atexit.register(server.remove)
        # xdist's workers inherit the environment, and with it this server.
        os.environ["TEST_DATABASE_URL"] = server.url()
    return os.environ["TEST_DATABASE_URL"]


def suite_redis_url() -> str:
    """Return TEST_REDIS_URL, after starting a server for this run if it was unset. It ends in a database number."""
    if "TEST_REDIS_URL" not in os.environ:
        server = RedisServer()
        atexit.register(server.remove)
        os.environ["TEST_REDIS_URL"] = server.url
    return os.environ["TEST_REDIS_URL"]


def worker_name() -> str:
    """Return the name of this pytest-xdist worker, or `main`."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def _worker_number() -> int:
    digits = "".join(filter(str.isdigit, worker_name()))
    # A Redis has 16 numbers; the one of a lone run is the last.
    return int(digits) % 15 if digits else 15
