"""Scheduled jobs: each runs in one process at a time, however many servers there are.

A job is claimed by moving its `next_at` under a lock, in a transaction of its own; then it runs. A process that dies
in the middle leaves a run that never finished, visible in the admin; after the job's `limit` it counts as dead, and the
job runs again.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from operations.models import ScheduledRun
from realtime.errors import ClientError

logger = logging.getLogger(__name__)


class JobRunning(ClientError):
    def __init__(self) -> None:
        super().__init__("conflict", "This job is running already.")


class JobUnknown(ClientError):
    def __init__(self) -> None:
        super().__init__("not_found", "This version has no such job.")


@dataclass(frozen=True, slots=True)
class Job:
    """Something that happens every so often. `run` returns one line about what it did."""

    name: str
    every: dt.timedelta
    run: Callable[[], str]
    # A run that has not finished after this long is taken for that of a process that died.
    limit: dt.timedelta = dt.timedelta(minutes=10)


def all_jobs() -> Sequence[Job]:
    """Return the jobs of all apps. By the name in the settings: they are put together above this app."""
    jobs: Sequence[Job] = import_string(settings.SCHEDULED_JOBS)
    return jobs


def job_named(name: str) -> Job:
    """Return one of the jobs of all apps. Raises `JobUnknown`."""
    for job in all_jobs():
        if job.name == name:
            return job
    raise JobUnknown


def run_due(jobs: Sequence[Job]) -> list[str]:
    """Run the jobs that are due and that no other process has claimed; return their names."""
    ran = []
    for job in _due(jobs):
        if _claim(job, only_if_due=True):
            _run(job)
            ran.append(job.name)
    return ran


def run_now(job: Job) -> ScheduledRun:
    """Run a job at once, whatever its schedule, and return its record. Raises `JobRunning`."""
    if not _claim(job, only_if_due=False):
        raise JobRunning
    _run(job)
    return ScheduledRun.objects.get(job=job.name)


def run_soon(name: str) -> None:
    """Make a job due, for whoever looks next. One that runs at this moment runs again; one that never ran is due."""
    now = timezone.now()
    ScheduledRun.objects.filter(job=name, next_at__gt=now).update(next_at=now)


def is_running(run: ScheduledRun, limit: dt.timedelta) -> bool:
    """Tell whether a run has begun and not ended, and may still be alive."""
    return run.started_at is not None and run.finished_at is None and run.started_at > timezone.now() - limit


def _due(jobs: Sequence[Job]) -> list[Job]:
    now = timezone.now()
    next_at = dict(ScheduledRun.objects.values_list("job", "next_at"))
    return [job for job in jobs if next_at.get(job.name, now) <= now]


@transaction.atomic
def _claim(job: Job, *, only_if_due: bool) -> bool:
    now = timezone.now()
    ScheduledRun.objects.get_or_create(job=job.name, defaults={"next_at": now})
    # Whoever holds the lock is claiming the job at this moment: passed over, not waited for.
    run = ScheduledRun.objects.select_for_update(skip_locked=True).filter(job=job.name).first()
    if run is None or is_running(run, job.limit) or (only_if_due and run.next_at > now):
        return False
    run.next_at, run.started_at, run.finished_at = now + job.every, now, None
    run.save(update_fields=["next_at", "started_at", "finished_at"])
    return True


def _run(job: Job) -> None:
    try:
        result, is_ok = job.run(), True
    except Exception as error:  # a job that fails is recorded and tried again at its next time
        logger.exception("job %s failed", job.name)
        result, is_ok = f"{type(error).__name__}: {error}", False
    ScheduledRun.objects.filter(job=job.name).update(finished_at=timezone.now(), is_ok=is_ok, result=result[:300])
