"""From the cells of a row to a `Record` and what is wrong with it. What a cell does not say stays empty."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from builders.folding import fold, fold_often
from builders.importing import google
from builders.importing.cells import clean_line, clean_text, is_nothing
from builders.importing.fields import ADDRESS_LINES, FIELDS
from builders.importing.mapping import Mapping
from builders.importing.presets import BUILDERS
from builders.importing.readings import READERS, Reading
from builders.importing.row import Column, Row, problem
from builders.importing.service_names import last_part, offering
from builders.places import country_code
from builders.record import Certificate, Offering, Person, Place, Problem, Record

# What others lean on is read first: phones need the country, and the list of cities its country, the address its parts.
_FIRST = {"country": 0, "address_json": 1, "address_full": 2, "locality": 3, "cities": 4}
_LATER = 5
# Texts keep their paragraphs, and lists their lines.
_WITH_LINES = frozenset(
    {
        "description", "phone", "fax", "services", "categories", "specialisations", "certifications", "cities",
        "service_cities", "service_countries", "languages", "images", "social",
    }
)  # fmt: skip
_LONGEST_STREET = 300
# What stands below a table: totals, and remarks. A firm that is called so has an address of some kind.
_NO_FIRM = re.compile(
    r"(?:(?:grand|sub)[ -]?)?totals?(?: (?:general|général|generale|geral))?|totale|totaal|toplam|"
    r"(?:gesamt|zwischen)?summe|gesamt|insgesamt|somme|suma|итого|всего|合計|总计|المجموع|סך הכל|"
    r"(?:sources?|quellen?|fuentes?|fonti?|bron|notes?|remarks?|hinweise?|anmerkung(?:en)?|remarques?|stand)\s*:.*|"
    r"(?:generated|exported|created|printed|erstellt|exportiert|généré|exporté)\s+(?:by|on|at|from|am|von|mit|le|par)\s.*|"
    r"(?:page|seite|página|pagina)\s+\d+(?:\s*(?:/|of|von|de|di|sur)\s*\d+)?|end of (?:file|list|report|data)",
    re.IGNORECASE,
)
_Plan = tuple[int, Column, Reading, bool]


def _order(column: Column) -> tuple[int, str, int]:
    """Return when a column is read. The lines of a street come in their order, wherever they stand."""
    line = column.field if column.field in ADDRESS_LINES else ""
    return _FIRST.get(column.field, _LATER), line, column.index


class Reader:
    """Reads the rows of one table. `region` is the country (ISO 3166) for phones of rows that name none.

    `mapping` is a `Mapping`, or the same as JSON. Raises `ValueError` where it does not fit the header, names a field
    that there is not, or is of a table that holds no builders.
    """

    def __init__(self, mapping: Mapping | dict[str, Any], header: Sequence[str], region: str = "") -> None:
        if isinstance(mapping, dict):
            mapping = msgspec.convert(mapping, Mapping)
        if len(mapping.fields) != len(header):
            raise ValueError(f"The mapping has {len(mapping.fields)} columns, the header {len(header)}.")
        if mapping.target != BUILDERS:
            raise ValueError(f"This table holds {mapping.target}, no builders.")
        unknown = sorted({field for field in mapping.fields if field and field not in FIELDS})
        if unknown:
            raise ValueError(f"There is no field {', '.join(unknown)}.")
        self._width = len(header)
        self._region = region.upper()
        self._latest_year = dt.datetime.now(tz=dt.UTC).year
        columns = [Column(index, header[index], field) for index, field in enumerate(mapping.fields) if field]
        columns.sort(key=_order)
        self._headers = {column.field: column.header for column in reversed(columns)}
        self._plan: list[_Plan] = [
            (column.index, column, READERS[column.field], column.field in _WITH_LINES) for column in columns
        ]

    def read(self, cells: Sequence[str]) -> tuple[Record, list[Problem]]:
        """Return what a row says, and what is wrong with it. A row with an error is not to be imported.

        A row that is shorter than the header ends in empty cells, as spreadsheets write it. In one that is longer,
        cells have moved, and none of them is believed.
        """
        width = len(cells)
        if width > self._width and any(cell.strip() for cell in cells[self._width :]):
            return Record(), [problem("too_many_cells", "", " | ".join(cells[self._width :]))]
        row = Row(self._region, self._latest_year, self._headers)
        for index, column, read, has_lines in self._plan:
            if index >= width or not (cell := cells[index]):
                continue
            cell = clean_text(cell) if has_lines and "\n" in cell else clean_line(cell)
            if not is_nothing(cell):
                read(row, cell, column)
        if not row.name:
            row.complain_of("name", "no_name")
        elif not (row.emails or row.phones or row.website or row.key or row.city) and _NO_FIRM.fullmatch(row.name):
            row.complain_of("name", "no_firm", row.name)
        return _record(row), row.problems


def _record(row: Row) -> Record:
    """Put together what the cells said."""
    headquarters = _headquarters(row)
    return Record(
        key=row.key,
        name=row.name,
        description=row.description,
        website=row.website,
        maps_url=row.maps_url,
        emails=row.emails,
        phones=row.phones,
        faxes=row.faxes,
        social=row.social,
        headquarters=headquarters,
        service_places=_service_places(row),
        people=_people(row),
        services=_services(row.services) if row.services else [],
        specialisations=_distinct(row.specialisations) if row.specialisations else [],
        certifications=[Certificate(name=name) for name in _distinct(row.certifications)] if row.certifications else [],
        languages=row.languages,
        founded=row.founded,
        team_min=row.team[0],
        team_max=row.team[1],
        stand_min_m2=row.stand[0],
        stand_max_m2=row.stand[1],
        projects_completed=row.projects,
        rating=row.rating,
        review_count=row.reviews,
        status=row.status,
        plan=row.plan,
        is_verified=row.is_verified,
        extra=_extra(row),
        other_keys={google.SOURCE: row.place_id} if row.place_id else {},
    )


def _services(names: list[str]) -> list[Offering]:
    return list(_known_services(tuple(names))) if len(names) <= _MOST_KEPT else _offerings(names)


# What firms do is much the same in a file, so that short lists of it repeat.
_MOST_KEPT = 10


@lru_cache(maxsize=4096)
def _known_services(names: tuple[str, ...]) -> tuple[Offering, ...]:
    return tuple(_offerings(names))


def _offerings(names: Sequence[str]) -> list[Offering]:
    return [offering(name) for name in _distinct([*map(last_part, names)])]


def _distinct(names: list[str]) -> list[str]:
    """Return the names without those that are the same but for case and accents: the directory keeps one of each."""
    if len(names) < 2:
        return names
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(fold_often(name), name)
    found.pop("", None)
    return list(found.values())


def _extra(row: Row) -> dict[str, object]:
    extra = row.extra
    if row.hours:
        extra["hours"] = row.hours["all"] if row.hours.keys() == {"all"} else row.hours
    if row.images:
        extra["images"] = row.images
    if row.role and not (row.contact or row.first_name or row.last_name):
        extra["contact_role"] = row.role
    return extra


def _people(row: Row) -> list[Person]:
    name = row.contact or " ".join(part for part in (row.first_name, row.last_name) if part)
    # Scrapers give the firm itself as its owner: that is nobody to ask for.
    if not name or name == row.name or fold(name) == fold(row.name):
        return []
    return [Person(name=name, role=row.role)]


def _headquarters(row: Row) -> Place | None:
    latitude, longitude = _position(row)
    street = _street(row)
    parts = (row.country, row.region, row.city, row.district, street, row.postcode)
    if not any(parts) and latitude is None:
        return None
    return Place(
        country=row.country,
        region=row.region,
        city=row.city,
        district=row.district,
        street=street,
        postcode=row.postcode,
        latitude=latitude,
        longitude=longitude,
    )


def _position(row: Row) -> tuple[Any, Any]:
    """Return latitude and longitude, both or neither. The Gulf of Guinea at 0, 0 is where nothing is known."""
    latitude, longitude = row.latitude, row.longitude
    if latitude is None or longitude is None or (not latitude and not longitude):
        if (latitude is None) != (longitude is None) and not _complained_of_position(row):
            row.complain_of("latitude" if latitude is None else "longitude", "bad_coordinate")
        return None, None
    return latitude, longitude


def _complained_of_position(row: Row) -> bool:
    return any(found.code == "bad_coordinate" for found in row.problems)


def _street(row: Row) -> str:
    street = ", ".join(row.lines) if row.lines else _street_of_address(row) if row.address else ""
    if len(street) > _LONGEST_STREET:
        row.complain_of("address_line_1" if row.lines else "address_full", "too_long", street)
        return ""
    return street


_COMMAS = re.compile(r"\s*,\s*")


def _street_of_address(row: Row) -> str:
    """Return a whole address without the parts at its end that other columns have given.

    What is left may still hold a city that no column names: it stays where it stands.
    """
    if "," not in row.address:
        return row.address
    parts = [part for part in _COMMAS.split(row.address) if part]
    known = {fold(text) for text in (row.city, row.region, row.postcode, row.district) if text}
    while len(parts) > 1 and _is_known(parts[-1], known, row.country):
        parts.pop()
    return ", ".join(parts)


def _is_known(part: str, known: set[str], country: str) -> bool:
    if country and country_code(part) == country:
        return True
    folded = fold(part)
    for text in sorted(known, key=len, reverse=True):
        folded = re.sub(rf"(?:^| ){re.escape(text)}(?= |$)", "", folded).strip()
    return not folded


def _service_places(row: Row) -> list[Place]:
    if not row.served_cities and not row.served_countries:
        return []
    places = [Place(country=country, city=city) for city, country in row.served_cities]
    places += [Place(country=country) for country in row.served_countries]
    return list(dict.fromkeys(places))
