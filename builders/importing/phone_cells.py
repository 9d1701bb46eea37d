"""Telephone numbers of a cell: one or several, and what a spreadsheet has made of them."""

from __future__ import annotations

import re

from builders.contact import phone
from builders.importing import cells
from builders.importing.row import Column, Row

_LONGEST_CELL = 2000
_MOST_PARTS = 100
# Most cells: one number and nothing else, not even the ".0" of a spreadsheet.
_ONE_NUMBER = re.compile(r"[+(]?\d[\d ()-]*")
_PHONE_BREAKS = re.compile(r"[;|\n]|,|\s+(?:or|oder|ou|und|and)\s+")
_SLASH = re.compile(r"\s+/\s+")
_FEWEST_DIGITS = 6
_PHONE_OF_A_SHEET = re.compile(r"(\+?\d+)\.0+")


def read_numbers(row: Row, cell: str, column: Column, *, attribute: str) -> None:
    """Take all numbers of a cell as E.164; `attribute` of the row is the list they go to."""
    found: list[str] = getattr(row, attribute)
    if len(cell) > _LONGEST_CELL:
        row.complain(column, "too_long", cell)
        return
    if _ONE_NUMBER.fullmatch(cell):
        _take(row, cell, column, found)
        return
    if cells.is_scientific(cell):
        # Looked at before the cell is cut at commas: there may be one in the number.
        row.complain(column, "mangled_number", cell)
        return
    for part in _phone_parts(cell, row.phone_region):
        part = part.strip().strip("[]\"'")
        if not part or cells.is_nothing(part):
            continue
        if cells.is_scientific(part):
            row.complain(column, "mangled_number", part)
            continue
        _take(row, part, column, found)


def _take(row: Row, part: str, column: Column, found: list[str]) -> None:
    region = row.phone_region
    match = _PHONE_OF_A_SHEET.fullmatch(part)
    number = phone(match[1] if match else part, region)
    if number is None:
        is_national = not region and part[:1] != "+" and sum(map(str.isdigit, part)) >= _FEWEST_DIGITS
        row.complain(column, "phone_without_country" if is_national else "bad_phone", part)
    elif number not in found:
        found.append(number)


def _phone_parts(cell: str, region: str) -> list[str]:
    """Cut a cell into its numbers. A slash stands between two of them, or behind an area code: 0211 / 123456."""
    parts: list[str] = []
    for part in _PHONE_BREAKS.split(cell)[:_MOST_PARTS]:
        area = ""
        for piece in _SLASH.split(part):
            whole = f"{area} / {piece}"
            if area and phone(area, region) is None and phone(whole, region) is not None:
                parts[-1], area = whole, ""
            else:
                parts.append(piece)
                area = piece
    return parts[:_MOST_PARTS]
