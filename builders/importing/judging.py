"""What becomes of some rows by what the directory holds: found there or new, changed or not, and in what.

Nothing here knows what else the file says, so that any process may judge any piece of it. Of `staging` is the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
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

Outcome = ImportRow.Outcome
COLUMNS = """
    job_id number cells values problems source_key fingerprint outcome builder_id builder_rev reason difference
    before is_decided
""".split()
OUTCOME, _BUILDER = COLUMNS.index("outcome"), COLUMNS.index("builder_id")


class Piece(NamedTuple):
    """Some rows of the file with their numbers, and the fingerprint of each."""

    rows: Sequence[tuple[int, Cells]]
    fingerprints: Sequence[str]


class Verdict(NamedTuple):
    """A row as it is to be kept, in the order of `COLUMNS`, and by what the file may say the same again.

    `mark` is that of its key, `builder` the one that it is for certain; a row that is refused has neither.
    """

    row: tuple[Any, ...]
    mark: int | None = None
    builder: int | None = None

    @property
    def outcome(self) -> str:
        outcome: str = self.row[OUTCOME]
        return outcome

    def again(self) -> tuple[Any, ...]:
        """Return the row as it is kept where the same has come before."""
        what, builder = self.row[:OUTCOME], self.row[_BUILDER]
        return (*what, Outcome.DUPLICATE.value, builder, None, "the same stands further up", "{}", None, False)


class Judged(NamedTuple):
    """What becomes of a piece: the builders of rows that are unchanged, and a verdict on each of the others."""

    size: int
    last: int
    unchanged: list[int]
    verdicts: list[Verdict]


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

    def verdict(self, job: int) -> Verdict:
        row = (
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
        if self.outcome in (Outcome.ERROR, Outcome.DUPLICATE):
            return Verdict(row)
        return Verdict(row, mark_of(self.record.key), self.builder if self.is_certain else None)


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
            verdicts=self._judged(kept),
        )

    def _judged(self, rows: Sequence[_Row]) -> list[Verdict]:
        """Say of each row which builder it is and what it changes."""
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

    def _compared(self, row: _Row, present: Mapping[int, Stored]) -> Verdict:
        builder = present.get(row.builder) if row.builder is not None else None
        if builder is not None:
            row.rev = builder.rev
            row.difference = difference(builder, row.record, self._rank, self._policy)
            if row.outcome == Outcome.UPDATED and not row.difference:
                row.outcome = Outcome.UNCHANGED.value
            if row.outcome == Outcome.UPDATED:
                row.before = frozen(builder)
        return row.verdict(self._job)


def mark_of(key: str) -> int:
    """Return 64 bits that stand for a key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())


def _json(value: Any) -> str:
    # PostgreSQL's text has no NUL, not even written as an escape.
    return msgspec.json.encode(value).decode().replace("\\u0000", "")
