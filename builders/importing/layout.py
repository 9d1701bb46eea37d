"""What was found out about a file, or what a person said about it."""

from __future__ import annotations

import msgspec


class Note(msgspec.Struct, frozen=True):
    """Something about the whole file that is worth a look and stops nothing."""

    code: str
    message: str


class Repair(msgspec.Struct, frozen=True):
    """An offer: a column whose text was misread before it came here. `cells` says how many of the first ones were."""

    column: str
    cells: int
    before: str
    after: str


class Layout(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How a file is to be read. What is empty, or None, is found out; the rest is taken as it stands.

    `kind` is csv, xlsx, ods or json. `header_row` is the number of the row with the names, as a spreadsheet counts it,
    and 0 if there is none. `shape` is the name of a JSON format, see `json_shapes`; with one, the file has records and
    no table. Text is repaired in the columns of `repaired`, and in no others, whatever `repairs` offers.
    """

    kind: str = ""
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    header_row: int | None = None
    sheet: str = ""
    sheets: list[str] = []
    shape: str = ""
    repairs: list[Repair] = []
    repaired: list[str] = []
    notes: list[Note] = []
