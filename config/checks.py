"""System checks for traps that cost others a day: wrong versions, and settings that break a promise in silence."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from realtime.wire import MAX_FRAME_BYTES

Found = list[CheckMessage]
Check = Callable[..., Found]

# Before 0.54 its default WebSocket implementation had no write back-pressure.
_UVICORN = (0, 54)
# From 8 on redis-py gives idle connections a time-out, which ends every waiting subscriber.
_REDIS_BELOW = (8,)
# A command that fits into a form post must fit into the body limit, too.
_SMALLEST_BODY_LIMIT = MAX_FRAME_BYTES


def check_redis_version(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    if _release("redis") < _REDIS_BELOW:
        return []
    return [_error("E001", f"redis {version('redis')} is installed.", "Install redis>=7.4,<8: see requirements.txt.")]


def check_redis_timeout(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    layer = settings.CHANNEL_LAYERS.get("default", {})
    hosts = layer.get("CONFIG", {}).get("hosts", [])
    if all(isinstance(host, dict) and host.get("socket_timeout", 0) is None for host in hosts):
        return []
    hint = 'Give every host of CHANNEL_LAYERS "socket_timeout": None; else idle subscribers are cut off.'
    return [_error("E002", "The channel layer's connections have a socket time-out.", hint)]


def check_uvicorn_version(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    if _release("uvicorn") >= _UVICORN:
        return []
    hint = "Install uvicorn>=0.54: older ones buffer without end for a slow reader."
    return [_error("E003", f"uvicorn {version('uvicorn')} is installed.", hint)]


def check_middleware(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    hint = "One entry that is not async-capable makes every request hop between threads. Replace it."
    return [
        _error("E004", f"{path} in MIDDLEWARE is not async-capable.", hint)
        for path in settings.MIDDLEWARE
        if not _is_async_capable(path)
    ]


def check_ninja(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    if "ninja" in settings.INSTALLED_APPS:
        return []
    hint = 'Add "ninja" to INSTALLED_APPS; else /api/docs loads its scripts from a foreign server.'
    return [_error("E005", "The API's documentation page is not served from here.", hint)]


def check_connection_age(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    hint = "Set CONN_MAX_AGE to 0: under ASGI a kept connection leaks with its thread."
    return [
        _error("E006", f"The database {alias!r} keeps connections (CONN_MAX_AGE).", hint)
        for alias, database in settings.DATABASES.items()
        if database.get("CONN_MAX_AGE", 0) != 0
    ]


def check_sqlite(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    found: Found = []
    for alias, database in settings.DATABASES.items():
        if "sqlite" not in database["ENGINE"]:
            continue
        options = database.get("OPTIONS", {})
        if str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
            hint = (
                'Set OPTIONS["transaction_mode"] to "IMMEDIATE": a deferred one that becomes a writer fails under load.'
            )
            found.append(_error("E007", f"Transactions of the database {alias!r} are not immediate.", hint))
        statements = str(options.get("init_command", "")).upper().replace(" ", "")
        if "JOURNAL_MODE=WAL" not in statements or "SYNCHRONOUS=FULL" not in statements:
            hint = "Set journal_mode=WAL and synchronous=FULL in init_command: less may lose acknowledged messages."
            found.append(_error("E008", f"The database {alias!r} may lose what was committed.", hint))
    return found


def check_sessions(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    if settings.SESSION_ENGINE == "accounts.sessions":
        return []
    hint = 'Set SESSION_ENGINE to "accounts.sessions": sockets look sessions up in that table.'
    return [_error("E009", "Sessions are not kept in the database.", hint)]


def check_limits(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Found:
    found: Found = []
    if settings.WS_CONNECTIONS_PER_USER < 1:
        hint = "Set WS_CONNECTIONS_PER_USER to 1 or more."
        found.append(_error("E010", "Nobody may open a socket.", hint))
    body_limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if body_limit is None or body_limit < _SMALLEST_BODY_LIMIT:
        hint = f"Set DATA_UPLOAD_MAX_MEMORY_SIZE to a number from {_SMALLEST_BODY_LIMIT} on."
        found.append(_error("E011", "The limit on request bodies is missing, or below that on socket frames.", hint))
    return found


CHECKS: tuple[Check, ...] = (
    check_redis_version,
    check_redis_timeout,
    check_uvicorn_version,
    check_middleware,
    check_ninja,
    check_connection_age,
    check_sqlite,
    check_sessions,
    check_limits,
)


def register_checks() -> None:
    for check in CHECKS:
        register(check)


def _error(number: str, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"pavilion.{number}")


def _release(package: str) -> tuple[int, ...]:
    """Return the leading numbers of an installed version, such as (7, 4) of `7.4.0rc1`."""
    numbers = []
    for part in version(package).split(".")[:2]:
        digits = "".join(character for character in part if character.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)


def _is_async_capable(path: str) -> bool:
    middleware = import_string(path)
    # A plain function says so by an attribute; a class by the same one, which MiddlewareMixin sets.
    return bool(getattr(middleware, "async_capable", inspect.iscoroutinefunction(middleware)))
