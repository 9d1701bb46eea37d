"""Fixtures for all tests. `docs/testing.md` says how to run them on either backend."""

from __future__ import annotations

import os

import django
import pytest

from tests.backends import ServerUnavailable, prepare_backend

# This must happen while pytest loads this file: later conftest files import models, which need settings and apps.
try:
    prepare_backend()
except ServerUnavailable as reason:
    # scripts/suite.py reads 77 as "skipped"; where the servers are required it is a failure like any other.
    status = 2 if os.environ.get("CI_REQUIRE_SERVERS") == "1" else 77
    pytest.exit(f"TEST_BACKEND={os.environ.get('TEST_BACKEND')} cannot run: {reason}", returncode=status)
django.setup()

from tests.servers import (  # noqa: E402
    built_static,
    chromium,
    live_server_process,
    postgres_server,
    postgres_url,
    redis_server,
    redis_url,
)

__all__ = [
    "built_static",
    "chromium",
    "live_server_process",
    "postgres_server",
    "postgres_url",
    "redis_server",
    "redis_url",
]
