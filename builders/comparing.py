"""The fields of a record: what they are made of, when two say the same, and how one gives way to another.

A field is the unit of policies, of provenance and of locks. Some are more than one attribute: a rating without its
votes, or half a range, is no value of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
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
_LISTS: Final = tuple(field for field in FIELDS.values() if field.identity is not None)
_NOWHERE = Place()
FIELD_OF: Final = {attribute: field.name for field in FIELDS.values() for attribute in field.attributes}
# In the order of a record's attributes. Its keys are no fields.
_FIELD_AT: Final = tuple(FIELD_OF.get(attribute, "") for attribute in Record.__struct_fields__)


def said(record: Record, field: Field) -> Any:
    """Return what the record says in a field, and None where it says nothing."""
    if len(field.attributes) == 1:
        value = getattr(record, field.attributes[0])
        # Zero and "no" say something.
        return None if value == _NOWHERE or (not value and value in (None, "", [], {})) else value
    values = tuple(getattr(record, attribute) for attribute in field.attributes)
    return None if all(value is None for value in values) else values


def differing_fields(left: Record, right: Record) -> set[str]:
    """Return the names of the fields in which two records are not the same to the letter."""
    values = zip(_FIELD_AT, msgspec.structs.astuple(left), msgspec.structs.astuple(right), strict=True)
    return {field for field, old, new in values if old is not new and old != new and field}


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
    partial: dict[str, Any] = {}
    for name, value in changes.items():
        attributes = FIELDS[name].attributes
        values = [value] if len(attributes) == 1 else (value or [None] * len(attributes))
        partial |= {a: v for a, v in zip(attributes, values, strict=True) if v is not None}
    typed = msgspec.convert(partial, Record)
    attributes_changed = [attribute for name in changes for attribute in FIELDS[name].attributes]
    return msgspec.structs.replace(record, **{name: getattr(typed, name) for name in attributes_changed})


# --- what fits into the directory ---------------------------------------------------------------------------------

_LENGTHS = {"key": 200, "name": 200, "description": 10_000, "website": 500, "maps_url": 500}
_ITEM_LENGTHS: dict[type, dict[str, int]] = {
    Place: {"region": 120, "city": 120, "district": 120, "street": 300, "postcode": 20},
    Person: {"name": 120, "role": 120},
    Offering: {"name": 120, "description": 500, "unit": 40, "currency": 3},
    Certificate: {"name": 160, "issuer": 160},
    Project: {"name": 160, "trade_show": 160, "city": 120},
}
_TEXT_LENGTHS = {"emails": 500, "phones": 500, "faxes": 500, "social": 500, "specialisations": 80}
_STRUCTS = ("service_places", "people", "services", "certifications", "portfolio")
_MICRODEGREE, _TENTH, _CENT = Decimal("0.000001"), Decimal("0.1"), Decimal("0.01")
_RANGES = (("team_min", "team_max"), ("stand_min_m2", "stand_max_m2"))


def fitted(record: Record) -> Record:
    """Return the record as the directory can keep it: decimals rounded, nothing twice, the key where there is one."""
    changes: dict[str, Any] = {}
    if record.rating is not None:
        changes["rating"] = record.rating.quantize(_TENTH)
    if record.review_count == 0 and record.rating is None:
        changes["review_count"] = None
    if record.headquarters is not None:
        changes["headquarters"] = _rounded(record.headquarters)
    for field in _LISTS:
        items = getattr(record, field.name)
        if len(items) > 1:
            changes[field.name] = _once(field, items)
    if record.services:
        changes["services"] = [_priced(item) for item in changes.get("services", record.services)]
    if record.service_places:
        changes["service_places"] = [_rounded(item) for item in changes.get("service_places", record.service_places)]
    return msgspec.structs.replace(record, **changes) if changes else record


def _once(field: Field, items: Iterable[Any]) -> list[Any]:
    identity = field.identity or _itself
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


def _priced(item: Offering) -> Offering:
    if item.price_from is None and item.price_to is None:
        return item
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
    found += (_problem(name, "too_long", "A text in this field is too long.") for name in _too_long(record))
    return found


def _too_long(record: Record) -> Iterator[str]:
    """Yield the fields with a text that its column does not take."""
    yield from (name for name, most in _LENGTHS.items() if len(getattr(record, name)) > most)
    for name, most in _TEXT_LENGTHS.items():
        items = getattr(record, name)
        if items and max(map(len, items)) > most:
            yield name
    for name in _STRUCTS:
        items = getattr(record, name)
        if items and any(map(_is_too_long, items)):
            yield name
    if record.headquarters is not None and _is_too_long(record.headquarters):
        yield "headquarters"


def _is_too_long(item: Any) -> bool:
    for name, most in _ITEM_LENGTHS[type(item)].items():  # noqa: SIM110 -- runs for every item of every row
        if len(getattr(item, name)) > most:
            return True
    return False


def _problem(field: str, code: str, message: str) -> Problem:
    return Problem(column="", field=field, code=code, message=message, is_error=True)
