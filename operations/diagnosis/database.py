"""Whether the database answers, is up to date, and keeps what it has confirmed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from operations.diagnosis.findings import Finding, ok, problem, warning
from operations.models import ServerNode
from operations.reach import database_refusal

_CLOCK_SECONDS = 5
# A server that was seen within this time counts as running; it gives a sign every few seconds.
_ALIVE_SECONDS = 30
# psycopg's pool and everything else of this product is tested from here on.
_OLDEST_POSTGRES = 14


def database_findings() -> Iterator[Finding]:
    if not settings.ENVIRONMENT.persistence_enabled:
        # Ours is empty and goes with this command; the server's is its own.
        yield ok("database", "SQLite, a throw-away file that is new at each start")
        return
    refusal = database_refusal()
    if refusal:
        text = f"{connection.display_name} does not answer: {refusal}"
        yield problem("database", text, "Start it, or correct DATABASE_URL.")
        return
    try:
        yield from _postgres() if connection.vendor == "postgresql" else _sqlite()
        if (yield from _migrations()):
            yield from _nodes()
    except DatabaseError as error:
        yield problem("database", f"A question to the database failed: {str(error).strip()}")
    finally:
        connection.close()


def _ask(question: str) -> str:
    return str(_value(question))


def _value(question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def _sqlite() -> Iterator[Finding]:
    version = _ask("SELECT sqlite_version()")
    yield ok("database", f"SQLite {version}, {settings.DATABASES['default']['NAME']}")
    journal, synchronous = _ask("PRAGMA journal_mode").lower(), _ask("PRAGMA synchronous")
    if journal == "wal" and synchronous == "2":
        yield ok("durability", "journal mode WAL, synchronous FULL: a confirmed message survives a power cut")
    else:
        yield problem(
            "durability",
            f"journal mode {journal}, synchronous {synchronous}: a confirmed message may be lost, or readers wait.",
            "Keep the data folder on a local disk; WAL does not work on network file systems.",
        )


def _postgres() -> Iterator[Finding]:
    version, number = _ask("SHOW server_version"), int(_ask("SHOW server_version_num")) // 10_000
    if number < _OLDEST_POSTGRES:
        yield problem("database", f"PostgreSQL {version} is too old.", f"Use {_OLDEST_POSTGRES} or newer.")
    else:
        yield ok("database", f"PostgreSQL {version}, database {connection.settings_dict['NAME']}")
    off = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if _ask(f"SHOW {name}") == "off"]
    if off:
        yield problem(
            "durability", f"{', '.join(off)} off: a confirmed message may be lost.", "Switch it on in postgresql.conf."
        )
    else:
        yield ok("durability", "fsync and synchronous_commit on: a confirmed message survives a power cut")
    yield _pool()
    yield from _clock()


def _pool() -> Finding:
    size, allowed = settings.ENVIRONMENT.database_pool_size, int(_ask("SHOW max_connections"))
    # Writers, readers and jobs of a process hold a handful of connections beside the pool.
    processes = allowed // (size + 8)
    text = f"{size} connections in each process's pool; the server allows {allowed}, enough for {processes} processes"
    if processes < 1:
        return problem("pool", text, "Lower DATABASE_POOL_SIZE or raise max_connections.")
    return ok("pool", text)


def _clock() -> Iterator[Finding]:
    there: datetime = _value("SELECT clock_timestamp()")
    apart = abs((timezone.now() - there).total_seconds())
    if apart > _CLOCK_SECONDS:
        yield warning("clock", f"This machine and the database are {apart:.0f} s apart.", "Synchronise both with NTP.")
    else:
        yield ok("clock", f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC, the same as the database's")


def _migrations() -> Generator[Finding, None, bool]:
    """Yield what is to be said about migrations; the value is whether the tables are as this version wants them."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield problem("migrations", f"{len(plan)} are not applied.", "Run: manage.py migrate")
        return False
    yield ok("migrations", "all applied")
    return True


def _nodes() -> Iterator[Finding]:
    now = timezone.now()
    nodes = list(ServerNode.objects.order_by("name").values_list("name", "seen_at"))
    ahead = [name for name, seen_at in nodes if (seen_at - now).total_seconds() > _CLOCK_SECONDS]
    if ahead:
        yield warning(
            "clock", f"{', '.join(ahead)} was last seen in the future: a clock is wrong.", "Synchronise with NTP."
        )
    alive = [name for name, seen_at in nodes if (now - seen_at).total_seconds() < _ALIVE_SECONDS]
    if len(alive) > 1 and not settings.REDIS_URL:
        yield problem(
            "servers",
            f"{len(alive)} processes run without Redis: each learns of the others' messages late.",
            "Set REDIS_URL, or run one process.",
        )
    else:
        yield ok("servers", f"running: {', '.join(alive) or 'none'}")
