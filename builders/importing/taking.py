"""Takes a JSON record apart, value by value, and knows in the end what nobody asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from builders import contact
from builders.importing import cells
from builders.importing.redaction import without_secrets
from builders.importing.row import MESSAGES, problem
from builders.record import Problem

_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:(?!\d)|[^/]*://[^/]*@", re.IGNORECASE)
_RATING_STEP = Decimal("0.1")
_HIGHEST_RATING = 5
_DEGREE_STEP = Decimal("0.000001")
_LARGEST_LATITUDE = 90
_LARGEST_LONGITUDE = 180
_LARGEST_NUMBER = 2**31 - 1


def is_nothing(value: object) -> bool:
    """Return whether a value says nothing: empty, or a word that stands for it."""
    if isinstance(value, str):
        return cells.is_nothing(value)
    return value is None or value in ([], {})


def one_line(value: object) -> str:
    """Return a value as text on one line; "" for what is no text and no number, and for what says nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or is_nothing(value):
        return ""
    return cells.clean_line(str(value))


def listed(value: object) -> list[object]:
    """Return a list of what may be a list, a list as JSON text, words with commas or semicolons, or one thing."""
    value = parsed(value)
    if isinstance(value, str):
        return list(cells.parts_of(value))
    if isinstance(value, list):
        return [item for item in value if not is_nothing(item)]
    return [] if is_nothing(value) else [value]


def parsed(value: object) -> object:
    """Return what a text holds if it is a JSON list or object, as dumps of databases write them; else the value."""
    if not (isinstance(value, str) and value.lstrip()[:1] in ("[", "{")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def as_decimal(value: object) -> Decimal | None:
    """Return a number, also from a text with a decimal comma; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    # Not by its digits as text alone: 1e-07 is a number, too.
    if isinstance(value, float):
        number = Decimal(repr(value))
        return number if number.is_finite() else None
    return Decimal(value) if isinstance(value, int) else cells.to_decimal(value)


class Taking:
    """What is left of a record, and what was wrong with what was taken.

    A method takes the first of `names` that says something. The others are taken with it when they say the same or
    nothing; one that says something else stays, and is found in `rest()`.
    """

    def __init__(self, record: Mapping[str, object]) -> None:
        self._left = dict(record)
        self.problems: list[Problem] = []

    def rest(self) -> dict[str, object]:
        return {name: value for name, value in self._left.items() if not is_nothing(value)}

    def drop(self, *names: str) -> None:
        for name in names:
            self._left.pop(name, None)

    def value(self, *names: str) -> object:
        return self._named(names)[1]

    def report(self, column: str, code: str, cell: object = "", field: str = "", message: str = "") -> None:
        """Note what is wrong with a value; `message` is for a code of one's own."""
        text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
        if code in MESSAGES:
            self.problems.append(problem(code, column, text, field))
        else:
            self.problems.append(Problem(column=column, code=code, message=message, cell=text[:200], field=field))

    def name(self, *names: str, limit: int) -> str:
        """Take the name, without which a record is refused."""
        name = self.text("name", *names, limit=limit)
        if not name:
            self.report(names[0], "no_name", field="name")
        return name

    def text(self, field: str, *names: str, limit: int) -> str:
        """Take a line of text. What is longer than `limit` is left out: half a name is not the name."""
        name, value = self._named(names)
        return self._bounded(field, name, one_line(value), limit)

    def prose(self, field: str, *names: str, limit: int) -> str:
        """Take a text of several lines."""
        name, value = self._named(names)
        return self._bounded(field, name, cells.clean_text(value) if isinstance(value, str) else "", limit)

    def whole(self, field: str, *names: str) -> int | None:
        """Take a count. Zero says nothing: programs write it where nobody typed a number."""
        name, value = self._named(names)
        number = as_decimal(value)
        if is_nothing(value) or number == 0:
            return None
        if number is None and isinstance(value, str):
            number = as_decimal(cells.to_whole(value))
        if number is None or number != number.to_integral_value() or not 0 < number <= _LARGEST_NUMBER:
            self.report(name, "bad_number", value, field)
            return None
        return int(number)

    def rating(self, *names: str) -> Decimal | None:
        name, value = self._named(names)
        number = as_decimal(value)
        if is_nothing(value) or number == 0:
            return None
        if number is None or not 0 < number <= _HIGHEST_RATING:
            self.report(name, "bad_rating", value, "rating")
            return None
        return number.quantize(_RATING_STEP, ROUND_HALF_UP)

    def degrees(self, latitude: str, longitude: str) -> tuple[Decimal, Decimal] | tuple[None, None]:
        """Take a position. Both 0 is where programs put what has none: in the sea off Ghana."""
        north, east = self._left.pop(latitude, None), self._left.pop(longitude, None)
        if is_nothing(north) and is_nothing(east):
            return None, None
        lat, lon = as_decimal(north), as_decimal(east)
        if lat is None or lon is None or abs(lat) > _LARGEST_LATITUDE or abs(lon) > _LARGEST_LONGITUDE:
            self.report(latitude, "bad_coordinate", [north, east], "latitude")
            return None, None
        if not (lat or lon):
            return None, None
        return lat.quantize(_DEGREE_STEP), lon.quantize(_DEGREE_STEP)

    def emails(self, *names: str) -> list[str]:
        found: list[str] = []
        for name, text in self._texts(names):
            address = contact.email(text)
            if address is None:
                self.report(name, "bad_email", text, "email")
            elif address not in found:
                found.append(address)
        return found

    def phones(self, region: str, *names: str) -> list[str]:
        """Take telephone numbers. `region` is the country of those in national form."""
        found: list[str] = []
        for name, text in self._texts(names):
            number = contact.phone(text, region)
            if number is None:
                is_national = not region and not text.startswith("+")
                self.report(name, "phone_without_country" if is_national else "bad_phone", text, "phone")
            elif number not in found:
                found.append(number)
        return found

    def address(self, field: str, *names: str) -> str:
        """Take an address of the web."""
        name, value = self._named(names)
        text = one_line(value)
        if not text:
            return ""
        found = contact.url(text)
        if found is None:
            self.report(name, "unsafe_url" if _SCHEME.match(text) else "bad_url", text, field)
            return ""
        # Somebody's key to a paid service stands in some addresses: those are not ours to keep.
        return "" if without_secrets(found)[1] else found

    def _bounded(self, field: str, name: str, text: str, limit: int) -> str:
        if cells.is_nothing(text):
            return ""
        if len(text) > limit:
            self.report(name, "too_long", text, field)
            return ""
        return text

    def _named(self, names: tuple[str, ...]) -> tuple[str, object]:
        chosen, value = names[0], None
        for name in names:
            candidate = self._left.get(name)
            if is_nothing(candidate) or candidate == value:
                self._left.pop(name, None)
            elif value is None:
                chosen, value = name, self._left.pop(name)
        return chosen, value

    def _texts(self, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Take all of `names`, each a text, a number or a list of them."""
        for name in names:
            value = self._left.pop(name, None)
            for item in value if isinstance(value, list) else [value]:
                text = one_line(item)
                if text:
                    yield name, text
