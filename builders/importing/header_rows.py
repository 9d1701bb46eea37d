"""Which row holds the names of the columns, if any does."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from builders.importing.headers import normalised
from builders.importing.synonyms import ambiguous_forms, field_named

# How far down a header is looked for, and how many rows below it are compared with it.
_DEEPEST: Final = 30
_COMPARED: Final = 100
_LONGEST_NAME: Final = 80
_LONGEST_VALUE: Final = 300
# A profile with all its attributes has many names that nobody knows beside those that everybody does.
_SURE: Final = 5
# What stands in a cell of data and hardly ever in a header: an address, a link, a number, a date.
_VALUE: Final = re.compile(
    r"[^@\s]+@[^@\s]+\.\w+|https?://\S+|www\.\S+|[=+(]*\d[\d\s().,:/%+-]*(?:E\+?\d+)?|.*\d{5,}.*",
    re.IGNORECASE | re.DOTALL,
)


def find(rows: list[tuple[int, list[str]]]) -> int:
    """Return the number of the header row among the first rows of a table, or 0 if the table has none."""
    filled = [(number, [cell.strip() for cell in cells]) for number, cells in rows if any(map(str.strip, cells))]
    width = _usual_width([cells for _, cells in filled])
    for index, (_, cells) in enumerate(filled[:_DEEPEST]):
        named = [cell for cell in cells if cell]
        if len(named) * 2 < width or (width > 1 and len(named) < 2):
            # A title, or a remark: narrower than the table.
            continue
        below = [later for _, later in filled[index + 1 : index + 1 + _COMPARED]]
        return _below_groups(filled[index:]) if _is_header(cells, named, below) else 0
    return 0


def _below_groups(rows: list[tuple[int, list[str]]]) -> int:
    """Return the number of the first row, or of the next one where the first only names groups of columns."""
    (number, cells), *below = rows[:2]
    for later, names in below:
        named = [name for name in names if name]
        if _known(named) > _known(cells) and _known(named) * 2 > len(named) and not any(map(_is_value, named)):
            return later
    return number


def _usual_width(rows: list[list[str]]) -> int:
    counts = Counter(sum(map(bool, cells)) for cells in rows)
    return max(counts, key=lambda width: (counts[width], width)) if counts else 0


def has_known_names(rows: list[list[str]]) -> bool:
    """Return whether one of the rows is plainly a header: two or more names of columns, and mostly such."""
    for cells in rows:
        named = [name for cell in cells if (name := cell.strip())]
        if _are_known(named) and _known(named) > 1:
            return True
    return False


def _known(cells: list[str]) -> int:
    return sum(map(_is_known, cells))


def _are_known(named: list[str]) -> bool:
    known = _known(named)
    return known >= _SURE or (known * 3 >= len(named) and (known >= 2 or len(named) <= 2))


def _is_header(cells: list[str], named: list[str], below: list[list[str]]) -> bool:
    if _are_known(named):
        return True
    if any(_is_value(cell) or len(cell) > _LONGEST_NAME for cell in named):
        return False
    if len(named) == 1 or not below:
        # One column of names, or one row: nothing to compare with, and a firm must not be lost to a header.
        return False
    return _differs(cells, below)


def _is_known(cell: str) -> bool:
    return field_named(cell) is not None or normalised(cell) in ambiguous_forms()


def _is_value(cell: str) -> bool:
    return len(cell) <= _LONGEST_VALUE and _VALUE.fullmatch(cell) is not None


def _differs(cells: list[str], below: list[list[str]]) -> bool:
    """Return whether the row is unlike those below: a name stands above values, and never again in its column."""
    columns = [[row[index] for row in below if index < len(row) and row[index]] for index in range(len(cells))]
    pairs = [(cell, column) for cell, column in zip(cells, columns, strict=True) if cell and column]
    if any(cell in column for cell, column in pairs):
        return False
    return any(sum(map(_is_value, column)) * 5 >= len(column) * 3 for _, column in pairs)
