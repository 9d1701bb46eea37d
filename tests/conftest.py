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
    pytest.exit(f"TEST_BACKEND={os.environ.get('TEST_BACKEND')} cannot run: {reason}", returncode=2)
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
