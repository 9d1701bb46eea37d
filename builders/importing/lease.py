"""Who works on an import. A worker that dies is replaced; one that was replaced without knowing can write nothing.

Every chunk renews the lease in its own transaction, which fails where the job has gone to somebody else meanwhile.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from builders.models import ImportJob
from realtime.ids import new_uid

# Many chunks long; what a slow disk may take for one.
LEASE = dt.timedelta(seconds=60)
RUNNING = (ImportJob.State.STAGING, ImportJob.State.COMMITTING, ImportJob.State.UNDOING)
_START_TIME = 19  # of the fields of /proc/<pid>/stat behind the name, which stands in brackets


class LeaseLost(Exception):
    """The job is in other hands, or was stopped: this worker has nothing more to say."""


class Cancelled(Exception):
    """Somebody wants this to stop."""


def new_worker() -> str:
    """Return a name for one run, which tells a later one on this machine whether its process lives."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{_started(os.getpid())}:{new_uid()[:6]}"


def is_free(job: ImportJob) -> bool:
    """Tell whether nobody works on the job: the lease has lapsed, or its process on this machine is gone."""
    if not job.worker or job.lease_until is None or job.lease_until <= timezone.now():
        return True
    host, pid, started, _ = job.worker.rsplit(":", 3)
    return host == socket.gethostname()[:40] and _started(int(pid)) != started


@transaction.atomic
def claim(job_id: int, worker: str) -> ImportJob | None:
    """Take a job that has something left to do; None where it has not, or somebody works on it."""
    job = ImportJob.objects.select_for_update().filter(pk=job_id, state__in=RUNNING).first()
    if job is None or not is_free(job):
        return None
    job.worker, job.lease_until = worker, timezone.now() + LEASE
    job.save(update_fields=["worker", "lease_until"])
    return job


def hold(job: ImportJob, worker: str) -> ImportJob:
    """Return the job as it stands, locked until the transaction ends. Raises `LeaseLost` and `Cancelled`."""
    held = ImportJob.objects.select_for_update().filter(pk=job.pk, worker=worker, state=job.state).first()
    if held is None:
        raise LeaseLost
    if held.wants_cancel and held.state != ImportJob.State.UNDOING:
        raise Cancelled
    return held


def renew(job: ImportJob, worker: str, **changes: Any) -> None:
    """Say that the work goes on, and note how far it is, with what else is written in this transaction."""
    held = hold(job, worker)
    held.lease_until = timezone.now() + LEASE
    for name, value in changes.items():
        setattr(held, name, value)
    held.save(update_fields=["lease_until", *changes])


@transaction.atomic
def finish(job: ImportJob, worker: str, state: str, **changes: Any) -> None:
    """End the present step, or the whole work, and give the job back. Raises `LeaseLost`."""
    changes |= {"state": state, "worker": "" if state not in RUNNING else worker, "lease_until": None}
    if state in RUNNING:
        changes["lease_until"] = timezone.now() + LEASE
    if not ImportJob.objects.filter(pk=job.pk, worker=worker, state=job.state).update(**changes):
        raise LeaseLost
    job.refresh_from_db()


def _started(pid: int) -> str:
    """Return when a process of this machine began, in the kernel's words; "" when there is none, or nobody says so."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[_START_TIME]
