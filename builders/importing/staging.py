"""From a file to a preview: every row as it came, as it was understood, and what would become of it. Writes no builder.

A row whose fingerprint is known from the last import of its source is neither read nor kept: it is counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from builders.importing import lease
from builders.importing.ahead import ahead
from builders.importing.matching import Match, builders_by_fingerprint, find
from builders.importing.reading import Reading, Results, reading
from builders.importing.source import Cells, Source, Understood
from builders.models import ImportJob, ImportRow
from builders.record import Problem, Record
from builders.services.provenance import Difference, difference
from builders.services.stored import frozen, load
from builders.services.tables import Ready, insert_rows, need_no_flush, ready

Outcome = ImportRow.Outcome
Progress = Callable[[int], object]
CHUNK = 2000
_COLUMNS = """
    job_id number cells values problems source_key fingerprint outcome builder_id builder_rev reason difference
    before is_decided
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
    # The builder as it is, frozen.
    before: str | None = None

    @property
    def is_refused(self) -> bool:
        return any(problem.is_error for problem in self.problems)


@dataclass(slots=True)
class Batch:
    """Some rows of the file: how many, the number of the last one, and those of them that are kept, judged."""

    size: int
    last: int
    kept: list[Staged] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rows: Ready = field(default_factory=Ready)


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
    """Read all of the source into rows of the job; what a worker before has read, and then stopped, stays.

    Raises `lease.LeaseLost` and `lease.Cancelled`.
    """
    if not job.progress:
        ImportRow.objects.filter(job=job).delete()
        job.counts = {}
    counts, read = Counter(job.counts), sum(job.counts.values())
    if read:
        on_progress(read)
    with closing(ahead(_batches(job, source))) as batches:
        for batch in batches:
            counts.update(batch.counts)
            read += batch.size
            with transaction.atomic():
                lease.renew(job, worker, progress=batch.last, counts=dict(counts), total=max(read, source.total))
                insert_rows(ImportRow, _COLUMNS, batch.rows)
                # Progress is written with the rows, and `finish` waits for the disk.
                need_no_flush()
            on_progress(batch.size)
    lease.finish(
        job,
        worker,
        ImportJob.State.STAGED,
        total=read,
        counts=dict(counts),
        header=source.header,
        staged_at=timezone.now(),
        progress=0,
    )


def _batches(job: ImportJob, source: Source) -> Iterator[Batch]:
    seen = _seen_before(job, source) if job.progress else Seen()
    # While the database is asked about some rows, the next ones are read from the file.
    with reading(source) as reader, closing(ahead(_fingerprinted(source, job.progress))) as read:
        before: _Chunk | None = None
        for rows, prints in read:
            chunk = _Chunk(job, source, rows, prints)
            if before is not None:
                before.take_records()
            # One is read, where there is somebody else to read it, while the one before is judged.
            chunk.begin(reader)
            if before is not None:
                yield before.judged(seen)
            before = chunk
        if before is not None:
            before.take_records()
            yield before.judged(seen)


def _seen_before(job: ImportJob, source: Source) -> Seen:
    """Return what has come in the rows that a worker before has read.

    Of unchanged rows nothing is kept. So all are hashed again, which takes a tenth of the time of reading them.
    """
    seen = Seen()
    kept = ImportRow.objects.filter(job=job).exclude(outcome=Outcome.ERROR)
    for number, key, builder, outcome in kept.values_list("number", "source_key", "builder", "outcome").iterator():
        if number not in source.superseded:
            seen.is_again(key, builder if outcome != Outcome.REVIEW else None)
    for chunk in _chunks(takewhile(lambda row: row[0] <= job.progress, source.rows())):
        seen.builders |= set(
            builders_by_fingerprint(job.source, [source.fingerprint(row) for _, row in chunk]).values()
        )
    return seen


class _Chunk:
    """Some rows of the file, of which those that are not known to be unchanged are being read."""

    def __init__(
        self, job: ImportJob, source: Source, rows: Sequence[tuple[int, Cells]], prints: Sequence[str]
    ) -> None:
        self._job, self._source, self._rows, self._prints = job, source, rows, prints
        self._known = builders_by_fingerprint(job.source, prints)
        self._records: list[Understood] = []
        self._results: Results = list

    def begin(self, reader: Reading) -> None:
        fresh = [row for row, mark in zip(self._rows, self._prints, strict=True) if mark not in self._known]
        if fresh:
            self._results = reader.begin(fresh)

    def take_records(self) -> None:
        """Wait until the rows are read."""
        self._records = self._results()

    def judged(self, seen: Seen) -> Batch:
        """Return all rows judged: those that are unchanged are counted, the others kept."""
        batch, records = Batch(size=len(self._rows), last=self._rows[-1][0]), iter(self._records)
        for (number, cells), fingerprint in zip(self._rows, self._prints, strict=True):
            builder = self._known.get(fingerprint)
            if builder is None:
                batch.kept.append(Staged(number, cells, fingerprint, *next(records)))
            elif builder in seen.builders:
                batch.counts[Outcome.DUPLICATE] += 1
            else:
                seen.builders.add(builder)
                batch.counts[Outcome.UNCHANGED] += 1
        judge(self._job, batch.kept, seen, self._source.superseded)
        batch.counts.update(row.outcome for row in batch.kept)
        batch.rows = ready([_row(self._job, row) for row in batch.kept])
        return batch


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
        if row.outcome == Outcome.UPDATED:
            row.before = frozen(builder)


def _settle(row: Staged, match: Match, seen: Seen) -> None:
    row.builder, row.reason = match.builder, match.reason
    if seen.is_again(row.record.key, match.builder if match.is_certain else None):
        row.outcome, row.reason = Outcome.DUPLICATE.value, "the same stands further up"
    elif not match.is_certain:
        row.outcome = Outcome.REVIEW.value
    elif match.builder is not None:
        row.outcome = Outcome.UPDATED.value


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
        row.before,
        False,
    )


def _json(value: Any) -> str:
    # PostgreSQL's text has no NUL, not even written as an escape.
    return msgspec.json.encode(value).decode().replace("\\u0000", "")


def _fingerprinted(source: Source, after: int) -> Iterator[tuple[list[tuple[int, Cells]], list[str]]]:
    for rows in _chunks(source.rows(after=after)):
        yield rows, [source.fingerprint(cells) for _, cells in rows]


def _chunks(rows: Iterator[tuple[int, Cells]]) -> Iterator[list[tuple[int, Cells]]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
