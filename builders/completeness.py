"""How much of a profile is there, by what somebody who looks for a builder asks about. The weights add up to 100.

They are about the profile alone: where a builder stands in the directory does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from builders.record import Record

# Three or four sentences: enough to tell one firm from another.
LONG_DESCRIPTION = 200


class Part(NamedTuple):
    """`section` is the page of the owner on which the part is written."""

    name: str
    weight: int
    section: str
    is_there: Callable[[Record, int], bool]


class Missing(NamedTuple):
    name: str
    weight: int
    section: str


class Completeness(NamedTuple):
    """`percent` from 0 to 100, and what is missing, the weightiest first."""

    percent: int
    missing: list[Missing]


def _described(record: Record, pictures: int) -> bool:
    return len(record.description) >= LONG_DESCRIPTION


def _address(record: Record, pictures: int) -> bool:
    place = record.headquarters
    return place is not None and bool(place.street and place.city and place.country)


def _priced(record: Record, pictures: int) -> bool:
    return any(service.price_from is not None or service.price_to is not None for service in record.services)


PARTS: Final = (
    Part(
        f"a description of {LONG_DESCRIPTION} characters",
        15,
        "about",
        lambda r, _: len(r.description) >= LONG_DESCRIPTION,
    ),
    Part("a service", 15, "services", lambda r, _: bool(r.services)),
    Part("an e-mail address", 10, "contacts", lambda r, _: bool(r.emails)),
    Part("a telephone number", 10, "contacts", lambda r, _: bool(r.phones)),
    Part("the address with street, city and country", 10, "places", _address),
    Part("a picture of a stand", 10, "portfolio", lambda _, pictures: pictures > 0),
    Part("a website", 8, "about", lambda r, _: bool(r.website)),
    Part("a project", 8, "portfolio", lambda r, _: bool(r.portfolio)),
    Part("a price for a service", 7, "services", _priced),
    Part("a certificate", 4, "certificates", lambda r, _: bool(r.certifications)),
    Part("a language", 3, "about", lambda r, _: bool(r.languages)),
)


def completeness(record: Record, pictures: int) -> Completeness:
    """Return how complete a profile with so many pictures is."""
    missing = [Missing(part.name, part.weight, part.section) for part in PARTS if not part.is_there(record, pictures)]
    missing.sort(key=lambda part: -part.weight)
    return Completeness(100 - sum(part.weight for part in missing), missing)
