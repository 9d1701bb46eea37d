"""Two records of one firm made into one, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from builders.comparing import FIELDS, Field, merged, said
from builders.places import city_key
from builders.record import Place, Record

KEPT, DROPPED, BOTH = "kept", "dropped", "both"
SIDES: Final = (KEPT, DROPPED, BOTH)


def sides(kept: Record, dropped: Record, choices: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return whose value each field gets: as chosen, else of whoever has one, else both lists, else that of `kept`."""
    return {name: (choices or {}).get(name) or _side(field, kept, dropped) for name, field in FIELDS.items()}


def differing(kept: Record, dropped: Record) -> list[str]:
    """Return the fields in which both say something, and not the same: those that somebody may want to choose."""
    found = []
    for name, field in FIELDS.items():
        ours, theirs = said(kept, field), said(dropped, field)
        if ours is not None and theirs is not None and ours != theirs:
            found.append(name)
    return found


def takes_both(name: str) -> bool:
    return FIELDS[name].identity is not None or name == "extra"


def combined(kept: Record, dropped: Record, chosen: Mapping[str, str]) -> Record:
    """Return one record of two; `chosen` has a side for each field, see `sides`.

    The headquarters that is not taken stays as a place of the firm: it sits there, or did.
    """
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if chosen[name] == DROPPED:
            values |= {attribute: getattr(dropped, attribute) for attribute in field.attributes}
        elif chosen[name] == BOTH:
            values[name] = merged(field, getattr(kept, name), getattr(dropped, name))
    record = msgspec.structs.replace(kept, **values)
    other = kept.headquarters if chosen["headquarters"] == DROPPED else dropped.headquarters
    if other is not None and other.city and not _is_there(other, record):
        return msgspec.structs.replace(record, service_places=[*record.service_places, other])
    return record


def _side(field: Field, kept: Record, dropped: Record) -> str:
    if said(dropped, field) is None:
        return KEPT
    if said(kept, field) is None:
        return DROPPED
    return BOTH if takes_both(field.name) else KEPT


def _is_there(place: Place, record: Record) -> bool:
    places = [*record.service_places, *([record.headquarters] if record.headquarters is not None else [])]
    return any(_city(place) == _city(other) for other in places)


def _city(place: Place) -> tuple[str, str]:
    return place.country, city_key(place.city)
