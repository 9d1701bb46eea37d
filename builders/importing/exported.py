"""The table of our own export: one row for a builder, which reads back as the same `Record`.

Lists stand in one cell, divided by semicolons where this is exact: `Berlin (DE); Graz (AT)`. Where it is not, because a
part has a price, a street or a semicolon in it, the whole list is written as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from builders import contact
from builders.importing import cells
from builders.importing.service_names import service_category
from builders.importing.taking import Taking
from builders.places import country_code
from builders.record import Certificate, Offering, Person, Place, Problem, Project, Record

# The name of the format, and of the source that its keys belong to.
PRESET: Final = "pavilion"
KEY: Final = "Pavilion key"
LEFT_OUT: Final = "Left out"

_NAME_AND_BRACKETS = re.compile(r"(.+) \(([^()]*)\)")
_CATEGORIES = frozenset(
    "design construction modular rental logistics installation graphics technology management other".split()
)
T = TypeVar("T")


class _List(Generic[T]):
    """Several things in one cell. `show` gives the short form of one, `read` the thing again."""

    def __init__(self, kind: type[T], show: Callable[[T], str], read: Callable[[str], T]) -> None:
        self._show, self._read = show, read
        self._decode = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]

    def cell(self, items: list[T]) -> str:
        text = "; ".join(map(self._show, items))
        # The short form is used where it says everything.
        return text if not text.startswith("[") and self._parts(text) == items else msgspec.json.encode(items).decode()

    def items(self, cell: str) -> list[T]:
        """Raises `msgspec.DecodeError` for JSON of another form."""
        return self._decode(cell) if cell.startswith("[") else self._parts(cell)

    def _parts(self, text: str) -> list[T]:
        return [self._read(part) for part in map(str.strip, text.split(";")) if part]


def _show_place(place: Place) -> str:
    return f"{place.city} ({place.country})" if place.city and place.country else place.city or place.country


def _read_place(text: str) -> Place:
    match = _NAME_AND_BRACKETS.fullmatch(text)
    if match and (country := country_code(match[2])):
        return Place(city=match[1], country=country)
    country = country_code(text)
    return Place(country=country) if country else Place(city=text)


def _read_person(text: str) -> Person:
    match = _NAME_AND_BRACKETS.fullmatch(text)
    return Person(name=match[1], role=match[2]) if match else Person(name=text)


def _read_offering(text: str) -> Offering:
    match = _NAME_AND_BRACKETS.fullmatch(text)
    if match and match[2] in _CATEGORIES:
        return Offering(name=match[1], category=match[2])
    return Offering(name=text, category=service_category(text))


_TEXTS = _List(str, str, str)
_LISTS: Final[dict[str, tuple[str, _List[Any]]]] = {
    "E-mail": ("emails", _TEXTS),
    "Phone": ("phones", _TEXTS),
    "Fax": ("faxes", _TEXTS),
    "Social profiles": ("social", _TEXTS),
    "Contact people": ("people", _List(Person, lambda p: f"{p.name} ({p.role})" if p.role else p.name, _read_person)),
    "Service areas": ("service_places", _List(Place, _show_place, _read_place)),
    "Services": ("services", _List(Offering, lambda o: f"{o.name} ({o.category})", _read_offering)),
    "Specialisations": ("specialisations", _TEXTS),
    "Languages": ("languages", _TEXTS),
    "Certifications": ("certifications", _List(Certificate, lambda c: c.name, lambda text: Certificate(name=text))),
    "Portfolio": ("portfolio", _List(Project, lambda p: p.name, lambda text: Project(name=text))),
}
_TEXT_COLUMNS: Final = {
    KEY: "key", "Name": "name", "Status": "status", "Plan": "plan", "Website": "website", "Map link": "maps_url",
    "Description": "description",
}  # fmt: skip
_PLACE_COLUMNS: Final = {
    "Country": "country", "Region": "region", "City": "city", "District": "district", "Street": "street",
    "Postcode": "postcode", "Latitude": "latitude", "Longitude": "longitude",
}  # fmt: skip
_NUMBER_COLUMNS: Final = {
    "Founded": "founded", "Team from": "team_min", "Team to": "team_max", "Smallest stand (m²)": "stand_min_m2",
    "Largest stand (m²)": "stand_max_m2", "Projects completed": "projects_completed", "Rating": "rating",
    "Reviews": "review_count",
}  # fmt: skip
HEADER: Final = (
    KEY, "Name", "Status", "Plan", "Verified", "E-mail", "Phone", "Fax", "Website", "Map link", "Social profiles",
    "Contact people", *_PLACE_COLUMNS, "Service areas", "Services", "Specialisations", "Languages", *_NUMBER_COLUMNS,
    "Description", "Certifications", "Portfolio", "Other facts", LEFT_OUT,
)  # fmt: skip
# How long the texts are that the directory takes.
_LIMITS: Final = {"region": 120, "city": 120, "district": 120, "street": 300, "postcode": 20}

Cell = str | int | Decimal


class Checked(NamedTuple):
    """How one item of a list is brought to the form it has in the directory, and what is wrong with one that is not."""

    form: Callable[[str], str | None]
    code: str


_CHECKS: Final = {
    "emails": Checked(contact.email, "bad_email"),
    "phones": Checked(lambda text: contact.phone(text, ""), "bad_phone"),
    "faxes": Checked(lambda text: contact.phone(text, ""), "bad_phone"),
    "social": Checked(contact.url, "bad_url"),
    "languages": Checked(cells.to_language, "unknown_language"),
}


def row(record: Record) -> list[Cell]:
    """Return the cells of a builder, in the order of `HEADER`; a number where a spreadsheet should see one."""
    place = record.headquarters or Place()
    found: dict[str, Any] = {title: getattr(record, name) for title, name in _TEXT_COLUMNS.items()}
    found |= {title: getattr(place, name) for title, name in _PLACE_COLUMNS.items()}
    found |= {title: getattr(record, name) for title, name in _NUMBER_COLUMNS.items()}
    found |= {
        title: form.cell(getattr(record, name)) if getattr(record, name) else ""
        for title, (name, form) in _LISTS.items()
    }
    found["Verified"] = {True: "yes", False: "no", None: ""}[record.is_verified]
    found["Other facts"] = msgspec.json.encode(record.extra).decode() if record.extra else ""
    return ["" if found.get(title) is None else found.get(title, "") for title in HEADER]


class ExportReader:
    """Reads rows back, as `values.Reader` does other tables. `region` is for phones that somebody typed in."""

    def __init__(self, header: Sequence[str], region: str = "", ignored: Sequence[str] = ()) -> None:
        self._header = ["" if title in ignored else title for title in header]
        self._region = region

    def read(self, row: Sequence[str]) -> tuple[Record, list[Problem]]:
        width = len(self._header)
        said = {title: cell for title, cell in zip(self._header, row, strict=False) if title and cell.strip()}
        taking = Taking(said)
        if any(cell.strip() for cell in row[width:]):
            taking.report("", "too_many_cells", " | ".join(row[width:]))
            return Record(), taking.problems
        record = Record(
            key=taking.text("external_key", KEY, limit=200),
            name=taking.name("Name", limit=200),
            website=taking.address("website", "Website"),
            maps_url=taking.address("maps_url", "Map link"),
            description=taking.prose("description", "Description", limit=10_000),
            headquarters=_headquarters(taking),
            status=_status(taking),
            plan=taking.text("plan", "Plan", limit=20).lower(),
            is_verified=_verified(taking),
            rating=taking.rating("Rating"),
        )
        for title, name in _NUMBER_COLUMNS.items():
            if name != "rating":
                setattr(record, name, taking.whole(name, title))
        region = (record.headquarters.country if record.headquarters else "") or self._region
        for title, (name, form) in _LISTS.items():
            setattr(record, name, _items(taking, title, name, form, said.get(title, "").strip(), region))
        record.extra = _extra(taking, said.get("Other facts", "").strip())
        return record, taking.problems


def _headquarters(taking: Taking) -> Place | None:
    said = taking.text("country", "Country", limit=120)
    country = country_code(said)
    if said and not country:
        taking.report("Country", "unknown_country", said, "country")
    latitude, longitude = taking.degrees("Latitude", "Longitude")
    texts = {
        name: taking.text(name, title, limit=_LIMITS[name]) for title, name in _PLACE_COLUMNS.items() if name in _LIMITS
    }
    place = Place(country=country, latitude=latitude, longitude=longitude, **texts)
    return None if place == Place() else place


def _status(taking: Taking) -> str:
    text = taking.text("status", "Status", limit=40)
    status = text if text in (cells.CLOSED, cells.CLOSED_FOR_A_TIME) else cells.to_status(text)
    if text and status is None:
        taking.report("Status", "unknown_status", text, "status")
    return status or ""


def _verified(taking: Taking) -> bool | None:
    text = taking.text("verified", "Verified", limit=40)
    answer = cells.to_yes_no(text) if text else None
    if text and answer is None:
        taking.report("Verified", "bad_yes_no", text, "verified")
    return answer


def _items(taking: Taking, title: str, name: str, form: _List[Any], cell: str, region: str) -> list[Any]:
    try:
        items = form.items(cell) if cell else []
    except msgspec.DecodeError:
        taking.report(title, "bad_json", cell, name)
        return []
    check = _CHECKS.get(name)
    if check is None:
        return items
    kept: dict[str, None] = {}
    for item in items:
        plain = check.form(item) or (contact.phone(item, region) if name in ("phones", "faxes") else None)
        if plain is None:
            taking.report(title, check.code, item, name)
        else:
            kept[plain] = None
    return list(kept)


def _extra(taking: Taking, cell: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(cell, type=dict[str, object]) if cell else {}
    except msgspec.DecodeError:
        taking.report("Other facts", "bad_json", cell, "extra")
        return {}
