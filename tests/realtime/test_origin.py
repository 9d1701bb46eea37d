"""Whose pages may open a socket. `tests/chat/test_consumers_opening.py` shows it at the socket itself."""

from __future__ import annotations

import pytest

from realtime.origin import is_origin_allowed


def asked(origin: str | None, host: str = "127.0.0.1:8000") -> bool:
    headers = [(b"host", host.encode("latin-1"))]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    return is_origin_allowed({"headers": headers})


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000", "anything.example"),
        ("http://localhost:9000", "localhost:9000"),
        ("https://localhost", "localhost"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_origin_of_our_own_is_allowed(origin, host):
    assert asked(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:8000"),
        ("", "127.0.0.1:8000"),
        ("null", "127.0.0.1:8000"),
        ("http://evil.example", "127.0.0.1:8000"),
        ("http://evil.example", "evil.example"),
        ("http://127.0.0.1:8001", "127.0.0.1:8000"),
        ("ftp://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://", ""),
        ("http://[", "["),
        ("http://127.0.0.1:8000\xe9", "127.0.0.1:8000"),
    ],
)
def test_origin_of_others_is_refused(origin, host):
    assert not asked(origin, host)


def test_origin_missing_is_a_setting(settings):
    settings.WS_ALLOW_MISSING_ORIGIN = True
    assert asked(None)
    assert not asked("http://evil.example")
