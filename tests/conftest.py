"""Fixtures for all tests. `docs/testing.md` says how to run them on either backend."""

from __future__ import annotations

import os

import pytest

from tests.backends import chosen_backend, prepare_backend
from tests.processes import ServerUnavailable

# This must happen while pytest loads this file: later conftest files import models, which need settings and apps.
try:
    prepare_backend()
except ServerUnavailable as reason:
    # scripts/suite.py reads 77 as "skipped"; where the servers are required it is a failure like any other.
    status = 2 if os.environ.get("CI_REQUIRE_SERVERS") == "1" else 77
    pytest.exit(f"TEST_BACKEND={os.environ.get('TEST_BACKEND')} cannot run: {reason}", returncode=status)

from tests.cleaning import clean_quickly
from tests.servers import (
    built_static,
    chromium,
    live_server_process,
    new_installations,
    postgres_server,
    postgres_url,
    redis_server,
    redis_url,
)

__all__ = [
    "built_static",
    "chromium",
    "live_server_process",
    "new_installations",
    "postgres_server",
    "postgres_url",
    "redis_server",
    "redis_url",
]

clean_quickly()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Left out, not skipped: a skipped test is one that should have run here and could not.
    elsewhere = [item for item in items if _backend_of(item) not in ("", chosen_backend())]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    # Playwright's loop stays the running one until the browser closes, and no asynchronous test could start after it.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def _backend_of(item: pytest.Item) -> str:
    """Return the one backend that the test concerns, or "" for both."""
    marker = item.get_closest_marker("backend")
    return str(marker.args[0]) if marker else ""
