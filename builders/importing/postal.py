"""The parts of an address that came as one line, where the line itself says which is which.

Only what is certain is taken: the country at the end, a city that is known from elsewhere, or a postcode whose form
tells where the city stands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from builders.places import city_key, country_code


class Parts(NamedTuple):
    """`is_split` says whether the city was found in the line: if not, the line itself is all there is."""

    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    is_split: bool = False


# "60327 Frankfurt am Main", "D-60327 Frankfurt", "1012 AB Amsterdam", "01-222 Warszawa", "100 00 Praha"
_CODE_FIRST = re.compile(r"(?:[A-Z]{1,2}-)?(\d{4,6}(?: [A-Z]{2})?|\d{3} \d{2}|\d{2}-\d{3}|\d{4}-\d{3}) (\D{2,})")
# "London E16 1XL"
_BRITISH = re.compile(r"(\D+?) ([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})")
# "Las Vegas, NV 89109": the city is the part before. "Sydney NSW 2000" has it in one.
_STATE_AND_CODE = re.compile(r"([A-Z]{2}) (\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d)")
_AUSTRALIAN = re.compile(r"(\D+?) (ACT|NSW|NT|QLD|SA|TAS|VIC|WA) (\d{4})")
# "Milano MI" and "São Paulo - SP"
_CITY_AND_STATE = re.compile(r"(.+?)(?: -)? ([A-Z]{2})")
# A postcode beside a known city: of one word, then of two ("1012 AB", "E16 1XL"); "8000 ZUG" is why in this order.
_CODES = (re.compile(r"\b[A-Z]{0,2}-?\d[\dA-Z-]*\b"), re.compile(r"\b[A-Z]{0,2}\d[\dA-Z]* [\dA-Z]{2,3}\b"))


def split_address(line: str, *, country: str = "", city: str = "") -> Parts:
    """Return the parts of an address such as "Messeplatz 1, 60327 Frankfurt am Main, Germany".

    `country` (ISO 3166) and `city` are what is known already, and are in the result in any case.
    """
    pieces = [piece.strip() for piece in line.split(",") if piece.strip()]
    if len(pieces) > 1 and not any(map(str.isdigit, pieces[-1])):
        named = country_code(pieces[-1])
        if named and named == (country or named):
            country = named
            pieces.pop()
    found = _around(pieces, city) if city else _by_postcode(pieces, country)
    return found._replace(country=country)


def _around(pieces: list[str], city: str) -> Parts:
    """Split at the piece that is the city that is known, with or without its postcode or state."""
    wanted = city_key(city)
    for index in range(len(pieces) - 1, -1, -1):
        postcode, region = _beside(pieces[index], wanted)
        if postcode is None:
            continue
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        if not postcode and any(code.fullmatch(following) for code in _CODES):
            postcode = following
        return Parts(", ".join(pieces[:index]), postcode, city, region, is_split=True)
    return Parts(city=city)


def _beside(piece: str, wanted: str) -> tuple[str | None, str]:
    """Return the postcode and the state that stand beside the city in its piece; None if it is not the city's."""
    if city_key(piece) == wanted:
        return "", ""
    for code in _CODES:
        if (match := code.search(piece)) and city_key(piece[: match.start()] + piece[match.end() :]) == wanted:
            return match[0], ""
    if (match := _CITY_AND_STATE.fullmatch(piece)) and city_key(match[1]) == wanted:
        return "", match[2]
    return None, ""


def _by_postcode(pieces: list[str], country: str) -> Parts:
    last = pieces[-1] if pieces else ""
    street = ", ".join(pieces[:-1])
    if country in ("US", "CA"):
        if len(pieces) > 1 and (match := _STATE_AND_CODE.fullmatch(last)):
            return Parts(", ".join(pieces[:-2]), match[2], pieces[-2], match[1], is_split=True)
    elif country == "AU":
        if match := _AUSTRALIAN.fullmatch(last):
            return Parts(street, match[3], match[1], match[2], is_split=True)
    elif country == "GB":
        if match := _BRITISH.fullmatch(last):
            return Parts(street, match[2], match[1], is_split=True)
    elif match := _CODE_FIRST.fullmatch(last):
        state = _CITY_AND_STATE.fullmatch(match[2]) if country == "IT" else None
        city, region = (state[1], state[2]) if state else (match[2], "")
        return Parts(street, match[1], city, region, is_split=True)
    return Parts()
