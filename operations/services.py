"""What staff do to the installation itself."""

from __future__ import annotations

from typing import Any

from operations import activity
from operations.jobs import JobRunning, job_named, run_now
from operations.models import ScheduledRun
from realtime.errors import ClientError


class JobForbidden(ClientError):
    def __init__(self) -> None:
        super().__init__("forbidden", "You may not run jobs.")


def can_run_jobs(actor: Any) -> bool:
    """Tell whether `actor`, a user, may start a job by hand."""
    return bool(actor.is_active and actor.is_staff and actor.has_perm("operations.change_scheduledrun"))


def run_job_now(*, actor: Any, name: str) -> ScheduledRun:
    """Run a job by hand, wait for its end and return its record. Every try is logged, and how it ended.

    Raises `JobForbidden`, `JobUnknown` and `JobRunning`.
    """
    if not can_run_jobs(actor):
        raise JobForbidden
    job = job_named(name)
    try:
        run = run_now(job)
    except JobRunning:
        activity.record("operations.job.refused", actor=actor, target=name)
        raise
    # No text of the result: what a job says about itself stands in its own row.
    activity.record("operations.job.run", actor=actor, target=name, data={"is_ok": bool(run.is_ok)})
    return run
