"""An import taken back: every builder as it was, but for those that somebody has written since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from django.db import transaction
from django.utils import timezone

from builders.importing import lease
from builders.importing.drafts import other_keys
from builders.models import Builder, ImportChange, ImportJob, SourceKey
from builders.services.stored import Stored, load, thawed
from builders.services.tables import among, fetch, listed, update_rows, upsert_rows
from builders.services.writing import KEY_COLUMNS, replace

CHUNK = 500
# In `ImportJob.counts`: what an undo has left alone.
LEFT = "left"
Progress = Callable[[int], object]
_NEXT_CHANGES = """
SELECT c.row_number, c.builder_id, c.rev, c.is_new, r.source_key, r.before, r."values"
FROM builders_importchange c JOIN builders_importrow r ON r.job_id = c.job_id AND r.number = c.row_number
WHERE c.job_id = %s AND c.row_number > %s AND NOT c.is_undone ORDER BY c.row_number LIMIT %s
"""


class Change(NamedTuple):
    """What was done to one builder; `before` is the builder as it was, frozen, unless it is new."""

    number: int
    builder: int | None
    rev: int
    is_new: bool
    key: str
    before: str | None
    values: str


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
    changes = [Change(*row) for row in fetch(_NEXT_CHANGES, [job.pk, held.progress, CHUNK])]
    if not changes:
        return 0
    untouched = _untouched(changes)
    Builder.objects.filter(pk__in=[change.builder for change in untouched if change.is_new]).delete()
    _put_back(job.source, [change for change in untouched if not change.is_new])
    undone = [(job.pk, change.number, True) for change in untouched]
    update_rows(ImportChange, ("job_id", "row_number", "is_undone"), undone, key=2)
    left = held.counts.get(LEFT, 0) + len(changes) - len(untouched)
    counts = {**held.counts, **({LEFT: left} if left else {})}
    lease.renew(job, worker, progress=changes[-1].number, counts=counts)
    return len(changes)


def _untouched(changes: Sequence[Change]) -> list[Change]:
    """Return the changes whose builders still are what the import made of them, locked."""
    ids = sorted({change.builder for change in changes if change.builder is not None})
    lock = "FOR UPDATE" if among("bigint").startswith("=") else ""
    sql = f"SELECT id, rev FROM builders_builder WHERE id {among('bigint')} ORDER BY id {lock}"  # noqa: S608
    revs = dict(fetch(sql, [listed(ids)]))
    return [change for change in changes if change.builder is not None and revs.get(change.builder) == change.rev]


def _put_back(source: str, changes: Sequence[Change]) -> None:
    present = load(change.builder for change in changes if change.builder is not None)
    former = {change.builder: thawed(change.before or "") for change in changes}
    replace([(now, _as_it_was(now, former[pk])) for pk, now in present.items()])
    _put_keys_back(source, [(change, former[change.builder]) for change in changes])


def _as_it_was(now: Stored, before: Stored) -> Stored:
    """Return what an import may have changed as it was before; `rev` alone goes on, so that who looks will notice."""
    return msgspec.structs.replace(
        now,
        record=before.record,
        provenance=before.provenance,
        locked_fields=before.locked_fields,
        updated_at=before.updated_at,
        rev=now.rev + 1,
    )


def _put_keys_back(source: str, changes: Iterable[tuple[Change, Stored]]) -> None:
    """Undo what the import did to the key of each row: the builder may have got others since."""
    former, added = [], []
    for change, before in changes:
        there = {(key.source, key.key) for key in before.keys}
        for other in other_keys(change.values).items():
            if other not in there:
                SourceKey.objects.filter(source=other[0], key=other[1], builder=before.id).delete()
        key = next((key for key in before.keys if (key.source, key.key) == (source, change.key)), None)
        if key is None:
            added.append(change.key)
        else:
            former.append((source, key.key, before.id, key.fingerprint, key.seen_at))
    SourceKey.objects.filter(source=source, key__in=added).delete()
    upsert_rows(SourceKey, KEY_COLUMNS, former, unique=("source", "key"))
