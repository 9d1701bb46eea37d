"""Scheduled jobs: each runs in one process at a time, however many servers there are.

A job is claimed by moving its `next_at` under a lock, in a transaction of its own; then it runs. A process that dies
in the middle leaves a run that never finished, visible in the admin, and the next one comes at the usual time.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from operations.models import ScheduledRun

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that happens every so often. `run` returns one line about what it did."""

    name: str
    every: dt.timedelta
    run: Callable[[], str]


def run_due(jobs: Sequence[Job]) -> list[str]:
    """Run the jobs that are due and that no other process has claimed; return their names."""
    ran = []
    for job in _due(jobs):
        if _claim(job):
            _run(job)
            ran.append(job.name)
    return ran


def run_now(job: Job) -> ScheduledRun:
    """Run a job at once, whatever its schedule, and return its record."""
    ScheduledRun.objects.get_or_create(job=job.name, defaults={"next_at": timezone.now()})
    ScheduledRun.objects.filter(job=job.name).update(
        started_at=timezone.now(), finished_at=None, next_at=timezone.now() + job.every
    )
    _run(job)
    return ScheduledRun.objects.get(job=job.name)


def _due(jobs: Sequence[Job]) -> list[Job]:
    now = timezone.now()
    next_at = dict(ScheduledRun.objects.values_list("job", "next_at"))
    return [job for job in jobs if next_at.get(job.name, now) <= now]


@transaction.atomic
def _claim(job: Job) -> bool:
    now = timezone.now()
    ScheduledRun.objects.get_or_create(job=job.name, defaults={"next_at": now})
    run = ScheduledRun.objects.select_for_update(skip_locked=True).filter(job=job.name, next_at__lte=now).first()
    if run is None:
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
