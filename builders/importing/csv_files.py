"""Text tables: CSV with any delimiter, read row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, TextIO

from builders.importing import limits
from builders.importing.dialects import Dialect
from builders.importing.errors import FileRefused
from builders.importing.text_encoding import open_text

# A first line that tells Excel the delimiter; spreadsheets neither show nor count it.
_SEPARATOR_LINE: Final = re.compile(r'\ufeff?"?sep=(.|\\t)"?[\r\n]*', re.IGNORECASE)
# Fed to the parser after the last line: inside a quotation that never closed, it ends up in a cell.
_END: Final = "\uffff"


class CsvFile:
    """All rows of a text table, numbered as a spreadsheet does: a record with line breaks in its cells is one row."""

    def __init__(self, path: Path, encoding: str, dialect: Dialect) -> None:
        self._path = path
        self._encoding = encoding
        self._dialect = dialect

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows; blank ones are empty lists. Holds one record at a time and raises `FileRefused`."""
        with closing(open_text(self._path, self._encoding)) as stream:
            yield from _read_rows(stream, self._dialect)


class _Feed:
    """The lines of a stream for the parser, bounded in length. `taken` counts characters since the last record."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.taken = 0
        self.is_over = False

    def __iter__(self) -> Iterator[str]:
        readline = self._stream.readline
        line = readline(limits.MAX_LINE)
        if _SEPARATOR_LINE.fullmatch(line):
            line = readline(limits.MAX_LINE)
        while line:
            if len(line) >= limits.MAX_LINE:
                raise FileRefused("line_too_long", f"A line has more than {limits.MAX_LINE:,} characters.")
            # Some programs pad their cells with NUL; no text has one.
            if "\0" in line:
                line = line.replace("\0", "")
            self.taken += len(line)
            if self.taken > limits.MAX_RECORD:
                raise FileRefused("row_too_long", _open_quotation("More than 4 million characters"))
            yield line
            line = readline(limits.MAX_LINE)
        self.is_over = True
        yield _END


def separator_of(line: str) -> str:
    """Return the delimiter that a first line `sep=;` names, or ""."""
    match = _SEPARATOR_LINE.fullmatch(line)
    if match is None:
        return ""
    return "\t" if match[1] == "\\t" else match[1]


def _read_rows(stream: TextIO, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    # The parser's own limit holds for the whole process; nothing else here reads CSV.
    csv.field_size_limit(limits.MAX_CELL)
    feed = _Feed(stream)
    number = 0
    try:
        for number, cells in enumerate(csv.reader(feed, dialect.for_csv()), 1):
            if feed.is_over:
                if cells != [_END]:
                    raise FileRefused("open_quotation", _open_quotation(f"The file ends in row {number}"))
                return
            feed.taken = 0
            if len(cells) > limits.MAX_COLUMNS:
                # One too many is kept, so that the row is seen to be too long.
                del cells[limits.MAX_COLUMNS + 1 :]
            yield number, cells
    except csv.Error as error:
        raise FileRefused("row_too_long", _open_quotation(f"Row {number + 1} has a cell without an end")) from error
    except UnicodeError as error:
        message = f"After row {number} the file is no longer {stream.encoding}: it is damaged, or cut off."
        raise FileRefused("encoding", message) from error


def _open_quotation(what: str) -> str:
    return f"{what} inside quotation marks that never close. Close them, or double a mark that is text."


def read_sample(path: Path, encoding: str) -> tuple[str, bool]:
    """Return the beginning of a text, and whether that is all of it."""
    with closing(open_text(path, encoding)) as stream:
        try:
            sample = stream.read(limits.SAMPLE)
        except UnicodeError as error:
            raise FileRefused("encoding", f"This file is not {encoding}: it is damaged, or cut off.") from error
    return sample.replace("\0", ""), len(sample) < limits.SAMPLE


def count_lines(path: Path) -> int:
    """Return the number of line ends: no fewer than there are rows, but for files of very old computers."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(limits.MAX_CELL), b"")) + 1
