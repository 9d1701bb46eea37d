"""What becomes of some rows by what the directory holds: found there or new, changed or not, and in what.

Nothing here knows what else the file says, so that any process may judge any piece of it. Of `staging` is the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from builders.importing.matching import Match, builders_by_fingerprint, find
from builders.importing.reading import Reading
from builders.importing.source import Cells, Source
from builders.models import ImportJob, ImportRow
from builders.record import Problem, Record
from builders.services.provenance import Difference, difference
from builders.services.stored import Stored, frozen, load
from builders.services.tables import Ready, Row, ready, with_ends

Outcome = ImportRow.Outcome
COLUMNS = """
    job_id number cells values problems source_key fingerprint outcome builder_id builder_rev reason difference
    before is_decided
""".split()
_OUTCOME = COLUMNS.index("outcome")


class Piece(NamedTuple):
    """Some rows of the file with their numbers, and the fingerprint of each."""

    rows: Sequence[tuple[int, Cells]]
    fingerprints: Sequence[str]


class Verdict(NamedTuple):
    """What becomes of a row, and by what the file may say the same again: its key's mark, and its builder.

    A row that is refused has no `mark`; a builder that may be another one is not `is_certain`.
    """

    outcome: str
    builder: int | None = None
    is_certain: bool = True
    mark: int | None = None


class Judged(NamedTuple):
    """What becomes of a piece: the builders of rows that are unchanged, and the others with a verdict on each.

    `rows` are those others as they are to be kept, in the order of `COLUMNS`.
    """

    size: int
    last: int
    unchanged: list[int]
    rows: Ready
    verdicts: list[Verdict]

    def rows_with_repeats(self, numbers: Iterable[int]) -> Ready:
        """Return the rows, those with these numbers in the piece as they are kept where the same has come before."""
        said = "the same stands further up"
        return with_ends(
            self.rows,
            _OUTCOME,
            {n: (Outcome.DUPLICATE.value, self.verdicts[n].builder, None, said, "{}", None, False) for n in numbers},
        )


@dataclass(slots=True)
class _Row:
    """One row on its way."""

    number: int
    cells: Cells
    fingerprint: str
    record: Record
    problems: list[Problem]
    outcome: str = Outcome.CREATED.value
    is_certain: bool = True
    builder: int | None = None
    rev: int | None = None
    reason: str = ""
    difference: Difference = field(default_factory=dict)
    # The builder as it is, frozen.
    before: str | None = None

    @property
    def is_refused(self) -> bool:
        return any(problem.is_error for problem in self.problems)

    def settle(self, match: Match) -> None:
        self.builder, self.reason, self.is_certain = match
        if not match.is_certain:
            self.outcome = Outcome.REVIEW.value
        elif match.builder is not None:
            self.outcome = Outcome.UPDATED.value

    def verdict(self) -> Verdict:
        if self.outcome in (Outcome.ERROR, Outcome.DUPLICATE):
            return Verdict(self.outcome)
        return Verdict(self.outcome, self.builder, self.is_certain, mark_of(self.record.key))

    def written(self, job: int) -> Row:
        return (
            job,
            self.number,
            _json(self.cells),
            _json(self.record),
            _json(self.problems),
            self.record.key,
            self.fingerprint,
            self.outcome,
            self.builder,
            self.rev,
            self.reason,
            _json(self.difference),
            self.before,
            False,
        )


class Judging:
    """Judges the rows of one file by what its job says of them. Can be pickled if the reader of its source can."""

    def __init__(self, job: ImportJob, source: Source) -> None:
        self._job, self._source, self._rank, self._policy = job.pk, job.source, job.rank, job.policy
        self._reading, self._superseded = Reading(source.read), source.superseded

    def __call__(self, piece: Piece) -> Judged:
        """Return all rows judged. Those that are unchanged are neither read nor kept."""
        known = builders_by_fingerprint(self._source, piece.fingerprints)
        rows = list(zip(piece.rows, piece.fingerprints, strict=True))
        fresh = [(row, mark) for row, mark in rows if mark not in known]
        understood = self._reading([row for row, _ in fresh])
        kept = [
            _Row(number, cells, mark, *what) for ((number, cells), mark), what in zip(fresh, understood, strict=True)
        ]
        return Judged(
            size=len(rows),
            last=piece.rows[-1][0],
            unchanged=[known[mark] for mark in piece.fingerprints if mark in known],
            rows=ready(self._judged(kept)),
            verdicts=[row.verdict() for row in kept],
        )

    def _judged(self, rows: Sequence[_Row]) -> list[Row]:
        """Find out of each row which builder it is and what it changes. Return them as they are kept."""
        sound = []
        for row in rows:
            if row.is_refused:
                row.outcome = Outcome.ERROR.value
            elif row.number in self._superseded:
                row.outcome, row.reason = Outcome.DUPLICATE.value, f"row {self._superseded[row.number]} is newer"
            else:
                sound.append(row)
        for row, match in zip(sound, find([row.record for row in sound], self._source), strict=True):
            row.settle(match)
        present = load(row.builder for row in sound if row.builder is not None)
        # All that is left is done to one row after the other, while what it is about is in the processor's cache.
        return [self._compared(row, present) for row in rows]

    def _compared(self, row: _Row, present: Mapping[int, Stored]) -> Row:
        builder = present.get(row.builder) if row.builder is not None else None
        if builder is not None:
            row.rev = builder.rev
            row.difference = difference(builder, row.record, self._rank, self._policy)
            if row.outcome == Outcome.UPDATED and not row.difference:
                row.outcome = Outcome.UNCHANGED.value
            if row.outcome == Outcome.UPDATED:
                row.before = frozen(builder)
        return row.written(self._job)


def mark_of(key: str) -> int:
    """Return 64 bits that stand for a key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())


def _json(value: Any) -> str:
    # PostgreSQL's text has no NUL, not even written as an escape.
    return msgspec.json.encode(value).decode().replace("\\u0000", "")
