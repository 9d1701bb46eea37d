"""The process that opens a spreadsheet: `python -m builders.importing.sheet_reader PATH [SHEET]`.

The library that reads XLSX and ODS holds a whole sheet, as large as its furthest cell, and ends the process when memory
does. So it runs in a process of its own, with limits set by the system, and nothing that a file does to it reaches the
server.

Standard output: a line with `Head`, then one for each row that is not blank: [number, [cell, …]]. A refusal is a line
with `Refusal` on standard error, and status 3.
"""

from __future__ import annotations

import datetime as dt
import math
import resource
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
)

from builders.importing import limits
from builders.importing.archives import check_spreadsheet
from builders.importing.errors import FileRefused
from builders.importing.header_rows import has_known_names

REFUSED: Final = 3
# Spreadsheets calculate with 15 digits. A longer number has lost its end, and must not look as if it had not.
_EXACT_BELOW: Final = 10**15
_SECONDS_PER_HOUR: Final = 3600
# How many sheets are opened to find a table, and how far down its header is looked for.
_MOST_SHEETS: Final = 20
_ROWS_LOOKED_AT: Final = 30


class Head(msgspec.Struct):
    kind: str
    sheet: str
    sheets: list[str]


class Refusal(msgspec.Struct):
    code: str
    message: str


def _number(value: float) -> str:
    """Return a number without an exponent, so that a phone number stays one; over-long ones keep theirs."""
    if not math.isfinite(value):
        return ""
    if abs(value) >= _EXACT_BELOW:
        return f"{value:.14E}"
    if value == int(value):
        return str(int(value))
    # Sums such as 0.1 + 0.2 are shown with the 15 digits that the spreadsheet has.
    return f"{Decimal(f'{value:.15g}'):f}"


def _moment(value: dt.datetime) -> str:
    return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")


def _duration(value: dt.timedelta) -> str:
    hours, seconds = divmod(round(value.total_seconds()), _SECONDS_PER_HOUR)
    return f"{hours:02}:{seconds // 60:02}"


_TEXT: Final[dict[type, Callable[..., str]]] = {
    str: str,
    float: _number,
    int: _number,
    bool: lambda value: "TRUE" if value else "FALSE",
    dt.datetime: _moment,
    dt.date: dt.date.isoformat,
    dt.time: lambda value: value.isoformat("minutes"),
    dt.timedelta: _duration,
}


def rows_of(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, with their numbers in the sheet. Empty columns to the left are left out."""
    if sheet.end is None:
        return
    if sheet.end[1] >= limits.MAX_COLUMNS:
        message = f"The sheet {sheet.name!r} has {sheet.end[1] + 1:,} columns; at most {limits.MAX_COLUMNS:,} are read."
        raise FileRefused("too_many_columns", message)
    for number, values in enumerate(sheet.iter_rows(), 1):
        cells = [_TEXT[type(value)](value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells


def choose_sheet(book: CalamineWorkbook, wanted: str) -> CalamineSheet:
    """Return the wanted sheet, or else the first visible one with names of columns that are known.

    Where there is none, it is the first that looks like a table: two rows and two columns.
    """
    if wanted:
        return book.get_sheet_by_name(wanted)
    visible = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
    ]
    first = table = None
    for name in (visible or book.sheet_names)[:_MOST_SHEETS]:
        sheet = book.get_sheet_by_name(name)
        if sheet.height > 1 and sheet.width > 1:
            if _has_names(sheet):
                return sheet
            table = table or sheet
        first = first or (sheet if sheet.height else None)
    found = table or first
    if found is None:
        raise FileRefused("empty", "This spreadsheet has no cells.")
    return found


def _has_names(sheet: CalamineSheet) -> bool:
    if sheet.width > limits.MAX_COLUMNS:
        return False
    return has_known_names([cells for _, cells in islice(rows_of(sheet), _ROWS_LOOKED_AT)])


def convert(path: Path, wanted: str) -> None:
    kind = check_spreadsheet(path)
    encoder = msgspec.json.Encoder()
    out = sys.stdout.buffer
    with CalamineWorkbook.from_path(path) as book:
        sheet = choose_sheet(book, wanted)
        out.write(encoder.encode(Head(kind, sheet.name, book.sheet_names)) + b"\n")
        for row in rows_of(sheet):
            out.write(encoder.encode(row) + b"\n")
    out.flush()


def limit_this_process() -> None:
    for kind, most in (
        (resource.RLIMIT_AS, limits.SHEET_MEMORY),
        (resource.RLIMIT_CPU, limits.SHEET_SECONDS),
        (resource.RLIMIT_FSIZE, limits.SHEET_OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def main(path: str, wanted: str = "") -> int:
    limit_this_process()
    try:
        convert(Path(path), wanted)
    except FileRefused as error:
        return _refuse(error.code, error.message)
    except PasswordError:
        return _refuse("password", "This spreadsheet is encrypted. Save it without a password.")
    except WorksheetNotFound:
        return _refuse("no_such_sheet", f"There is no sheet called {wanted[:80]!r}.")
    except CalamineError as error:
        return _refuse("damaged", f"This spreadsheet cannot be read ({str(error)[:200]}). Save it again, or as CSV.")
    return 0


def _refuse(code: str, message: str) -> int:
    sys.stderr.write(msgspec.json.encode(Refusal(code, message)).decode())
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
