"""Read the environment once, typed and checked.

Every variable the product understands is a field of `Environment`; a wrong value raises
`ImproperlyConfigured` with the variable's name, so a bad deployment stops at the start and
says where. `docs/configuration.md` documents each one, and a test keeps the two in step.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Environment:
    """The checked values. Sizes are bytes and times are seconds unless the name says otherwise."""

    debug: bool
    secret_key: str
    public_origin: str
    allowed_hosts: list[str]
    trusted_proxies: list[str]
    host: str
    port: int
    data_dir: Path
    database_url: str
    database_pool_size: int
    redis_url: str
    persistence_enabled: bool
    rate_limits_enabled: bool
    staff_mfa_required: bool
    ws_allow_missing_origin: bool
    ws_connections_per_user: int
    spool_max_bytes: int
    node_name: str
    email_url: str
    default_from_email: str
    log_level: str
    time_zone: str

    @property
    def is_secure(self) -> bool:
        return self.public_origin.startswith("https://")


def _checked(name: str, read: Callable[[], T], accept: Callable[[T], bool], wanted: str) -> T:
    try:
        value = read()
    except (ValueError, TypeError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} must be {wanted}.") from error
    if not accept(value):
        raise ImproperlyConfigured(f"{name} must be {wanted}, not {value!r}.")
    return value


class _Reader:
    """One typed read per kind of value, each naming the variable when it refuses."""

    def __init__(self, env: environ.Env) -> None:
        self.env = env

    def flag(self, name: str, default: bool) -> bool:
        words = {"true": True, "1": True, "yes": True, "on": True}
        words |= {"false": False, "0": False, "no": False, "off": False}
        text = self.text(name, str(default)).lower()
        # environ.bool() reads any unknown word as False: a typing mistake would switch a limit off.
        return _checked(name, lambda: words.get(text), lambda v: v is not None, "true or false") is True

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        return _checked(
            name,
            lambda: int(self.text(name, str(default))),
            lambda v: low <= v <= high,
            f"a whole number from {low} to {high}",
        )

    def text(self, name: str, default: str = "") -> str:
        return str(self.env.str(name, default=default)).strip() or default

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def url(self, name: str, schemes: tuple[str, ...], default: str = "") -> str:
        return _checked(
            name,
            lambda: self.text(name, default),
            lambda v: not v or urlsplit(v).scheme in schemes,
            f"a URL that begins with one of {', '.join(s + ':' for s in schemes)}",
        )


def _secret_key(given: str, data_dir: Path, *, debug: bool) -> str:
    """Return SECRET_KEY, or the key kept in DATA_DIR, made on first use.

    A generated key must outlive the process: with a new one every session would be logged out.
    """
    if given:
        if len(given) < 32 and not debug:
            raise ImproperlyConfigured("SECRET_KEY must have at least 32 characters.")
        return given
    path = data_dir / "secret_key"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # "x" lets exactly one of several processes that start together create the file.
        with path.open("x", encoding="ascii") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR must be a folder that can be written: {error}") from error
    return path.read_text(encoding="ascii").strip()


def read_environment() -> Environment:
    """Return the checked environment, after `.env` in the project folder has filled what is unset."""
    environ.Env.read_env(BASE_DIR / ".env")
    read = _Reader(environ.Env())
    debug = read.flag("DEBUG", False)
    host = read.text("HOST", "127.0.0.1")
    port = read.whole("PORT", 8000, 1, 65535)
    data_dir = Path(read.text("DATA_DIR", "var")).expanduser()
    data_dir = data_dir if data_dir.is_absolute() else BASE_DIR / data_dir
    origin = read.url("PUBLIC_ORIGIN", ("http", "https"), f"http://127.0.0.1:{port}").rstrip("/")
    rate_limits = read.flag("RATE_LIMITS_ENABLED", True)
    if not rate_limits and host not in LOOPBACK_HOSTS:
        raise ImproperlyConfigured("RATE_LIMITS_ENABLED=false is refused unless HOST is a loopback address.")
    level = read.text("LOG_LEVEL", "INFO").upper()
    return Environment(
        debug=debug,
        secret_key=_secret_key(read.text("SECRET_KEY"), data_dir, debug=debug),
        public_origin=origin,
        allowed_hosts=read.words("ALLOWED_HOSTS") or _default_hosts(origin),
        trusted_proxies=read.words("TRUSTED_PROXIES"),
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=read.url("DATABASE_URL", ("sqlite", "postgres", "postgresql")),
        database_pool_size=read.whole("DATABASE_POOL_SIZE", 16, 2, 200),
        redis_url=read.url("REDIS_URL", ("redis", "rediss", "unix")),
        persistence_enabled=read.flag("PERSISTENCE_ENABLED", True),
        rate_limits_enabled=rate_limits,
        staff_mfa_required=read.flag("STAFF_MFA_REQUIRED", False),
        ws_allow_missing_origin=read.flag("WS_ALLOW_MISSING_ORIGIN", False),
        ws_connections_per_user=read.whole("WS_CONNECTIONS_PER_USER", 20, 1, 10_000),
        spool_max_bytes=read.whole("SPOOL_MAX_BYTES", 64 * 1024 * 1024, 1024, 10 * 1024**3),
        node_name=read.text("NODE_NAME"),
        email_url=read.url("EMAIL_URL", ("smtp", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail")),
        default_from_email=read.text("DEFAULT_FROM_EMAIL", "Pavilion <no-reply@localhost>"),
        log_level=_checked("LOG_LEVEL", lambda: level, lambda v: v in LOG_LEVELS, f"one of {', '.join(LOG_LEVELS)}"),
        time_zone=read.text("TIME_ZONE", "UTC"),
    )


def _default_hosts(origin: str) -> list[str]:
    return sorted({urlsplit(origin).hostname or "localhost", "127.0.0.1", "localhost", "[::1]"})
