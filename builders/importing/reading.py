"""Rows of cells as records that fit the directory. What goes wrong with one row stops no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from builders.comparing import fitted, misfits
from builders.importing.matching import identity_key
from builders.importing.source import Cells, Understood
from builders.record import Problem, Record

logger = logging.getLogger(__name__)

Rows = Sequence[tuple[int, Cells]]


class Reading:
    """Understands rows by what a source makes of their cells."""

    def __init__(self, read: Callable[[Any], Understood]) -> None:
        self._read = read

    def __call__(self, rows: Rows) -> list[Understood]:
        return [self._one(number, cells) for number, cells in rows]

    def _one(self, number: int, cells: Cells) -> Understood:
        try:
            record, problems = self._read(cells)
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
