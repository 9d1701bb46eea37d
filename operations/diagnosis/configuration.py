"""The environment's values against each other: key, debug mode, addresses, e-mail."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.http.request import validate_host

from operations.diagnosis.findings import Finding, ok, problem, warning

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def configuration_findings() -> Iterator[Finding]:
    yield from _system_checks()
    yield _debug()
    yield _secret_key()
    yield from _addresses()
    yield _second_factor()
    yield _limits()
    yield _persistence()


def _is_public() -> bool:
    return urlsplit(settings.PUBLIC_ORIGIN).hostname not in _LOOPBACK


def _system_checks() -> Iterator[Finding]:
    messages = [message for message in checks.run_checks() if not message.is_silenced()]
    for message in messages:
        make = problem if message.level >= checks.ERROR else warning
        yield make("settings", f"{message.id}: {message.msg}", message.hint or "")
    if not messages:
        yield ok("settings", f"Pavilion {settings.VERSION}, all system checks pass.")


def _debug() -> Finding:
    if not settings.DEBUG:
        return ok("debug", "off")
    text = "DEBUG is on: errors show the source and the settings to whoever causes them."
    make = problem if _is_public() else warning
    return make("debug", text, "Set DEBUG=false outside development.")


def _secret_key() -> Finding:
    path = settings.DATA_DIR / "secret_key"
    if not path.exists() or path.read_text(encoding="ascii").strip() != settings.SECRET_KEY:
        return ok("secret key", "taken from SECRET_KEY")
    if path.stat().st_mode & 0o077:
        return problem("secret key", f"{path} can be read by other users.", f"Run: chmod 600 {path}")
    return ok("secret key", f"kept in {path}; servers on other machines need it as SECRET_KEY")


def _addresses() -> Iterator[Finding]:
    origin = urlsplit(settings.PUBLIC_ORIGIN)
    if not validate_host(origin.hostname or "", settings.ALLOWED_HOSTS):
        yield problem(
            "public origin",
            f"{settings.PUBLIC_ORIGIN} is not covered by ALLOWED_HOSTS: every page would answer 400.",
            f"Add {origin.hostname} to ALLOWED_HOSTS, or leave ALLOWED_HOSTS unset.",
        )
    elif _is_public() and origin.scheme != "https":
        yield warning(
            "public origin",
            f"{settings.PUBLIC_ORIGIN} is not encrypted: passwords and messages can be read on the way.",
            "Put a proxy with a certificate in front and set PUBLIC_ORIGIN=https://…",
        )
    else:
        yield ok("public origin", f"{settings.PUBLIC_ORIGIN}, in links, QR codes and the check of Origin")
    if origin.scheme == "https" and not settings.TRUSTED_PROXIES:
        yield warning(
            "proxy",
            "PUBLIC_ORIGIN is https and TRUSTED_PROXIES is empty: all visitors seem to come from the proxy's address.",
            "Set TRUSTED_PROXIES to the proxy's address, 127.0.0.1 on the same machine.",
        )
    elif any(ipaddress.ip_network(network).prefixlen == 0 for network in settings.TRUSTED_PROXIES):
        yield problem(
            "proxy",
            "TRUSTED_PROXIES covers everybody: each visitor may choose an address.",
            "Name the proxy's address.",
        )
    elif settings.TRUSTED_PROXIES:
        yield ok("proxy", f"believed: {', '.join(settings.TRUSTED_PROXIES)}")


def _second_factor() -> Finding:
    if settings.STAFF_MFA_REQUIRED:
        return ok("second factor", "required of staff")
    text = "STAFF_MFA_REQUIRED=false: a password alone opens the admin site."
    if _is_public():
        return warning("second factor", text, "Set STAFF_MFA_REQUIRED=true.")
    return ok("second factor", f"{text} Nobody outside this machine can reach it.")


def _limits() -> Finding:
    if settings.RATE_LIMITS_ENABLED:
        return ok("rate limits", "on")
    return warning("rate limits", "off: only for load tests", "Remove RATE_LIMITS_ENABLED=false.")


def _persistence() -> Finding:
    if settings.ENVIRONMENT.persistence_enabled:
        return ok("persistence", "on: everything is kept")
    return warning(
        "persistence",
        "PERSISTENCE_ENABLED=false: everything is forgotten when the server stops.",
        "Remove it to keep rooms and messages.",
    )
