"""Where a builder is found, and among whom: what has no bit among the traits, because it may be anything."""

from __future__ import annotations

import msgspec

from builders.comparing import specialisation_slug
from builders.places import city_key
from builders.record import Place, Record


class Town(msgspec.Struct, frozen=True, array_like=True):
    """A city: as `city_key` has it, and as the builder writes it."""

    country: str
    city: str
    label: str


class Tags(msgspec.Struct, frozen=True, array_like=True):
    """Countries as ISO codes, cities, and specialisations by slug."""

    countries: list[str]
    towns: list[Town]
    specialisations: list[str]


def tags_of(record: Record) -> Tags:
    """Return the tags of a record. Every place counts, the headquarters like the service areas."""
    places = [place for place in (record.headquarters, *record.service_places) if place is not None and place.country]
    towns = {(town.country, town.city): town for town in map(_town, places) if town.city}
    return Tags(
        countries=list(dict.fromkeys(place.country for place in places)),
        towns=list(towns.values()),
        specialisations=list(dict.fromkeys(map(specialisation_slug, record.specialisations))),
    )


def _town(place: Place) -> Town:
    # A name that is shouted, or all in small letters, is shown like any other.
    name = place.city.strip()
    label = name.title() if name.isupper() or name.islower() else name
    return Town(place.country, city_key(name) if name else "", label)
