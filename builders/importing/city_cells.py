"""Cities of a cell: one or several, with the country that may stand beside each."""

from __future__ import annotations

import re
from typing import Final

from builders.folding import fold
from builders.importing import cells
from builders.importing.row import Column, Row
from builders.places import country_code

MOST_PARTS: Final = 100
# Shorter endings are states: "Palo Alto, CA" is not in Canada.
SHORTEST_COUNTRY: Final = 4
_LONGEST_CITY = 120
_CITY_IN_BRACKETS = re.compile(r"(.+?)\s*\(([^()]+)\)")
# "Washington, DC" is one city, and "Bari, BA" is in no Bosnia.
_STATE = re.compile(r"[A-Z]{2,3}")
_SHORT_COUNTRIES = frozenset({"UK", "USA", "UAE"})
# Countries that are called as their city.
_ALSO_A_CITY = frozenset(
    "singapore|singapur|luxembourg|luxemburg|monaco|kuwait|panama|guatemala|djibouti|mexico|gibraltar|macau|macao|"
    "san marino|hong kong|hongkong".split("|")
)


def read_cities(row: Row, cell: str, column: Column) -> None:
    """Take a list of cities, of the row's country where they say no other, the headquarters first."""
    found = _cities_of(row, cell, column)
    for city, country in found:
        row.served_cities.append((city, country or row.country))
    if not found or row.city:
        return
    city, country = found[0]
    if country and row.country and country != row.country:
        row.complain(column, "country_conflict", cell)
        return
    row.city, row.country = city, row.country or country
    del row.served_cities[-len(found)]


def read_served_cities(row: Row, cell: str, column: Column) -> None:
    row.served_cities += _cities_of(row, cell, column)


def _cities_of(row: Row, cell: str, column: Column) -> list[tuple[str, str]]:
    """Return the cities of a list, each with the country that is written beside it, or "".

    "Berlin, Paris (France); London, Leeds" are four cities, "Munich, Germany; Paris, France" are two.
    """
    found: list[tuple[str, str]] = []
    for part in short_parts(row, cells.parts_of(cell), column, _LONGEST_CITY * 2):
        match = _CITY_IN_BRACKETS.fullmatch(part)
        code = country_code(match[2]) if match else ""
        if match and code:
            found.append((match[1], code))
            continue
        for name in short_parts(row, part.split(","), column, _LONGEST_CITY):
            code = _country_of(name, row.country)
            if found and not found[-1][1] and not code and _STATE.fullmatch(name):
                found[-1] = f"{found[-1][0]}, {name}", ""
            elif not code or fold(name) in _ALSO_A_CITY:
                found.append((name, code))
            elif found and not found[-1][1]:
                found[-1] = found[-1][0], code
    return found


def _country_of(name: str, country: str) -> str:
    code = country_code(name)
    return code if len(name) >= SHORTEST_COUNTRY or code == country or name in _SHORT_COUNTRIES else ""


def short_parts(row: Row, parts: list[str], column: Column, longest: int) -> list[str]:
    """Return the parts that are not too long, complaining about the others."""
    kept = []
    for part in parts[:MOST_PARTS]:
        part = cells.clean_line(part)
        if len(part) > longest:
            row.complain(column, "too_long", part)
        elif part:
            kept.append(part)
    return kept
