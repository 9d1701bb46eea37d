"""From the preview to the directory, in chunks: each one transaction with its progress in it.

What is written is what was shown. A builder that was written by anybody else since the preview is a conflict and stays
as it is. A worker that dies loses the chunk it was at; who takes over begins behind the last one that was committed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from builders.importing import lease
from builders.importing.matching import builders_by_key
from builders.models import ImportChange, ImportJob, ImportRow, SourceKey
from builders.record import Problem, Record
from builders.services.provenance import Difference, Origin, changed, fields_of, said_by
from builders.services.slugs import give_slugs
from builders.services.snapshots import kept
from builders.services.stored import Key, Stored, load
from builders.services.tables import fetch, insert_rows, update_rows, upsert_rows
from builders.services.writing import insert, replace
from realtime.ids import new_uid

logger = logging.getLogger(__name__)

Outcome = ImportRow.Outcome
Progress = Callable[[int], object]
CHUNK = 1000
# How much smaller the chunk gets in which a row is looked for that the database refuses.
_SHRINK = 10
_NEXT_ROWS = """
SELECT number, outcome, source_key, fingerprint, builder_id, builder_rev, "values", difference FROM builders_importrow
WHERE job_id = %s AND number > %s AND outcome IN ('created', 'updated', 'unchanged') AND NOT is_written
ORDER BY number LIMIT %s
"""
_records = msgspec.json.Decoder(Record)
_differences = msgspec.json.Decoder(dict[str, list[Any]])


class Row(NamedTuple):
    """A staged row that is to be written."""

    number: int
    outcome: str
    key: str
    fingerprint: str
    builder: int | None
    rev: int | None
    values: str
    difference: str


def commit(job: ImportJob, worker: str, on_progress: Progress = lambda rows: None) -> None:
    """Write what was staged and not written. Raises `lease.LeaseLost` and `lease.Cancelled`."""
    size = CHUNK
    while True:
        try:
            done = _commit_chunk(job, worker, size)
        except (DataError, IntegrityError):
            # One row that the database refuses must not keep the others out: smaller chunks, until it stands alone.
            if size == 1:
                _set_aside(job, worker)
            size = max(1, size // _SHRINK)
            continue
        if not done:
            break
        on_progress(done)
        size = min(CHUNK, size * 2)
    lease.finish(job, worker, ImportJob.State.COMMITTED, committed_at=timezone.now())


@transaction.atomic
def _commit_chunk(job: ImportJob, worker: str, size: int) -> int:
    """Write the next rows and return their number."""
    held = lease.hold(job, worker)
    rows = [Row(*row) for row in fetch(_NEXT_ROWS, [job.pk, held.progress, size])]
    if not rows:
        return 0
    chunk = _Chunk(held, rows)
    chunk.write()
    lease.renew(job, worker, progress=rows[-1].number, counts=_moved(held.counts, chunk.conflicts))
    return len(rows)


class _Chunk:
    """Some rows on their way into the directory, in one transaction."""

    def __init__(self, job: ImportJob, rows: Sequence[Row]) -> None:
        self.job, self.now = job, timezone.now()
        self.conflicts: list[tuple[Row, str]] = []
        # (row, builder, before): what was done, for the undo.
        self.done: list[tuple[Row, Stored, Stored | None]] = []
        self.settled: list[tuple[Row, int]] = []
        self.present = load((row.builder for row in rows if row.builder is not None), lock=True)
        new_keys = [row.key for row in rows if row.outcome == Outcome.CREATED]
        self.taken = builders_by_key(job.source, new_keys) if new_keys else {}
        for row in rows:
            self._place(row)

    def _place(self, row: Row) -> None:
        if row.outcome == Outcome.CREATED:
            if row.key in self.taken:
                self.conflicts.append((row, "another import has brought this record meanwhile"))
            else:
                self.done.append((row, self._created(row), None))
            return
        before = self.present.get(row.builder or 0)
        if before is not None and before.rev == row.rev:
            if row.outcome == Outcome.UPDATED:
                self.done.append((row, self._updated(row, before), before))
            self.settled.append((row, before.id))
        elif row.outcome == Outcome.UPDATED:
            self.conflicts.append(
                (row, "the builder was changed since the preview" if before else "the builder is gone")
            )

    def write(self) -> None:
        created = [after for _, after, before in self.done if before is None]
        give_slugs(created)
        insert(created)
        replace([(before, after) for _, after, before in self.done if before is not None])
        columns = ("source", "key", "builder_id", "fingerprint", "seen_at")
        keys = [(self.job.source, row.key, pk, row.fingerprint, self.now) for row, pk in self.settled]
        upsert_rows(SourceKey, columns, keys, unique=("source", "key"))
        self._keep_undo()
        self._mark_rows()

    def _created(self, row: Row) -> Stored:
        record = _records.decode(row.values)
        record.key = ""
        return Stored(
            record=record,
            uid=new_uid(),
            provenance=said_by(fields_of(record), self._origin(row), self.now),
            created_at=self.now,
            updated_at=self.now,
            keys=[Key(source=self.job.source, key=row.key, fingerprint=row.fingerprint, seen_at=self.now)],
        )

    def _updated(self, row: Row, before: Stored) -> Stored:
        changes: Difference = _differences.decode(row.difference)
        return changed(before, changes, self._origin(row), self.now)

    def _origin(self, row: Row) -> Origin:
        return Origin(source=self.job.source, rank=self.job.rank, job=self.job.uid, row=row.number)

    def _keep_undo(self) -> None:
        columns = ("job_id", "row_number", "builder_id", "before", "rev", "is_undone")
        rows = [
            (self.job.pk, row.number, after.id, None if before is None else _json(kept(before)), after.rev, False)
            for row, after, before in self.done
        ]
        insert_rows(ImportChange, columns, rows)

    def _mark_rows(self) -> None:
        written = [(self.job.pk, row.number, after.id, True) for row, after, before in self.done if before is None]
        written += [(self.job.pk, row.number, pk, True) for row, pk in self.settled]
        update_rows(ImportRow, ("job_id", "number", "builder_id", "is_written"), written, key=2)
        missed = [(self.job.pk, row.number, Outcome.CONFLICT.value, reason) for row, reason in self.conflicts]
        update_rows(ImportRow, ("job_id", "number", "outcome", "reason"), missed, key=2)


def _moved(counts: dict[str, int], conflicts: Sequence[tuple[Row, str]]) -> dict[str, int]:
    moved = Counter(counts)
    for row, _ in conflicts:
        moved[row.outcome] -= 1
        moved[Outcome.CONFLICT.value] += 1
    return {name: number for name, number in moved.items() if number}


@transaction.atomic
def _set_aside(job: ImportJob, worker: str) -> None:
    """Turn the next row into an error: the database does not take it."""
    held = lease.hold(job, worker)
    [row] = [Row(*row) for row in fetch(_NEXT_ROWS, [job.pk, held.progress, 1])]
    logger.warning("import %s: row %s is refused by the database", job.uid, row.number)
    problem = Problem(column="", code="refused", message="The database does not take this row.", is_error=True)
    staged = ImportRow.objects.get(job=job, number=row.number)
    staged.outcome = Outcome.ERROR
    staged.problems = [*staged.problems, msgspec.to_builtins(problem)]
    staged.save(update_fields=["outcome", "problems"])
    counts = Counter(held.counts)
    counts[row.outcome] -= 1
    counts[Outcome.ERROR.value] += 1
    lease.renew(job, worker, progress=row.number, counts={name: number for name, number in counts.items() if number})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
