"""What every file becomes: a table of cells, or of records of a known format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, Literal, Protocol, Self

import msgspec

from builders.importing import header_rows, limits
from builders.importing.errors import FileRefused
from builders.importing.guards import unguarded
from builders.importing.json_files import JsonFile
from builders.importing.layout import Layout, Repair
from builders.importing.mojibake import repaired

# How spreadsheets are made to take a number for text. What keeps text from being a formula in our export: see `guards`.
_TEXT_FORMULA: Final = re.compile(r'="((?:[^"]|"")*)"')
_MARKS: Final = ('="', "'")
# Fewer names of columns in a row may be values.
_FEWEST_NAMES: Final = 3
# A byte order mark stands where the second of two joined files began.
_AROUND_NAMES: Final = "\ufeff \t\r\n"


class Source(Protocol):
    def rows(self) -> Iterator[tuple[int, list[str]]]: ...


class Table:
    """An open file: `kind` says whether it has `rows` or `records`. Close it, or use it in a `with` statement.

    `total` is the number of rows as far as it is known beforehand, for showing progress: exact for spreadsheets and
    JSON, an upper bound for text.
    """

    kind: Literal["rows", "records"]

    def __init__(self, layout: Layout, header: list[str], total: int) -> None:
        self.layout = layout
        self.header = header
        self.total = total

    def rows(self, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows behind number `after`, each with its number, as a spreadsheet counts them.

        A row has as many cells as the header. One that has more that are not empty keeps them: it is shifted or has a
        delimiter too many, and whoever reads it must know. Blank rows are left out, and so is the header where it comes
        again, as in files that were joined. Raises `FileRefused` where the file
        is found to be broken, which may be in its last row.
        """
        raise ValueError("This table has records and no rows.")

    def records(self, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records behind number `after`, each with its number, from 1."""
        raise ValueError("This table has rows and no records.")

    def sample(self, most: int = 200) -> list[list[str]]:
        """Return the first rows, as many as are needed to tell what the columns hold."""
        return [cells for _, cells in islice(self.rows(), most)]

    def close(self) -> None:
        """Give back what an open table holds on disk."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class RecordTable(Table):
    """Records of the format `layout.shape`."""

    kind = "records"

    def __init__(self, layout: Layout, file: JsonFile) -> None:
        super().__init__(layout, [], file.total)
        self._file = file

    def records(self, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((number, record) for number, record in self._file.records() if number > after)


class CellTable(Table):
    """Rows under a header, which is found unless `layout.header_row` or `names` say what it is."""

    kind = "rows"

    def __init__(self, layout: Layout, source: Source, *, total: int, names: list[str] | None = None) -> None:
        self._source = source
        head = _head(source.rows())
        number = header_rows.find(head) if layout.header_row is None else layout.header_row
        header = _unique(names) if names is not None else _header(head, number)
        if len(header) > limits.MAX_COLUMNS:
            message = f"The table has more than {limits.MAX_COLUMNS:,} columns. Is its delimiter right?"
            raise FileRefused("too_many_columns", message)
        super().__init__(msgspec.structs.replace(layout, header_row=number), header, total)
        self._named = _named(next((cells for row, cells in head if row == number), [])) if names is None else {}
        self._names = {*self._named.values(), *([] if 0 in self._named else [""])}
        self.layout.repairs = self._repairs(cells for row, cells in head if row > number)

    def rows(self, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        start = max(after, self.layout.header_row or 0)
        mended = [index for index, name in enumerate(self.header) if name in self.layout.repaired]
        for number, cells in self._source.rows():
            if number > start and not _is_blank(cells) and not self._is_header_again(number, cells):
                self._fit(cells)
                for index in mended:
                    cells[index] = repaired(cells[index]) or cells[index]
                yield number, cells

    def close(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    def _is_header_again(self, number: int, cells: list[str]) -> bool:
        """Return whether the row is the header. Raises `FileRefused` where it is one with columns in another order."""
        if not self._named or _named_form(cells[0]) not in self._names:
            return False
        forms = {index: form for index, cell in enumerate(cells) if (form := _named_form(cell))}
        if forms == self._named:
            return True
        if (
            len(forms) >= _FEWEST_NAMES
            and len(set(forms.values())) == len(forms)
            and self._names.issuperset(forms.values())
        ):
            message = f"Row {number} names columns in another order: two tables were joined. Import them one by one."
            raise FileRefused("two_tables", message)
        return False

    def _fit(self, cells: list[str]) -> None:
        width = len(self.header)
        if len(cells) < width:
            cells += [""] * (width - len(cells))
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        for index, cell in enumerate(cells):
            if cell.startswith(_MARKS):
                cells[index] = _unguarded(cell)

    def _repairs(self, rows: Iterable[list[str]]) -> list[Repair]:
        """Look for text that was read in the wrong encoding before. In a column that has some, all of it is meant."""
        found: dict[int, Repair] = {}
        for cells in rows:
            for index, cell in enumerate(cells[: len(self.header)]):
                better = repaired(cell)
                if better is not None:
                    first = found.get(index) or Repair(self.header[index], 0, cell, better)
                    found[index] = msgspec.structs.replace(first, cells=first.cells + 1)
        return [found[index] for index in sorted(found)]


def _is_blank(cells: list[str]) -> bool:
    return not any(map(str.strip, cells))


def _unguarded(cell: str) -> str:
    if cell[0] == "'":
        return unguarded(cell)
    formula = _TEXT_FORMULA.fullmatch(cell)
    return formula[1].replace('""', '"') if formula else cell


def _head(rows: Iterator[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Return the first rows, fewer of them where they are large."""
    head = []
    size = 0
    for number, cells in islice(rows, limits.SAMPLE_ROWS):
        head.append((number, cells))
        size += sum(map(len, cells))
        if size > limits.MAX_RECORD:
            break
    if all(_is_blank(cells) for _, cells in head):
        raise FileRefused("empty", "This table has no cells.")
    return head


def _header(head: list[tuple[int, list[str]]], number: int) -> list[str]:
    below = [_trimmed(cells) for row, cells in head if row > number]
    widest = max(map(len, below), default=0)
    if not number:
        return [f"Column {_letters(index)}" for index in range(widest)]
    named = next((cells for row, cells in head if row == number), None)
    if named is None or _is_blank(named):
        raise FileRefused("no_such_row", f"Row {number} has no names of columns.")
    # A column without a name counts if it has cells; the empty ends of rows that spreadsheets write do not.
    width = max(len(_trimmed(named)), min(len(named), widest))
    return _unique([_clean(cell) for cell in named[:width]])


def _trimmed(cells: list[str]) -> list[str]:
    width = len(cells)
    while width and not cells[width - 1].strip():
        width -= 1
    return cells[:width]


def _clean(name: str) -> str:
    return " ".join(name.replace("\ufeff", "").split())


def _named(cells: list[str]) -> dict[int, str]:
    """Return what the header says, for knowing it again. A single word may well be a value, too."""
    named = {index: form for index, cell in enumerate(cells) if (form := _named_form(cell))}
    return named if len(named) > 1 else {}


def _named_form(cell: str) -> str:
    return cell.strip(_AROUND_NAMES).casefold()


def _unique(names: list[str]) -> list[str]:
    """Number what comes twice, `Phone (2)`, and call what has no name `Unnamed`."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        name = name or "Unnamed"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _letters(index: int) -> str:
    """Return the name that spreadsheets give a column: A … Z, AA …"""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters
