"""How the cell of each field is read into a row: one small function for each field, in the table `READERS`.

A function gets the cleaned cell, never an empty one and never one that means nothing. What it cannot read it complains
about and leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache, partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

from builders.contact import email, url
from builders.folding import fold
from builders.importing import cells
from builders.importing.cells import CLOSED, CLOSED_FOR_A_TIME
from builders.importing.city_cells import (
    MOST_PARTS,
    SHORTEST_COUNTRY,
    read_cities,
    read_served_cities,
    short_parts,
)
from builders.importing.evidence import is_maps_link
from builders.importing.fields import ADDRESS_LINES
from builders.importing.headers import words_of
from builders.importing.phone_cells import read_numbers
from builders.importing.row import Column, Row
from builders.places import country_code

Reading = Callable[[Row, str, Column], None]

# As long as the columns of the directory.
_LIMITS: Final = {
    "key": 200, "region": 120, "city": 120, "district": 120, "postcode": 20, "contact": 120, "first_name": 60,
    "last_name": 60, "role": 120, "description": 10_000, "address": 1000,
}  # fmt: skip
_LONGEST_SERVICE = 120
_LONGEST_SPECIALISATION = 80
_LONGEST_CERTIFICATE = 160
_LONGEST_EXTRA = 2000
_LONGEST_HOURS = 20_000
_LONGEST_NAME = 200


def _text(row: Row, cell: str, column: Column, *, attribute: str) -> None:
    """Take a text as it is. The first column of a field that has one counts."""
    if getattr(row, attribute):
        return
    if len(cell) > _LIMITS[attribute]:
        row.complain(column, "too_long", cell)
    else:
        setattr(row, attribute, cell)


_PLACE_ID_HEADER = re.compile(r"(?:(?:google|gmb|maps) )?place id")
_FLOAT_OF_WHOLE = re.compile(r"(\d+)\.0+")


def _code(row: Row, cell: str, column: Column, *, attribute: str) -> None:
    """Take a key or a postcode: what a spreadsheet took for a number loses its ".0", but never its last digits."""
    if cells.is_scientific(cell):
        row.complain(column, "mangled_number", cell)
        return
    match = _FLOAT_OF_WHOLE.fullmatch(cell)
    _text(row, match[1] if match else cell, column, attribute=attribute)


@lru_cache(maxsize=64)
def _has_place_ids(header: str) -> bool:
    return _PLACE_ID_HEADER.fullmatch(words_of(header)) is not None


def _key(row: Row, cell: str, column: Column) -> None:
    """Take the firm's name at the source. A place id is that at Google, whoever has collected it."""
    if not row.key:
        _code(row, cell, column, attribute="key")
        if _has_place_ids(column.header):
            row.place_id = row.key


_ADDRESS_AS_NAME = re.compile(r"[^\s@,;]@[^\s@,;]+\.[^\W\d_]{2}|^\w+://")


def _name(row: Row, cell: str, column: Column) -> None:
    if row.name:
        return
    if len(cell) > _LONGEST_NAME:
        row.complain(column, "too_long", cell)
    elif not any(map(str.isalnum, cell)) or (("@" in cell or "://" in cell) and _ADDRESS_AS_NAME.search(cell)):
        # With an address in it, it is a cell of another column, or a whole row that somebody put in quotes.
        row.complain(column, "not_a_name", cell)
    else:
        row.name = cell


def _person(row: Row, cell: str, column: Column, *, attribute: str) -> None:
    if "@" in cell or "://" in cell or not any(map(str.isalpha, cell)):
        row.complain(column, "not_a_name", cell)
    else:
        _text(row, cell, column, attribute=attribute)


_ADDRESS_BREAKS = re.compile(r"[,;|\s]+")


def _emails(row: Row, cell: str, column: Column) -> None:
    parts = (cell.rstrip(",;| "),) if cell.count("@") <= 1 else tuple(filter(None, _ADDRESS_BREAKS.split(cell)))
    for part in parts[:MOST_PARTS]:
        part = part.strip("[]\"'")
        if cells.is_nothing(part):
            continue
        address = email(part)
        if address is None:
            row.complain(column, "bad_email", part)
        elif address not in row.emails:
            row.emails.append(address)


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?!\d)", re.IGNORECASE)
_URL_BREAKS = re.compile(r"[\s|]+|[,;]\s*(?=https?:|www\.|$)")


def _complain_about_url(row: Row, cell: str, column: Column) -> None:
    scheme = _SCHEME.match(cell)
    is_foreign = scheme is not None and scheme[1].lower() not in ("http", "https")
    has_password = scheme is not None and "@" in cell.partition("//")[2].partition("/")[0]
    row.complain(column, "unsafe_url" if is_foreign or has_password else "bad_url", cell)


def _website(row: Row, cell: str, column: Column) -> None:
    if len(cell) > _LONGEST_EXTRA:
        row.complain(column, "too_long", cell)
        return
    address = url(cell)
    if address is None:
        parts = [part for part in _URL_BREAKS.split(cell) if part]
        address = url(parts[0]) if len(parts) > 1 else None
        others = [other for part in parts[1:MOST_PARTS] if (other := url(part))]
        if address is None or not others:
            _complain_about_url(row, cell, column)
            return
        row.extra.setdefault("more_websites", others)
    if is_maps_link(address):
        _maps_url(row, address, column)
    elif not row.website:
        row.website = address


# Names of parameters that carry somebody's key to a paid service: such an address is not ours to keep.
_SECRETS = re.compile(r"[?&](?:key|api_?key|access_token|token|signature)=", re.IGNORECASE)
_PLACE_ID = re.compile(r"[\w-]{20,200}")


def _maps_url(row: Row, cell: str, column: Column) -> None:
    address = url(cell)
    if address is None:
        _complain_about_url(row, cell, column)
        return
    if not row.key and "query_place_id=" in address:
        named = parse_qs(urlsplit(address).query).get("query_place_id", [""])[0]
        row.key = row.place_id = named if _PLACE_ID.fullmatch(named) else ""
    if not row.maps_url and not _SECRETS.search(address):
        row.maps_url = address


def _social(row: Row, cell: str, column: Column) -> None:
    for part in cells.parts_of(cell)[:MOST_PARTS]:
        address = url(part)
        if address is None:
            _complain_about_url(row, part, column)
        elif address not in row.social:
            row.social.append(address)


_HANDLE = re.compile(r"@?([A-Za-z0-9._-]{1,80})")


def _handle(row: Row, cell: str, column: Column, *, site: str) -> None:
    """Take the name that somebody has at a network, or the whole address."""
    match = _HANDLE.fullmatch(cell)
    # A file says "acme" or "@acme"; "acme.com/x" and "www.acme.com" are addresses.
    is_handle = match is not None and not cell.lower().startswith("www.") and not cell.lower().endswith((".com", ".me"))
    _social(row, f"{site}{match[1]}" if match is not None and is_handle else cell, column)


def _images(row: Row, cell: str, column: Column) -> None:
    for part in cells.parts_of(cell)[:MOST_PARTS]:
        address = url(part)
        if address is None:
            _complain_about_url(row, part, column)
        elif not _SECRETS.search(address) and address not in row.images:
            row.images.append(address)


def _country(row: Row, cell: str, column: Column) -> None:
    code = country_code(cell)
    if not code:
        row.complain(column, "unknown_country", cell)
    elif not row.country:
        row.country = code
    elif row.country != code:
        row.complain(column, "country_conflict", cell)


def _city(row: Row, cell: str, column: Column) -> None:
    """Take a city. "Munich, Germany" is a city and its country, where the row does not say another."""
    head, comma, tail = cell.rpartition(",")
    code = country_code(tail) if comma and len(tail.strip()) >= SHORTEST_COUNTRY else ""
    if code and head.strip() and row.country in ("", code):
        row.country, cell = code, head.strip()
    _text(row, cell, column, attribute="city")


def _served_countries(row: Row, cell: str, column: Column) -> None:
    for part in cells.parts_of(cell)[:MOST_PARTS]:
        code = country_code(part)
        if code:
            row.served_countries.append(code)
        else:
            row.complain(column, "unknown_country", part)


def _line(row: Row, cell: str, column: Column) -> None:
    if cell not in row.lines:
        row.lines.append(cell)


_ADDRESS_PARTS = (
    ("lines", ("street", "address_line_1", "address")),
    ("district", ("borough", "district", "neighborhood")),
    ("city", ("city", "locality", "town")),
    ("postcode", ("postal_code", "postcode", "zip")),
    ("region", ("state", "region")),
)


def _address_json(row: Row, cell: str, column: Column) -> None:
    """Take the parts of an address that no column of its own has given."""
    parts = cells.json_object(cell)
    if parts is None:
        row.complain(column, "bad_json", cell)
        return
    said = {key: cells.clean_line(str(value)) for key, value in parts.items() if isinstance(value, str | int)}
    if not row.country and (code := country_code(said.get("country", ""))):
        row.country = code
    for attribute, keys in _ADDRESS_PARTS:
        text = next((said[key] for key in keys if said.get(key) and not cells.is_nothing(said[key])), "")
        if not text or getattr(row, attribute):
            continue
        if attribute == "lines":
            row.lines.append(text)
        else:
            _text(row, text, column, attribute=attribute)


# A country that is a state of another as well: "Atlanta, Georgia".
_ALSO_A_STATE = frozenset({"georgia"})


def _address(row: Row, cell: str, column: Column) -> None:
    """Take a whole address. A country at its end counts where no column names one."""
    _text(row, cell, column, attribute="address")
    head, _, last = row.address.rpartition(",")
    if not row.country and head and len(last.strip()) >= SHORTEST_COUNTRY and fold(last) not in _ALSO_A_STATE:
        row.country = country_code(last)


_DEGREE = Decimal("0.000001")


def _degrees(row: Row, cell: str, column: Column, *, attribute: str, limit: int) -> None:
    number = cells.to_decimal(cell)
    if number is None or abs(number) > limit:
        row.complain(column, "bad_coordinate", cell)
    elif getattr(row, attribute) is None:
        setattr(row, attribute, number.quantize(_DEGREE))


def _list(row: Row, cell: str, column: Column, *, attribute: str, longest: int) -> None:
    getattr(row, attribute).extend(short_parts(row, cells.parts_of(cell), column, longest))


def _languages(row: Row, cell: str, column: Column) -> None:
    for part in cells.parts_of(cell)[:MOST_PARTS]:
        code = cells.to_language(part)
        if code is None:
            row.complain(column, "unknown_language", part)
        elif code not in row.languages:
            row.languages.append(code)


_TENTH = Decimal("0.1")


def _rating(row: Row, cell: str, column: Column) -> None:
    number = cells.to_rating(cell)
    if number is None:
        row.complain(column, "bad_rating", cell)
    elif number and row.rating is None:
        # 0 is what systems write for a firm that nobody has rated.
        row.rating = number.quantize(_TENTH, rounding=ROUND_HALF_UP)


def _whole(row: Row, cell: str, column: Column, *, attribute: str) -> None:
    number = cells.to_whole(cell)
    if number is None:
        row.complain(column, "bad_number", cell)
    elif getattr(row, attribute) is None:
        setattr(row, attribute, number)


def _founded(row: Row, cell: str, column: Column) -> None:
    year = cells.to_founded(cell, latest=row.latest_year)
    if year is None and cell.strip("0.") != "":
        row.complain(column, "bad_year", cell)
    elif row.founded is None:
        row.founded = year


# "10-20" opened and saved in a spreadsheet is the twentieth of October.
_DATE_OF_A_SHEET = re.compile(
    r"\d{4}-\d\d-\d\d.*|\d{1,2}[./-][a-zäû]{3,4}\.?|[a-zäû]{3,4}\.?[./-]\d{1,4}|"
    r"\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    re.IGNORECASE,
)


def _range(row: Row, cell: str, column: Column, *, attribute: str) -> None:
    found = cells.to_range(cell)
    if found is None:
        row.complain(column, "mangled_number" if _DATE_OF_A_SHEET.fullmatch(cell) else "bad_number", cell)
    elif any(found) and getattr(row, attribute) == (None, None):
        setattr(row, attribute, (found[0] or None, found[1] or None))


def _status(row: Row, cell: str, column: Column) -> None:
    status = cells.to_status(cell)
    if status is None:
        row.complain(column, "unknown_status", cell)
    elif not row.status:
        row.status = status


_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}.*|\d{1,2}[./]\d{1,2}[./]\d{4}")


def _closed(row: Row, cell: str, column: Column, *, status: str) -> None:
    """Take yes, or the date since when: both mean closed, and outweigh a column that calls the firm open."""
    is_closed = True if _DATE.fullmatch(cell) else cells.to_yes_no(cell)
    if is_closed is None:
        row.complain(column, "bad_yes_no", cell)
    elif is_closed and row.status != CLOSED:
        row.status = status


def _verified(row: Row, cell: str, column: Column) -> None:
    answer = cells.to_yes_no(cell)
    if answer is None:
        row.complain(column, "bad_yes_no", cell)
    elif row.is_verified is None:
        row.is_verified = answer


_PLANS = frozenset({"free", "basic", "professional", "enterprise"})


def _plan(row: Row, cell: str, column: Column) -> None:
    plan = cell.lower()
    if plan not in _PLANS:
        row.complain(column, "unknown_plan", cell)
    elif not row.plan:
        row.plan = plan


_CLOSED_DAY = "x"
_WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday special".split())


def _hours(row: Row, cell: str, column: Column) -> None:
    if len(cell) > _LONGEST_HOURS:
        row.complain(column, "too_long", cell)
        return
    said: object = "closed" if cell.lower() == _CLOSED_DAY else cell[:_LONGEST_EXTRA]
    structure = cells.json_object(cell) if cell[0] == "{" else None
    if structure is not None:
        said = structure
    day = words_of(column.header).partition(" ")[0]
    row.hours[day if day in _WEEKDAYS else "all"] = said


def _extra(row: Row, cell: str, column: Column) -> None:
    row.extra[column.header or f"column {column.index + 1}"] = cell[:_LONGEST_EXTRA]


READERS: Final[dict[str, Reading]] = {
    "country": _country,
    "external_key": _key,
    "name": _name,
    "email": _emails,
    "phone": partial(read_numbers, attribute="phones"),
    "fax": partial(read_numbers, attribute="faxes"),
    "website": _website,
    "maps_url": _maps_url,
    "social": _social,
    "facebook": partial(_handle, site="https://www.facebook.com/"),
    "instagram": partial(_handle, site="https://www.instagram.com/"),
    "linkedin": partial(_handle, site="https://www.linkedin.com/company/"),
    "twitter": partial(_handle, site="https://x.com/"),
    "youtube": partial(_handle, site="https://www.youtube.com/@"),
    "address_full": _address,
    "address_json": _address_json,
    **dict.fromkeys(ADDRESS_LINES, _line),
    "locality": _city,
    "cities": read_cities,
    "service_cities": read_served_cities,
    "service_countries": _served_countries,
    "sublocality": partial(_text, attribute="district"),
    "region": partial(_text, attribute="region"),
    "postcode": partial(_code, attribute="postcode"),
    "latitude": partial(_degrees, attribute="latitude", limit=90),
    "longitude": partial(_degrees, attribute="longitude", limit=180),
    "categories": partial(_list, attribute="services", longest=_LONGEST_SERVICE),
    "services": partial(_list, attribute="services", longest=_LONGEST_SERVICE),
    "specialisations": partial(_list, attribute="specialisations", longest=_LONGEST_SPECIALISATION),
    "description": partial(_text, attribute="description"),
    "contact_name": partial(_person, attribute="contact"),
    "contact_first_name": partial(_person, attribute="first_name"),
    "contact_last_name": partial(_person, attribute="last_name"),
    "contact_role": partial(_person, attribute="role"),
    "hours": _hours,
    "rating": _rating,
    "reviews": partial(_whole, attribute="reviews"),
    "status": _status,
    "closed_permanently": partial(_closed, status=CLOSED),
    "closed_temporarily": partial(_closed, status=CLOSED_FOR_A_TIME),
    "founded": _founded,
    "team_size": partial(_range, attribute="team"),
    "stand_size": partial(_range, attribute="stand"),
    "projects_completed": partial(_whole, attribute="projects"),
    "languages": _languages,
    "certifications": partial(_list, attribute="certifications", longest=_LONGEST_CERTIFICATE),
    "verified": _verified,
    "plan": _plan,
    "images": _images,
    "extra": _extra,
}
