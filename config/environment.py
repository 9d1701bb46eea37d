"""Read the environment once, typed and checked.

Every variable the product understands is a field of `Environment`; a wrong value raises
`ImproperlyConfigured` with the variable's name, so a bad deployment stops at the start and
says where. `docs/configuration.md` documents each one, and a test keeps the two in step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config import variables
from config.secret_key import FEWEST_CHARACTERS, kept_key

BASE_DIR = Path(__file__).resolve().parent.parent
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
PLACES_URL = "https://places.googleapis.com/v1"


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
    metrics_token: str
    places_base_url: str
    places_api_key: str
    places_daily_quota: int
    default_from_email: str
    log_level: str
    time_zone: str

    @property
    def is_secure(self) -> bool:
        return self.public_origin.startswith("https://")


def _secret_key(data_dir: Path, *, debug: bool) -> str:
    """Return SECRET_KEY, or the key kept in DATA_DIR."""
    given = variables.text("SECRET_KEY")
    if not given:
        try:
            return kept_key(data_dir)
        except ValueError as error:
            raise ImproperlyConfigured(f"SECRET_KEY is not set, and {error}") from error
        except OSError as error:
            raise ImproperlyConfigured(f"DATA_DIR must be a folder that can be written: {error}.") from error
    if len(given) < FEWEST_CHARACTERS and not debug:
        raise ImproperlyConfigured(f"SECRET_KEY must have at least {FEWEST_CHARACTERS} characters.")
    return given


def _database_url() -> str:
    url = variables.url("DATABASE_URL", ("sqlite", "postgres", "postgresql"))
    if url and urlsplit(url).path.strip("/") in ("", ":memory:"):
        raise ImproperlyConfigured("DATABASE_URL must name a database: postgresql://…/name or sqlite:////path/to/file.")
    return url


def _metrics_token() -> str:
    token = variables.text("METRICS_TOKEN")
    # Whoever guesses it reads the counters: not a word, but something made by a machine.
    if token and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
        raise ImproperlyConfigured("METRICS_TOKEN must have at least 16 characters, all of them ASCII and no blanks.")
    return token


def _places_base_url() -> str:
    url = variables.url("PLACES_BASE_URL", ("http", "https"), PLACES_URL).rstrip("/")
    parts = urlsplit(url)
    # Every request carries the key: without encryption it would be read on the way.
    if not parts.hostname or "@" in parts.netloc or (parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS):
        raise ImproperlyConfigured(
            "PLACES_BASE_URL must be https://…, or http://… on a loopback address, without a password."
        )
    return url


def _places_api_key() -> str:
    key = variables.text("PLACES_API_KEY")
    # It goes out as a header.
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ImproperlyConfigured("PLACES_API_KEY must be ASCII without blanks.")
    return key


def read_environment() -> Environment:
    """Return the checked environment, after `.env` in the project folder has filled what is unset."""
    environ.Env.read_env(BASE_DIR / ".env")
    debug = variables.flag("DEBUG", False)
    host = variables.text("HOST", "127.0.0.1")
    port = variables.whole("PORT", 8000, 1, 65535)
    data_dir = variables.folder("DATA_DIR", "var", BASE_DIR)
    origin = variables.origin("PUBLIC_ORIGIN", f"http://127.0.0.1:{port}")
    rate_limits = variables.flag("RATE_LIMITS_ENABLED", True)
    if not rate_limits and host not in LOOPBACK_HOSTS:
        raise ImproperlyConfigured("RATE_LIMITS_ENABLED=false is refused unless HOST is a loopback address.")
    level = variables.text("LOG_LEVEL", "INFO").upper()
    return Environment(
        debug=debug,
        secret_key=_secret_key(data_dir, debug=debug),
        public_origin=origin,
        allowed_hosts=variables.hosts("ALLOWED_HOSTS") or _default_hosts(origin),
        trusted_proxies=variables.networks("TRUSTED_PROXIES"),
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=_database_url(),
        database_pool_size=variables.whole("DATABASE_POOL_SIZE", 16, 2, 200),
        redis_url=variables.url("REDIS_URL", ("redis", "rediss", "unix")),
        persistence_enabled=variables.flag("PERSISTENCE_ENABLED", True),
        rate_limits_enabled=rate_limits,
        staff_mfa_required=variables.flag("STAFF_MFA_REQUIRED", False),
        ws_allow_missing_origin=variables.flag("WS_ALLOW_MISSING_ORIGIN", False),
        ws_connections_per_user=variables.whole("WS_CONNECTIONS_PER_USER", 20, 1, 10_000),
        spool_max_bytes=variables.whole("SPOOL_MAX_BYTES", 64 * 1024 * 1024, 1024, 10 * 1024**3),
        node_name=variables.text("NODE_NAME"),
        email_url=variables.url("EMAIL_URL", ("smtp", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail")),
        metrics_token=_metrics_token(),
        places_base_url=_places_base_url(),
        places_api_key=_places_api_key(),
        places_daily_quota=variables.whole("PLACES_DAILY_QUOTA", 500, 0, 1_000_000),
        default_from_email=variables.text("DEFAULT_FROM_EMAIL", "Pavilion <no-reply@localhost>"),
        log_level=variables.checked(
            "LOG_LEVEL", lambda: level, lambda v: v in LOG_LEVELS, f"one of {', '.join(LOG_LEVELS)}"
        ),
        time_zone=variables.time_zone("TIME_ZONE", "UTC"),
    )


def _default_hosts(origin: str) -> list[str]:
    # Without its port, and an IPv6 address in its brackets, as a Host header has it.
    host = urlsplit(origin).netloc.removesuffix(f":{urlsplit(origin).port}")
    return sorted({host, "127.0.0.1", "localhost", "[::1]"})
