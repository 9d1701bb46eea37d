"""Signs of life: which server processes there are."""

from __future__ import annotations

import datetime as dt
import os
import socket

from django.conf import settings
from django.utils import timezone

from operations.models import ServerNode

# Three missed heartbeats.
SILENT = dt.timedelta(seconds=20)
_KEPT = dt.timedelta(days=1)


def node_name() -> str:
    """Return the name of this process among the servers: `NODE_NAME` or the host, and the process number."""
    return f"{settings.NODE_NAME or socket.gethostname()}-{os.getpid()}"[:80]


def beat(*, name: str, started_at: dt.datetime, connections: int, spool_pending: int) -> None:
    """Say that this process lives. One statement when it has said so before."""
    now = timezone.now()
    state = {"seen_at": now, "connections": connections, "spool_pending": spool_pending}
    if not ServerNode.objects.filter(name=name).update(**state):
        ServerNode.objects.create(name=name, pid=os.getpid(), version=settings.VERSION, started_at=started_at, **state)


def say_goodbye(name: str) -> None:
    ServerNode.objects.filter(name=name).delete()


def sweep_silent() -> str:
    """Forget the processes that were silent for a day; the admin shows shorter silences."""
    count, _ = ServerNode.objects.filter(seen_at__lt=timezone.now() - _KEPT).delete()
    return f"{count} silent servers forgotten"
