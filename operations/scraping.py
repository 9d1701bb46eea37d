"""Who may read the counters of `GET /metrics`: how many people are where is nobody else's business."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

# Any of them says that a program stands between the visitor and us. Those of a trusted proxy are taken out before
# (`operations.proxies`), so one that is still here came from somebody whose word does not count.
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def may_read_metrics(request: HttpRequest) -> bool:
    """Tell whether this is staff, a program on this machine, or somebody with `METRICS_TOKEN`."""
    return _has_token(request) or _is_from_here(request) or admin.site.has_permission(request)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if not settings.METRICS_TOKEN or scheme.lower() != "bearer":
        return False
    return constant_time_compare(token.strip(), settings.METRICS_TOKEN)


def _is_from_here(request: HttpRequest) -> bool:
    """Tell whether the peer is a program on this machine, and not a proxy that passes a stranger on."""
    if any(name in request.META for name in _FORWARDED):
        return False
    # Visitors reach a public address through a proxy. While none is named, every one of them seems to come from here.
    if not settings.TRUSTED_PROXIES and not _is_loopback(urlsplit(settings.PUBLIC_ORIGIN).hostname or ""):
        return False
    return _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
