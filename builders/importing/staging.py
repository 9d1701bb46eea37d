"""From a file to a preview: every row as it came, as it was understood, and what would become of it. Writes no builder.

A row whose fingerprint is known from the last import of its source is neither read nor kept: it is counted.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from builders.comparing import fitted, misfits
from builders.importing import lease
from builders.importing.matching import Match, builders_by_fingerprint, find, identity_key
from builders.importing.source import Cells, Source
from builders.models import ImportJob, ImportRow
from builders.record import Problem, Record
from builders.services.provenance import Difference, difference
from builders.services.stored import load
from builders.services.tables import insert_rows

logger = logging.getLogger(__name__)

Outcome = ImportRow.Outcome
Progress = Callable[[int], object]
CHUNK = 2000
_COLUMNS = """
    job_id number cells values problems source_key fingerprint outcome builder_id builder_rev reason difference
    is_written
""".split()


@dataclass(slots=True)
class Staged:
    """One row on its way."""

    number: int
    cells: Cells
    fingerprint: str
    record: Record
    problems: list[Problem]
    outcome: str = Outcome.CREATED.value
    builder: int | None = None
    rev: int | None = None
    reason: str = ""
    difference: Difference = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        return any(problem.is_error for problem in self.problems)


@dataclass(slots=True)
class Seen:
    """What has come in this file already: keys as 64 bits each, and builders."""

    keys: set[int] = field(default_factory=set)
    builders: set[int] = field(default_factory=set)

    def is_again(self, key: str, builder: int | None) -> bool:
        """Tell whether the key or the builder has come before, and remember both."""
        mark = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
        is_again = mark in self.keys or (builder is not None and builder in self.builders)
        self.keys.add(mark)
        if builder is not None:
            self.builders.add(builder)
        return is_again


def stage(job: ImportJob, source: Source, worker: str, on_progress: Progress = lambda rows: None) -> None:
    """Read all of the source into rows of the job. Begins anew where a worker before has stopped.

    Raises `lease.LeaseLost` and `lease.Cancelled`.
    """
    ImportRow.objects.filter(job=job).delete()
    counts: Counter[str] = Counter()
    seen, read = Seen(), 0
    for batch in _batches(source.rows(), CHUNK):
        rows = stage_batch(job, source, batch, seen, counts)
        read += len(batch)
        with transaction.atomic():
            lease.renew(job, worker, progress=batch[-1][0], counts=dict(counts), total=max(read, source.total))
            insert_rows(ImportRow, _COLUMNS, [_row(job, row) for row in rows])
        on_progress(len(batch))
    lease.finish(
        job, worker, ImportJob.State.STAGED, total=read, counts=dict(counts), staged_at=timezone.now(), progress=0
    )


def stage_batch(
    job: ImportJob, source: Source, batch: Sequence[tuple[int, Cells]], seen: Seen, counts: Counter[str]
) -> list[Staged]:
    """Judge a batch of rows; return those to be kept, and add all to the counts."""
    prints = [source.fingerprint(cells) for _, cells in batch]
    known = builders_by_fingerprint(job.source, prints)
    fresh = []
    for (number, cells), fingerprint in zip(batch, prints, strict=True):
        builder = known.get(fingerprint)
        if builder is None:
            fresh.append(Staged(number, cells, fingerprint, *_read(source, number, cells)))
        elif builder in seen.builders:
            counts[Outcome.DUPLICATE] += 1
        else:
            seen.builders.add(builder)
            counts[Outcome.UNCHANGED] += 1
    judge(job, fresh, seen, source.superseded)
    counts.update(row.outcome for row in fresh)
    return fresh


def judge(job: ImportJob, rows: Sequence[Staged], seen: Seen, superseded: Mapping[int, int]) -> None:
    """Say of each row which builder it is and what it changes."""
    sound = []
    for row in rows:
        if row.is_refused:
            row.outcome = Outcome.ERROR.value
        elif row.number in superseded:
            row.outcome, row.reason = Outcome.DUPLICATE.value, f"row {superseded[row.number]} is newer"
        else:
            sound.append(row)
    matches = find([row.record for row in sound], job.source)
    for row, match in zip(sound, matches, strict=True):
        _settle(row, match, seen)
    present = load(row.builder for row in sound if row.builder is not None and row.outcome != Outcome.DUPLICATE)
    for row in sound:
        builder = present.get(row.builder) if row.builder is not None else None
        if builder is None:
            continue
        row.rev = builder.rev
        row.difference = difference(builder, row.record, job.rank, job.policy)
        if row.outcome == Outcome.UPDATED and not row.difference:
            row.outcome = Outcome.UNCHANGED.value


def _settle(row: Staged, match: Match, seen: Seen) -> None:
    row.builder, row.reason = match.builder, match.reason
    if seen.is_again(row.record.key, match.builder if match.is_certain else None):
        row.outcome, row.reason = Outcome.DUPLICATE.value, "the same stands further up"
    elif not match.is_certain:
        row.outcome = Outcome.REVIEW.value
    elif match.builder is not None:
        row.outcome = Outcome.UPDATED.value


def _read(source: Source, number: int, cells: Cells) -> tuple[Record, list[Problem]]:
    try:
        record, problems = source.read(cells)
    except Exception:  # one row must not stop the others; the trace tells us what to mend
        logger.exception("import: row %s cannot be read", number)
        problem = Problem(column="", code="unreadable", message="This row cannot be read.", is_error=True)
        return Record(), [problem]
    record = fitted(record)
    if not any(problem.is_error for problem in problems):
        problems = [*problems, *misfits(record)]
    if not record.key:
        record.key = identity_key(record)
    return record, problems


def _row(job: ImportJob, row: Staged) -> tuple[Any, ...]:
    return (
        job.pk,
        row.number,
        _json(row.cells),
        _json(row.record),
        _json(row.problems),
        row.record.key,
        row.fingerprint,
        row.outcome,
        row.builder,
        row.rev,
        row.reason,
        _json(row.difference),
        False,
    )


def _json(value: Any) -> str:
    # PostgreSQL's text has no NUL, not even written as an escape.
    return msgspec.json.encode(value).decode().replace("\\u0000", "")


def _batches(rows: Iterator[tuple[int, Cells]], size: int) -> Iterator[list[tuple[int, Cells]]]:
    while batch := list(islice(rows, size)):
        yield batch
