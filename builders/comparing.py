"""The fields of a record: what they are made of, when two say the same, and how one gives way to another.

A field is the unit of policies, of provenance and of locks. Some are more than one attribute: a rating without its
votes, or half a range, is no value of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import compress
from operator import attrgetter, ne
from typing import Any, Final, NamedTuple

import msgspec

from builders.folding import fold, fold_often, slug_of
from builders.places import city_key
from builders.record import Certificate, Offering, Person, Place, Problem, Project, Record

# What a policy may say of a field that a builder has already.
FILL, REPLACE, KEEP, ADD = "fill", "replace", "keep", "add"
POLICIES: Final = (FILL, REPLACE, KEEP, ADD)


class Field(NamedTuple):
    """`identity` is set for lists: two items with one identity are one thing, said twice."""

    name: str
    attributes: tuple[str, ...]
    identity: Callable[[Any], Hashable] | None = None

    @property
    def policy(self) -> str:
        """What is done unless somebody says otherwise: of a list nothing is lost."""
        return ADD if self.identity is not None or self.name == "extra" else REPLACE


def _itself(item: str) -> Hashable:
    return item


@lru_cache(maxsize=4096)
def specialisation_slug(name: str) -> str:
    """Return the name of a specialisation in addresses, also where the name has no letter that Latin could spell."""
    return slug_of(name)[:60].strip("-") or f"s-{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}"


def _place(item: Place) -> Hashable:
    return item.country, city_key(item.city)


def _named(item: Person | Offering) -> Hashable:
    return fold_often(item.name)


def _certificate(item: Certificate) -> Hashable:
    return fold(item.name), fold(item.issuer)


def _project(item: Project) -> Hashable:
    return fold(item.name), item.year


FIELDS: Final[dict[str, Field]] = {
    field.name: field
    for field in (
        *(
            Field(name, (name,))
            for name in (
                "name",
                "description",
                "website",
                "maps_url",
                "headquarters",
                "founded",
                "projects_completed",
                "status",
                "plan",
                "is_verified",
                "extra",
            )
        ),
        Field("team", ("team_min", "team_max")),
        Field("stand", ("stand_min_m2", "stand_max_m2")),
        Field("rating", ("rating", "review_count")),
        *(Field(name, (name,), _itself) for name in ("emails", "phones", "faxes", "social", "languages")),
        Field("specialisations", ("specialisations",), specialisation_slug),
        Field("service_places", ("service_places",), _place),
        Field("people", ("people",), _named),
        Field("services", ("services",), _named),
        Field("certifications", ("certifications",), _certificate),
        Field("portfolio", ("portfolio",), _project),
    )
}
_IDENTITIES: Final = tuple((field.name, field.identity) for field in FIELDS.values() if field.identity is not None)
_READERS: Final[dict[str, Callable[[Record], Any]]] = {
    field.name: attrgetter(*field.attributes) for field in FIELDS.values()
}
_NOWHERE = Place()
FIELD_OF: Final = {attribute: field.name for field in FIELDS.values() for attribute in field.attributes}
# In the order of a record's attributes. Its keys are no fields.
_FIELD_AT: Final = tuple(FIELD_OF.get(attribute, "") for attribute in Record.__struct_fields__)


def said(record: Record, field: Field) -> Any:
    """Return what the record says in a field, and None where it says nothing."""
    value: Any = _READERS[field.name](record)
    if len(field.attributes) > 1:
        return None if value.count(None) == len(value) else value
    if value:
        return None if value.__class__ is Place and value == _NOWHERE else value
    # Zero and "no" say something.
    return None if value in (None, "", [], {}) else value


def differing_fields(left: Record, right: Record) -> set[str]:
    """Return the names of the fields in which two records are not the same to the letter."""
    differs = map(ne, msgspec.structs.astuple(left), msgspec.structs.astuple(right))
    found = set(compress(_FIELD_AT, differs))
    found.discard("")
    return found


def merged(field: Field, before: Any, after: Any) -> Any:
    """Return the two values as one: of a list, the items of `before` and then those of `after` that are new."""
    if isinstance(before, dict):
        return {**before, **after}
    identity = field.identity or _itself
    known = {identity(item) for item in before}
    return [*before, *(item for item in after if identity(item) not in known)]


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return msgspec.to_builtins(value)


def assign(record: Record, changes: dict[str, Any]) -> Record:
    """Return the record with other values in some fields, given as `plain` makes them; None empties a field."""
    values: dict[str, Any] = {}
    for name, value in changes.items():
        attributes = FIELDS[name].attributes
        parts = [value] if len(attributes) == 1 else value or [None] * len(attributes)
        values.update(zip(attributes, parts, strict=True))
    typed = msgspec.convert({name: value for name, value in values.items() if value is not None}, Record)
    return msgspec.structs.replace(record, **{name: getattr(typed, name) for name in values})


# --- what fits into the directory ---------------------------------------------------------------------------------

_LENGTHS = {"key": 200, "name": 200, "description": 10_000, "website": 500, "maps_url": 500}
_TEXT_LENGTHS = {"emails": 500, "phones": 500, "faxes": 500, "social": 500, "specialisations": 80}
_MICRODEGREE, _TENTH, _CENT = Decimal("0.000001"), Decimal("0.1"), Decimal("0.01")
_RANGES = (("team_min", "team_max"), ("stand_min_m2", "stand_max_m2"))


def fitted(record: Record) -> Record:
    """Return the record as the directory can keep it: decimals rounded, nothing twice, the key where there is one."""
    changes: dict[str, Any] = {}
    if record.rating is not None:
        changes["rating"] = record.rating.quantize(_TENTH)
    if record.review_count == 0 and record.rating is None:
        changes["review_count"] = None
    if record.headquarters is not None and record.headquarters.latitude is not None:
        changes["headquarters"] = _rounded(record.headquarters)
    for name, identity in _IDENTITIES:
        items = getattr(record, name)
        if len(items) > 1 and len(once := _once(identity, items)) < len(items):
            changes[name] = once
    if any(map(_is_priced, record.services)):
        changes["services"] = [_priced(item) for item in changes.get("services", record.services)]
    if record.service_places:
        changes["service_places"] = [_rounded(item) for item in changes.get("service_places", record.service_places)]
    return msgspec.structs.replace(record, **changes) if changes else record


def _once(identity: Callable[[Any], Hashable], items: Iterable[Any]) -> list[Any]:
    if identity is _itself:
        return list(dict.fromkeys(items))
    found: dict[Hashable, Any] = {}
    for item in items:
        found.setdefault(identity(item), item)
    return list(found.values())


def _rounded(place: Place) -> Place:
    if place.latitude is None or place.longitude is None:
        return place
    return msgspec.structs.replace(
        place, latitude=place.latitude.quantize(_MICRODEGREE), longitude=place.longitude.quantize(_MICRODEGREE)
    )


def _is_priced(item: Offering) -> bool:
    return item.price_from is not None or item.price_to is not None


def _priced(item: Offering) -> Offering:
    prices = {"price_from": item.price_from, "price_to": item.price_to}
    return msgspec.structs.replace(item, **{n: p and p.quantize(_CENT) for n, p in prices.items()})


def misfits(record: Record) -> list[Problem]:
    """Return why a record cannot stand in the directory."""
    found = []
    if not record.name.strip():
        found.append(_problem("name", "no_name", "A builder needs a name."))
    for low, high in _RANGES:
        least, greatest = getattr(record, low), getattr(record, high)
        if least is not None and greatest is not None and least > greatest:
            found.append(_problem(low, "range", "The first number of a range is the smaller one."))
    if record.rating is not None and not 0 <= record.rating <= 5:
        found.append(_problem("rating", "range", "A rating lies between 0 and 5."))
    found += [_problem(name, "too_long", "A text in this field is too long.") for name in _too_long(record)]
    return found


def _too_long(record: Record) -> list[str]:
    """Return the fields with a text that its column does not take."""
    found = [name for name, most in _LENGTHS.items() if len(getattr(record, name)) > most]
    for name, most in _TEXT_LENGTHS.items():
        items = getattr(record, name)
        if items and max(map(len, items)) > most:
            found.append(name)
    for name, is_too_long in _ITEMS:
        items = getattr(record, name)
        if items and any(map(is_too_long, items)):
            found.append(name)
    if record.headquarters is not None and _is_long_place(record.headquarters):
        found.append("headquarters")
    return found


# Each in one expression, as they run for every item of every row.
def _is_long_place(item: Place) -> bool:
    return (
        len(item.street) > 300
        or len(item.city) > 120
        or len(item.district) > 120
        or len(item.region) > 120
        or len(item.postcode) > 20
    )


def _is_long_person(item: Person) -> bool:
    return len(item.name) > 120 or len(item.role) > 120


def _is_long_offering(item: Offering) -> bool:
    return len(item.name) > 120 or len(item.description) > 500 or len(item.unit) > 40 or len(item.currency) > 3


def _is_long_certificate(item: Certificate) -> bool:
    return len(item.name) > 160 or len(item.issuer) > 160


def _is_long_project(item: Project) -> bool:
    return len(item.name) > 160 or len(item.trade_show) > 160 or len(item.city) > 120


_ITEMS: Final[tuple[tuple[str, Callable[[Any], bool]], ...]] = (
    ("service_places", _is_long_place),
    ("people", _is_long_person),
    ("services", _is_long_offering),
    ("certifications", _is_long_certificate),
    ("portfolio", _is_long_project),
)


def _problem(field: str, code: str, message: str) -> Problem:
    return Problem(column="", field=field, code=code, message=message, is_error=True)
