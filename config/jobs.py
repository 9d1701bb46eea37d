"""The jobs of all apps, with their times."""

from __future__ import annotations

from datetime import timedelta

from accounts.sessions import sweep_sessions
from builders.importing.kept_files import remove_old_files
from builders.importing.live_lookup import forget_old_answers
from builders.importing.runner import resume_abandoned
from builders.services.claiming import expire_claims
from builders.services.duplicates import propose_job
from builders.services.listing import list_missing
from builders.services.pictures import remove_unused_files
from chat.services.retention import purge_job
from operations.idempotency import sweep_keys
from operations.jobs import Job
from operations.nodes import sweep_silent

JOBS = (
    Job("operations.nodes", timedelta(minutes=1), sweep_silent),
    Job("accounts.sessions", timedelta(minutes=1), sweep_sessions),
    Job("builders.claims", timedelta(hours=1), expire_claims),
    Job("builders.duplicates", timedelta(hours=6), propose_job, limit=timedelta(hours=1)),
    Job("builders.import_files", timedelta(hours=6), remove_old_files),
    Job("builders.imports", timedelta(minutes=1), resume_abandoned),
    Job("builders.listing", timedelta(minutes=10), list_missing),
    Job("builders.pictures", timedelta(hours=6), remove_unused_files),
    Job("builders.places", timedelta(hours=1), forget_old_answers),
    Job("chat.retention", timedelta(hours=1), purge_job),
    Job("operations.idempotency_keys", timedelta(hours=1), sweep_keys),
)
