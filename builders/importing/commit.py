"""From the preview to the directory, in chunks: each one transaction with its progress in it.

What is written is what was shown. A builder that was written by anybody else since the preview is a conflict and stays
as it is. A worker that dies loses the chunk it was at; who takes over begins behind the last one that was committed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

import msgspec
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from builders.importing import lease
from builders.importing.drafts import Draft, Drafting, Row, Span
from builders.importing.matching import builders_by_key
from builders.importing.sharing import Crew, may_share
from builders.importing.turns import Turn, Unwritten, overlapping
from builders.models import Builder, ImportJob, ImportRow
from builders.record import Problem
from builders.services.tables import (
    among,
    fetch,
    is_postgres,
    listed,
    need_no_flush,
    new_ids,
    update_rows,
    wait_no_longer,
)
from operations.jobs import run_soon

logger = logging.getLogger(__name__)

Outcome = ImportRow.Outcome
Progress = Callable[[int], object]
CHUNK = 2000
# While SQLite writes for one, everybody else who has something to say waits.
_SHORT_CHUNK = 1000
# Into how many parts a chunk is taken in which there is a row that the database refuses.
_PARTS = 10
_REFUSED = (DataError, IntegrityError)
# Seconds to wait for what somebody else has locked. Past this the import stops, and is taken up again later.
_PATIENCE = 20
_NEXT_SPAN = """
SELECT max(number), count(*) FILTER (WHERE outcome = 'created') FROM (
    SELECT number, outcome FROM builders_importrow
    WHERE job_id = %s AND number > %s AND outcome IN ('created', 'updated', 'unchanged') {which}
    ORDER BY number LIMIT %s
) AS next
"""

# Why a row is a conflict.
_CHANGED, _GONE = "the builder was changed since the preview", "the builder is gone"
_TAKEN = "another import has brought this record meanwhile"


def commit(job: ImportJob, worker: str, crew: Crew, on_progress: Progress = lambda rows: None) -> None:
    """Write what was staged and not written. Raises `lease.LeaseLost` and `lease.Cancelled`."""
    writer = _Writer(job, worker)
    with closing(_drafts(job, crew, writer.drafting)) as drafts, closing(writer.written(drafts)) as written:
        for draft in written:
            on_progress(len(draft.rows))
    lease.finish(job, worker, ImportJob.State.COMMITTED, committed_at=timezone.now())
    # Staff see within a minute what the file has brought twice. Nobody has to wait for it here.
    run_soon("builders.duplicates")


def _drafts(job: ImportJob, crew: Crew, drafting: Drafting) -> Generator[Draft, None, None]:
    spans = _spans(job, drafting)
    if is_postgres():
        return crew.results(drafting, spans, _rows_of(job) / _chunk())
    # Of SQLite's writers one waits for the other, also for the ids of new builders.
    return (drafting(span) for span in spans)


def _spans(job: ImportJob, drafting: Drafting) -> Iterator[Span]:
    after, sql = job.progress, _NEXT_SPAN.format(which=drafting.which)
    while (found := fetch(sql, [job.pk, after, _chunk()])[0]) and (upto := found[0]):
        # Here, where one comes after the other, so that builders have their ids in the order of the file.
        yield Span(after, upto, _ids_for(found[1]))
        after = upto


def _ids_for(count: int) -> Sequence[int]:
    with transaction.atomic():
        # A builder that is on the disk has its id there, too: who loses both takes others.
        need_no_flush()
        return new_ids(Builder, count)


def _chunk() -> int:
    return CHUNK if is_postgres() else min(CHUNK, _SHORT_CHUNK)


def _rows_of(job: ImportJob) -> int:
    return sum(job.counts.values())


class _Writer:
    """Writes the drafts of a job as long as `worker` has its lease."""

    def __init__(self, job: ImportJob, worker: str) -> None:
        self._job, self._worker, self.drafting = job, worker, Drafting(job)
        # Those of the last draft, which may not be committed yet.
        self._last_slugs: Sequence[str] = ()

    def written(self, drafts: Iterator[Draft]) -> Generator[Draft, None, None]:
        """Write drafts, and yield each when it is committed."""
        if not (is_postgres() and may_share() and _rows_of(self._job) > _chunk()):
            for draft in drafts:
                self._write_or_split(draft)
                yield draft
            return
        is_through = False
        while not is_through:
            try:
                with closing(overlapping(self._write, drafts)) as written:
                    yield from written
                is_through = True
            except Unwritten as failed:
                if not isinstance(failed.error, _REFUSED):
                    raise failed.error from failed
                for draft in failed.things:
                    self._write_or_split(draft)
                    yield draft

    def _write_or_split(self, draft: Draft) -> None:
        """Write a draft. One row that the database refuses must not keep the others out: it is looked for by parts."""
        rows = draft.rows
        try:
            self._write(draft)
        except _REFUSED:
            if len(rows) == 1:
                _set_aside(self._job, self._worker, rows[0])
                return
            size, after = max(1, len(rows) // _PARTS), draft.span.after
            for start in range(0, len(rows), size):
                part = Span(after, rows[start : start + size][-1].number)
                self._write_or_split(self.drafting(part))
                after = part.upto

    @transaction.atomic
    def _write(self, draft: Draft, turn: Turn | None = None) -> None:
        # Progress is written with the rows, and `finish` waits for the disk.
        need_no_flush()
        # Who waits for others may have others wait, in a circle that the database does not see.
        wait_no_longer(_PATIENCE)
        job, rows = self._job, draft.rows
        conflicts, stale = _conflicts(job, rows)
        if conflicts or stale:
            draft = self.drafting(draft.span, without=conflicts.keys() | stale)
        self._last_slugs = draft.write_names(self._last_slugs)
        if turn is not None:
            turn.let_next_begin()
        draft.write_rest()
        missed = [(job.pk, number, Outcome.CONFLICT.value, reason) for number, reason in conflicts.items()]
        update_rows(ImportRow, ("job_id", "number", "outcome", "reason"), missed, key=2)
        if job.committed_at is not None:
            ImportRow.objects.filter(job=job, number__in=[row.number for row in rows]).update(is_decided=False)
        if turn is not None:
            turn.wait_for_those_before()
        held = lease.hold(job, self._worker)
        moved = [(row.outcome, Outcome.CONFLICT.value) for row in rows if row.number in conflicts]
        lease.renew(job, self._worker, progress=rows[-1].number, counts=_moved(held.counts, moved))


def _conflicts(job: ImportJob, rows: Sequence[Row]) -> tuple[dict[int, str], set[int]]:
    """Return the rows that cannot be written as they were shown, with the reason, by number.

    And those that had nothing to say, to a builder that has changed: whether they still have not, nobody knows. The
    builders of all others are locked.
    """
    new = [row.key for row in rows if row.outcome == Outcome.CREATED]
    taken = builders_by_key(job.source, new) if new else {}
    revs = _locked_revs({row.builder for row in rows if row.builder is not None})
    conflicts, stale = {}, set()
    for row in rows:
        if row.outcome == Outcome.CREATED:
            if row.key in taken:
                conflicts[row.number] = _TAKEN
        elif row.builder is None or revs.get(row.builder) != row.rev:
            if row.outcome == Outcome.UNCHANGED:
                stale.add(row.number)
            else:
                is_there = row.builder in revs
                conflicts[row.number] = _CHANGED if is_there else _GONE
    return conflicts, stale


def _locked_revs(builders: set[int]) -> dict[int, int]:
    if not builders:
        return {}
    # Always in the same order; rows that refer to a builder may be inserted meanwhile.
    lock = "FOR NO KEY UPDATE" if is_postgres() else ""
    sql = f"SELECT id, rev FROM builders_builder WHERE id {among('bigint')} ORDER BY id {lock}"  # noqa: S608
    return dict(fetch(sql, [listed(sorted(builders))]))


def _moved(counts: dict[str, int], moves: Sequence[tuple[str, str]]) -> dict[str, int]:
    moved = Counter(counts)
    for old, new in moves:
        moved[old] -= 1
        moved[new] += 1
    return {name: number for name, number in moved.items() if number}


@transaction.atomic
def _set_aside(job: ImportJob, worker: str, row: Row) -> None:
    """Turn a row into an error: the database does not take it."""
    held = lease.hold(job, worker)
    logger.warning("import %s: row %s is refused by the database", job.uid, row.number)
    problem = Problem(column="", code="refused", message="The database does not take this row.", is_error=True)
    staged = ImportRow.objects.get(job=job, number=row.number)
    staged.outcome, staged.is_decided = Outcome.ERROR, False
    staged.problems = [*staged.problems, msgspec.to_builtins(problem)]
    staged.save(update_fields=["outcome", "problems", "is_decided"])
    lease.renew(job, worker, progress=row.number, counts=_moved(held.counts, [(row.outcome, Outcome.ERROR.value)]))
