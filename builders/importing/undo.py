"""An import taken back: every builder as it was, but for those that somebody has written since."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction
from django.utils import timezone

from builders.importing import lease
from builders.models import Builder, ImportChange, ImportJob
from builders.services.snapshots import restore
from builders.services.tables import among, fetch, listed, update_rows

CHUNK = 500
# In `ImportJob.counts`: what an undo has left alone.
LEFT = "left"
Progress = Callable[[int], object]


def undo(job: ImportJob, worker: str, on_progress: Progress = lambda rows: None) -> None:
    """Take back what the job has written. Raises `lease.LeaseLost`."""
    while done := _undo_chunk(job, worker):
        on_progress(done)
    job.refresh_from_db()
    state = ImportJob.State.CANCELLED if job.wants_cancel else ImportJob.State.UNDONE
    lease.finish(job, worker, state, undone_at=timezone.now())


@transaction.atomic
def _undo_chunk(job: ImportJob, worker: str) -> int:
    held = lease.hold(job, worker)
    changes = list(
        ImportChange.objects.filter(job=job, row_number__gt=held.progress, is_undone=False).order_by("row_number")[
            :CHUNK
        ]
    )
    if not changes:
        return 0
    untouched = _untouched(changes)
    created = [change.builder_id for change in untouched if change.before is None]
    Builder.objects.filter(pk__in=created).delete()
    restore({str(change.builder_id): change.before for change in untouched if change.before is not None})
    update_rows(ImportChange, ("id", "is_undone"), [(change.pk, True) for change in untouched])
    left = held.counts.get(LEFT, 0) + len(changes) - len(untouched)
    counts = {**held.counts, **({LEFT: left} if left else {})}
    lease.renew(job, worker, progress=changes[-1].row_number, counts=counts)
    return len(changes)


def _untouched(changes: Sequence[ImportChange]) -> list[ImportChange]:
    """Return the changes whose builders still are what the import made of them, locked."""
    ids = sorted({change.builder_id for change in changes if change.builder_id is not None})
    lock = "FOR UPDATE" if among("bigint").startswith("=") else ""
    sql = f"SELECT id, rev FROM builders_builder WHERE id {among('bigint')} ORDER BY id {lock}"  # noqa: S608
    revs = dict(fetch(sql, [listed(ids)]))
    return [change for change in changes if change.builder_id is not None and revs.get(change.builder_id) == change.rev]
