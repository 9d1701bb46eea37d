"""Imports at work: whoever has the lease does what the state of the job asks for, until nothing is left to do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from django.db import connections
from django.utils import timezone

from builders.importing import lease
from builders.importing.commit import commit
from builders.importing.errors import FileRefused
from builders.importing.sharing import Crew
from builders.importing.source import open_source
from builders.importing.speed import at_full_speed
from builders.importing.staging import stage
from builders.importing.undo import undo
from builders.models import ImportJob
from realtime.threads import OUTAGES

logger = logging.getLogger(__name__)

State = ImportJob.State
Progress = Callable[[int], object]


def run(job_id: int, on_progress: Progress = lambda rows: None, crew: Crew | None = None) -> None:
    """Do what is left to do for a job, in this thread. Nothing happens where somebody else is at it.

    Who runs one step after the other may lend a crew for all of them.

    A failure is noted in the job. When the database is away the job stays as it is, and is taken up again later.
    """
    worker = lease.new_worker()
    job = lease.claim(job_id, worker)
    if job is None:
        return
    try:
        with at_full_speed(), nullcontext(crew) if crew else Crew() as workers:
            while job.state in lease.RUNNING:
                _step(job, worker, workers, on_progress)
    except lease.LeaseLost:
        logger.warning("import %s: somebody else has taken over", job.uid)
    except FileRefused as error:
        _fail(job, worker, error.code, error.message)
    except OUTAGES:
        logger.warning("import %s: the database does not answer; the rest follows when it does", job.uid)
    except Exception as error:  # noted in the job, where staff see it
        logger.exception("import %s failed", job.uid)
        _fail(job, worker, "internal", f"{type(error).__name__}: {error}")


def start(job_id: int) -> None:
    """Run a job in a thread of its own. A stop of the process ends it anywhere, which is what the lease is for."""
    threading.Thread(target=_run_and_close, args=[job_id], name=f"import-{job_id}", daemon=True).start()


def resume_abandoned() -> str:
    """Take up what a process that died has left. Return one line about it, for the list of jobs."""
    jobs = [job for job in ImportJob.objects.filter(state__in=lease.RUNNING) if lease.is_free(job)]
    for job in jobs:
        start(job.pk)
    return f"{len(jobs)} taken up"


def _run_and_close(job_id: int) -> None:
    try:
        run(job_id)
    finally:
        connections.close_all()


def _step(job: ImportJob, worker: str, crew: Crew, on_progress: Progress) -> None:
    try:
        if job.state == State.STAGING:
            _stage(job, worker, crew, on_progress)
        elif job.state == State.COMMITTING:
            commit(job, worker, crew, on_progress)
        else:
            undo(job, worker, on_progress)
    except lease.Cancelled:
        # What is written already is taken back: nobody wants a part of a file.
        undoing = job.state == State.COMMITTING
        lease.finish(job, worker, State.UNDOING if undoing else State.CANCELLED, progress=0)


def _stage(job: ImportJob, worker: str, crew: Crew, on_progress: Progress) -> None:
    source = open_source(
        Path(job.file.path),
        job.file_name,
        layout=job.layout,
        mapping=job.mapping,
        region=job.region,
        policy=job.policy,
    )
    with source:
        stage(job, source, worker, crew, on_progress)


def _fail(job: ImportJob, worker: str, code: str, message: str) -> None:
    ImportJob.objects.filter(pk=job.pk, worker=worker).update(
        state=State.FAILED, error_code=code, error_message=message, worker="", lease_until=timezone.now()
    )
