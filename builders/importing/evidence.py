"""Whether the values of a column look like what its header says.

The tests look at the shape alone: a phone number in national form is one, although without a country it cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from builders.contact import email, url
from builders.importing.cells import (
    is_nothing,
    is_scientific,
    parts_of,
    to_decimal,
    to_founded,
    to_range,
    to_rating,
    to_status,
    to_whole,
    to_yes_no,
)
from builders.places import country_code

# So many cells are looked at, and so large a part of them has to agree.
SAMPLED: Final = 200
NEEDED: Final = 0.8
# Of a few cells one that is wrong is a large part: it is a wrong cell, which its row says, and no wrong column.
_FEW: Final = 10
_NEEDED_OF_FEW: Final = 0.5
_FEWEST: Final = 3

_PHONE = re.compile(r"[+(]?[\d\s()./\-–+]{5,}(?:\s*(?:ext|x|dw|int)\.?\s*\d{1,6})?$", re.IGNORECASE)
_PHONE_DIGITS = range(6, 17)
# No phone numbers, although they have digits enough: degrees, and dates.
_NO_PHONE = re.compile(r"-?\d{1,3}[.,]\d+|(?:19|20)\d\d-\d\d-\d\d(?:[ T].*)?|\d\d?([./])\d\d?\1(?:19|20)\d\d")
_MAPS = re.compile(
    r"(?:^|//|\.)(?:google\.[a-z.]+/(?:maps|search|local)|maps\.google\.|"
    r"goo\.gl/maps|maps\.app\.goo\.gl|g\.page|maps\.apple\.)"
)
_POSTCODE = re.compile(r"[A-Za-z]{0,4}[-\s]?\d[\w\s-]{0,9}|[A-Za-z]{1,2}\d[\w\s]{0,8}")
_LETTERS = re.compile(r"[^\W\d_]")
_ONLY_NUMBERS = re.compile(r"[\d\s.,:/+\-()%$€£]+")
_LONGEST_NAME = 200
_LONGEST_LINK = 500
# What is longer is a text. Some of the patterns would take hours over a cell of a million characters.
_LONGEST_TESTED = 1000
_OF_ANY_LENGTH = frozenset({"json", "text", "words"})
_LONGEST_KEY = 200
_LONGEST_PLACE = 120
_MAX_LATITUDE = 90
_MAX_LONGITUDE = 180


def is_maps_link(text: str) -> bool:
    """Return whether the address leads to a map, or to a search, and not to a site of the firm."""
    return _MAPS.search(text[:_LONGEST_LINK].lower()) is not None


def _is_email(text: str) -> bool:
    return any(email(part) for part in parts_of(text))


def _is_phone(text: str) -> bool:
    if is_scientific(text):
        return True
    if _NO_PHONE.fullmatch(text):
        return False
    return any(
        _PHONE.fullmatch(part.strip()) and sum(map(str.isdigit, part)) in _PHONE_DIGITS
        for part in re.split(r"[,;|\n]", text)
    )


def _is_url(text: str) -> bool:
    return url(text) is not None


def _is_website(text: str) -> bool:
    return _is_url(text) and not is_maps_link(text)


def _is_within(text: str, limit: int) -> bool:
    number = to_decimal(text)
    return number is not None and abs(number) <= limit


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _has_words(text) and "@" not in text and "://" not in text


def _has_words(text: str) -> bool:
    return _LETTERS.search(text) is not None and _ONLY_NUMBERS.fullmatch(text) is None and not _is_structure(text)


def _is_structure(text: str) -> bool:
    return text[:1] == "{" and text[-1:] == "}"


def _is_place(text: str) -> bool:
    return len(text) <= _LONGEST_PLACE * 5 and _has_words(text) and "@" not in text and "://" not in text


def _is_person(text: str) -> bool:
    return _is_name(text) and not _is_structure(text)


def _is_key(text: str) -> bool:
    return len(text) <= _LONGEST_KEY and "\n" not in text


def _is_text(text: str) -> bool:
    return "@" not in text and "://" not in text and not _is_structure(text)


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "email": _is_email,
    "phone": _is_phone,
    "url": _is_url,
    "website": _is_website,
    "maps_url": lambda text: _is_url(text) and is_maps_link(text),
    "latitude": lambda text: _is_within(text, _MAX_LATITUDE),
    "longitude": lambda text: _is_within(text, _MAX_LONGITUDE),
    "country": lambda text: bool(country_code(text)),
    "countries": lambda text: any(country_code(part) for part in parts_of(text)),
    "rating": lambda text: to_rating(text) is not None,
    "whole": lambda text: to_whole(text) is not None,
    "year": lambda text: to_founded(text) is not None,
    "size": lambda text: to_range(text) is not None,
    "status": lambda text: to_status(text) is not None,
    "yes_no": lambda text: to_yes_no(text) is not None,
    "postcode": lambda text: _POSTCODE.fullmatch(text) is not None,
    "name": _is_name,
    "person": _is_person,
    "place": _is_place,
    "words": _has_words,
    "text": _is_text,
    "key": _is_key,
    "json": _is_structure,
}
# Values that can be nothing else say what a column is even where its header does not.
TELLING: Final = (("email", "email"), ("maps_url", "maps_url"), ("website", "website"), ("phone", "phone"))


def filled(samples: Sequence[str]) -> list[str]:
    """Return the first cells that say something."""
    found = [text for cell in samples if (text := cell.strip()) and not is_nothing(text)]
    return found[:SAMPLED]


def agreement(check: str, cells: Sequence[str]) -> float | None:
    """Return which part of the cells passes, or None where there is nothing to judge by: no cells, or no test."""
    if not check or not cells:
        return None
    passes = CHECKS[check]
    any_length = check in _OF_ANY_LENGTH
    return sum(passes(text) for text in cells if any_length or len(text) <= _LONGEST_TESTED) / len(cells)


def is_vetoed(check: str, field: str, cells: Sequence[str], *, is_of_format: bool) -> bool:
    """Return whether the cells forbid a column to be the field that its name says.

    Where they are few, or the column belongs to a known format, they have to disagree mostly, or to be of another kind.
    """
    part = agreement(check, cells)
    if part is None or part >= NEEDED:
        return False
    needed = _NEEDED_OF_FEW if is_of_format or len(cells) < _FEW else NEEDED
    if part < needed and len(cells) >= _FEWEST:
        return True
    if part >= needed and is_of_format:
        return False
    other = telling_field([cell for cell in cells if not agreement(check, [cell])])
    return other not in ("", field)


def telling_field(cells: Sequence[str]) -> str:
    """Return the field that the values alone speak for, or ""."""
    for check, field in TELLING:
        part = agreement(check, cells)
        if part is not None and part >= NEEDED:
            return field
    return ""
