"""The directory as CSV and XLSX: written as it is read, a few hundred builders at a time, however many there are.

No cell of it runs when a spreadsheet opens it, and our own import reads the same records back: see `exported`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import xlsxwriter
from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from xlsxwriter.worksheet import Worksheet

from builders.importing.exported import HEADER, LEFT_OUT, Cell, row
from builders.importing.guards import guarded
from builders.models import Builder
from builders.record import Record
from builders.services.stored import load
from realtime.errors import ClientError

_CHUNK: Final = 500
# What a sheet can hold, by the format.
_MOST_ROWS: Final = 1_048_576
_LONGEST_CELL: Final = 32_767


def records(builders: QuerySet[Builder]) -> Iterator[Record]:
    """Yield the builders as records, oldest first. The key is the builder's `uid`.

    Each chunk is a query of its own: no transaction and no cursor stays open while a slow client reads.
    """
    last = 0
    while True:
        ids = list(builders.order_by("pk").filter(pk__gt=last).values_list("pk", flat=True)[:_CHUNK])
        if not ids:
            return
        found = load(ids)
        for pk in ids:
            # One that was deleted since the first of the two statements is no longer there.
            if pk in found:
                yield msgspec.structs.replace(found[pk].record, key=found[pk].uid)
        last = ids[-1]


def csv_chunks(builders: QuerySet[Builder]) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8 piece by piece, with the mark that makes Excel read it so."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(HEADER)
    for number, record in enumerate(records(builders), 1):
        writer.writerow([guarded(str(cell)) for cell in row(record)])
        if number % _CHUNK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


async def stream_csv(builders: QuerySet[Builder]) -> AsyncIterator[bytes]:
    """Yield the same for a response: an ordinary generator would be read to its end before the first byte is sent."""
    chunks = csv_chunks(builders)
    while (chunk := await sync_to_async(lambda: next(chunks, None))()) is not None:
        yield chunk


def write_xlsx(builders: QuerySet[Builder], path: Path) -> int:
    """Write a spreadsheet and return the number of builders in it. Rows go to disk as they come.

    A text that is too long for a cell of a spreadsheet is left out, and the column *Left out* names it: an empty cell
    says nothing, so that an import of this file takes nothing away. Raises `too_large` for more builders than a sheet
    has rows.
    """
    if builders.count() >= _MOST_ROWS:
        raise ClientError("too_large", "A spreadsheet holds 1,048,575 builders at most. Export them as CSV.")
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    written = 0
    with xlsxwriter.Workbook(str(path), options) as workbook:
        sheet = workbook.add_worksheet("Builders")
        sheet.freeze_panes(1, 2)
        for column, title in enumerate(HEADER):
            sheet.write_string(0, column, title)
        for written, record in enumerate(records(builders), 1):
            _write_row(sheet, written, row(record))
    return written


def _write_row(sheet: Worksheet, number: int, cells: list[Cell]) -> None:
    left_out = []
    for column, cell in enumerate(cells):
        if isinstance(cell, int | Decimal):
            sheet.write_number(number, column, float(cell))
        elif len(text := guarded(cell)) > _LONGEST_CELL:
            left_out.append(HEADER[column])
        elif text:
            sheet.write_string(number, column, text)
    if left_out:
        sheet.write_string(number, HEADER.index(LEFT_OUT), "; ".join(left_out))
