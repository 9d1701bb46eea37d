"""From a file to a preview: every row as it came, as it was understood, and what would become of it. Writes no builder.

A row whose fingerprint is known from the last import of its source is neither read nor kept: it is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, takewhile

from django.db import transaction
from django.utils import timezone

from builders.importing import lease
from builders.importing.judging import COLUMNS, Judged, Judging, Piece, mark_of
from builders.importing.matching import builders_by_fingerprint
from builders.importing.sharing import Crew
from builders.importing.source import Source
from builders.models import ImportJob, ImportRow
from builders.services.tables import Ready, insert_rows, need_no_flush

Outcome = ImportRow.Outcome
Progress = Callable[[int], object]
CHUNK = 1000
# Rows of which none is kept, until it is noted how far the reading is: to read them again takes a moment.
_NOTED_AFTER = 10_000


@dataclass(slots=True)
class Seen:
    """What has come in this file already: the marks of keys, and builders."""

    marks: set[int] = field(default_factory=set)
    builders: set[int] = field(default_factory=set)

    def is_again(self, mark: int, builder: int | None) -> bool:
        """Tell whether the key or the builder has come before, and remember both."""
        is_again = mark in self.marks or (builder is not None and builder in self.builders)
        self.marks.add(mark)
        if builder is not None:
            self.builders.add(builder)
        return is_again


def stage(job: ImportJob, source: Source, worker: str, crew: Crew, on_progress: Progress = lambda rows: None) -> None:
    """Read all of the source into rows of the job; what a worker before has read, and then stopped, stays.

    Raises `lease.LeaseLost` and `lease.Cancelled`.
    """
    if not job.progress:
        ImportRow.objects.filter(job=job).delete()
        job.counts = {}
    counts, read = Counter(job.counts), sum(job.counts.values())
    if read:
        on_progress(read)
    seen, noted = _seen_before(job, source) if job.progress else Seen(), read
    pieces, expected = _pieces(source, job.progress), (source.total - read) / CHUNK
    with closing(crew.results(Judging(job, source), pieces, expected)) as results:
        for judged in results:
            rows = _kept(judged, seen, counts)
            read += judged.size
            if rows.count or read - noted >= _NOTED_AFTER:
                noted, total = read, max(read, source.total)
                with transaction.atomic():
                    lease.renew(job, worker, progress=judged.last, counts=dict(counts), total=total)
                    insert_rows(ImportRow, COLUMNS, rows)
                    # Progress is written with the rows, and `finish` waits for the disk.
                    need_no_flush()
            on_progress(judged.size)
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


def _kept(judged: Judged, seen: Seen, counts: Counter[str]) -> Ready:
    """Return the rows that are kept, as they are with all that the file has said before, and count all."""
    for builder in judged.unchanged:
        counts[Outcome.DUPLICATE if builder in seen.builders else Outcome.UNCHANGED] += 1
        seen.builders.add(builder)
    repeats = []
    for number, (outcome, found, is_certain, mark) in enumerate(judged.verdicts):
        is_again = mark is not None and seen.is_again(mark, found if is_certain else None)
        counts[Outcome.DUPLICATE if is_again else outcome] += 1
        if is_again:
            repeats.append(number)
    return judged.rows_with_repeats(repeats)


def _seen_before(job: ImportJob, source: Source) -> Seen:
    """Return what has come in the rows that a worker before has read.

    Of unchanged rows nothing is kept. So all are hashed again, which takes a tenth of the time of reading them.
    """
    seen = Seen()
    kept = ImportRow.objects.filter(job=job).exclude(outcome=Outcome.ERROR)
    for number, key, builder, outcome in kept.values_list("number", "source_key", "builder", "outcome").iterator():
        if number not in source.superseded:
            seen.is_again(mark_of(key), builder if outcome != Outcome.REVIEW else None)
    for piece in _pieces(source, upto=job.progress):
        seen.builders |= set(builders_by_fingerprint(job.source, piece.fingerprints).values())
    return seen


def _pieces(source: Source, after: int = 0, upto: int | None = None) -> Iterator[Piece]:
    rows = source.rows(after=after)
    if upto is not None:
        rows = takewhile(lambda row: row[0] <= upto, rows)
    while chunk := list(islice(rows, CHUNK)):
        yield Piece(chunk, [source.fingerprint(cells) for _, cells in chunk])
