"""Whether this process lives, whether it can serve, and what it has counted."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from operations import metrics
from realtime.runtime import current


@require_safe
async def health(request: HttpRequest) -> HttpResponse:
    """Answer as long as the event loop turns, and touch nothing else: who fails this is restarted."""
    return JsonResponse({"status": "alive"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when this process can serve, 503 with the reasons when it cannot. For load balancers."""
    reasons = [reason for reason in (check() for check in _CHECKS) if reason]
    body = {"status": "unready" if reasons else "ready", "reasons": reasons}
    return JsonResponse(body, status=503 if reasons else 200)


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Answer the counters of this process in the Prometheus text format."""
    return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not answer."
    return ""


def _runtime() -> str:
    return "" if current() is not None else "The live parts are not running."


def _journal() -> str:
    runtime = current()
    if runtime is None:
        return ""
    pending = sum(writer.pending for writer in runtime.writers.values())
    return f"{pending} messages wait in the journal." if pending else ""


_CHECKS: tuple[Callable[[], str], ...] = (_database, _runtime, _journal)
