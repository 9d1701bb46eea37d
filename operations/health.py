"""Whether this process lives, whether it can serve, and what it has counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import metrics
from operations.scraping import may_read_metrics
from realtime.runtime import current

# Less than this, and neither the database nor the journal takes the next message for sure.
_FULL_DISK_BYTES = 8 * 2**20


@require_safe
async def health(request: HttpRequest) -> HttpResponse:
    """Answer as long as the event loop turns, and touch nothing else: who fails this is restarted."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when this process can serve, 503 with the reasons when it cannot. For load balancers."""
    reasons = [reason for reason in (check() for check in _CHECKS) if reason]
    body = {"status": "unready" if reasons else "ready", "reasons": reasons}
    return JsonResponse(body, status=503 if reasons else 200)


@never_cache
@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Answer the counters of this process in the Prometheus text format, to those who may see them."""
    if not may_read_metrics(request):
        text = "For staff, for programs on this machine, and for those who send METRICS_TOKEN as a bearer token.\n"
        return HttpResponse(text, status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return _migrations()
    except DatabaseError:
        return "The database does not answer."


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "The database is behind this version: run manage.py migrate."
    return ""


def _runtime() -> str:
    return "" if current() is not None else "The live parts are not running."


def _journal() -> str:
    runtime = current()
    if runtime is None:
        return ""
    journals = [writer.journal for writer in runtime.writers.values() if writer.journal is not None]
    if any(journal.is_full for journal in journals):
        return "The journal is full: messages are refused."
    pending = sum(journal.pending for journal in journals)
    return f"{pending} messages wait in the journal." if pending else ""


def _disk() -> str:
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError:
        return "The data folder cannot be reached."
    return "The disk is full." if free < _FULL_DISK_BYTES else ""


_CHECKS: tuple[Callable[[], str], ...] = (_database, _runtime, _journal, _disk)
