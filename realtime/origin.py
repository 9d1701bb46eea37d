"""Which pages may open a socket. A socket carries the visitor's cookie, so a foreign page must not get one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_origin_allowed(scope: dict[str, Any]) -> bool:
    """Return whether the `Origin` header of this ASGI scope is ours.

    Ours is `PUBLIC_ORIGIN`, or the very host that the request went to, provided that `ALLOWED_HOSTS` knows it: the
    comparison with the Host header alone would let in a page whose name was pointed at this server.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"origin", b"host")}
    origin = headers.get(b"origin", "")
    if not origin:
        return bool(settings.WS_ALLOW_MISSING_ORIGIN)
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:  # no URL at all, such as an unclosed bracket
        return False
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != headers.get(b"host", "").lower():
        return False
    host, _ = split_domain_port(parts.netloc.lower())
    return bool(host) and validate_host(host, settings.ALLOWED_HOSTS)
