"""Redis and the mail server, where they are configured."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core import mail

from operations.diagnosis.findings import Finding, ok, problem, warning

_PATIENCE_SECONDS = 5


def service_findings() -> Iterator[Finding]:
    yield _redis()
    yield _email()


def _redis() -> Finding:
    if not settings.REDIS_URL:
        return ok("redis", "not configured: cache and channel layer in memory, for one server process")
    try:
        # fakeredis and proxies aside, every server answers INFO; it is a round trip like PING and tells the version.
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_PATIENCE_SECONDS) as client:
            facts = client.info("server")
    except (redis.RedisError, OSError) as error:
        return problem(
            "redis",
            f"{_without_password(settings.REDIS_URL)} does not answer: {error}",
            "Start it, or correct REDIS_URL. Until then messages reach the other processes seconds late.",
        )
    version = facts["redis_version"] if isinstance(facts, dict) else "unknown"
    return ok("redis", f"version {version}, for the cache and the channel layer")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _email() -> Finding:
    backend = settings.EMAIL_BACKEND.rpartition(".")[0].rpartition(".")[2]
    if backend == "console":
        return warning("e-mail", "not configured: mails are printed into the log.", "Set EMAIL_URL=smtp+tls://…")
    if backend != "smtp":
        return ok("e-mail", f"delivered by the {backend} backend")
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    connection = mail.get_connection(timeout=_PATIENCE_SECONDS)
    try:
        connection.open()
        connection.close()
    except (OSError, smtplib.SMTPException) as error:
        return problem("e-mail", f"{where} does not take our mail: {error}", "Check EMAIL_URL.")
    return ok("e-mail", f"{where} takes our mail, from {settings.DEFAULT_FROM_EMAIL}")
