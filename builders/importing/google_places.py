"""Addresses and opening hours as Google writes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from builders.importing.postal import split_address
from builders.importing.taking import Taking, one_line
from builders.places import country_code
from builders.record import Place

Position = tuple[Decimal, Decimal] | tuple[None, None]
# The long and the short name of a part of an address, by its type.
Parts = dict[str, tuple[str, str]]

_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
# Where the city is no `locality`: a Turkish province is its city, a Brazilian município is one, Singapore is all city.
_CITY_TYPES: Final = {"TR": "administrative_area_level_1", "BR": "administrative_area_level_2", "SG": "country"}
_DISTRICT_TYPES: Final = ("sublocality_level_1", "sublocality", "neighborhood")
_LONGEST = 120
_LONGEST_STREET = 300


def place_of(taking: Taking, components: object, address: str, position: Position) -> Place | None:
    """Return the place of a record: from the parts of its address, or else from its line and the city it names."""
    parts = _parts(components)
    place = _from_parts(parts, address) if parts else _from_line(taking, address)
    if position[0] is not None:
        place = Place(
            country=place.country, region=place.region, city=place.city, district=place.district, street=place.street,
            postcode=place.postcode, latitude=position[0], longitude=position[1],
        )  # fmt: skip
    return None if place == Place() else place


def hours_of(value: object) -> object:
    """Return opening hours as `{"monday": "09:00-12:00, 13:00-17:00"}`; what has another form as it stands."""
    if not isinstance(value, Mapping) or not value.keys() & {"periods", "openNow", "open_now"}:
        return value
    periods = value.get("periods")
    hours: dict[str, list[str]] = {}
    for period in periods if isinstance(periods, list) else []:
        opened, closed = (period.get("open"), period.get("close")) if isinstance(period, Mapping) else (None, None)
        if not isinstance(opened, Mapping) or opened.get("day") not in range(len(_DAYS)):
            continue
        if closed is None:
            # A period without an end is the only one, and means always.
            return dict.fromkeys(_DAYS, "00:00-24:00")
        hours.setdefault(_DAYS[opened["day"]], []).append(f"{_clock(opened)}-{_clock(closed)}")
    return {day: ", ".join(spans) for day, spans in hours.items()}


def _clock(point: object) -> str:
    if not isinstance(point, Mapping):
        return "?"
    if isinstance(time := point.get("time"), str):
        return f"{time[:2]}:{time[2:4]}"
    hour, minute = point.get("hour"), point.get("minute")
    return f"{hour if isinstance(hour, int) else 0:02d}:{minute if isinstance(minute, int) else 0:02d}"


def _parts(components: object) -> Parts:
    parts: Parts = {}
    for component in components if isinstance(components, list) else []:
        if not isinstance(component, Mapping):
            continue
        long = one_line(component.get("longText", component.get("long_name")))
        short = one_line(component.get("shortText", component.get("short_name")))
        types = component.get("types")
        for kind in types if isinstance(types, list) else []:
            parts.setdefault(str(kind), (long or short, short or long))
    return parts


def _from_parts(parts: Parts, address: str) -> Place:
    def long(*kinds: str) -> str:
        found = next((parts[kind][0] for kind in kinds if kind in parts), "")
        return found if len(found) <= _LONGEST else ""

    name, code = parts.get("country", ("", ""))
    country = country_code(code) or country_code(name)
    city_type = "locality" if "locality" in parts else _CITY_TYPES.get(country, "postal_town")
    city = long(city_type, "postal_town")
    region, district = long("administrative_area_level_1"), long(*_DISTRICT_TYPES)
    if city_type == "administrative_area_level_1":
        region, district = "", district or long("administrative_area_level_2")
    # New York's boroughs are cities to their firms; without a city above them they stand in for it.
    if not city:
        city, district = district, ""
    return Place(
        country=country,
        region=region,
        city=city,
        district=district,
        street=_street(parts, address),
        postcode=long("postal_code")[:20],
    )


def _street(parts: Parts, address: str) -> str:
    """Return street and number in the order in which the address itself has them."""
    route, number = parts.get("route", ("", ""))[0], parts.get("street_number", ("", ""))[0]
    if not (route and number):
        return route[:_LONGEST_STREET]
    ways = (f"{route} {number}", f"{route}, {number}", f"{number} {route}", f"{number}, {route}")
    short = parts["route"][1]
    abbreviated = (f"{number} {short}", f"{number}, {short}")
    if any(way in address for way in abbreviated):
        return f"{number} {route}"[:_LONGEST_STREET]
    return next((way for way in ways if way in address), ways[0])[:_LONGEST_STREET]


def _from_line(taking: Taking, address: str) -> Place:
    name, city = taking.text("", "country", limit=_LONGEST), taking.text("", "city", limit=_LONGEST)
    country = country_code(name)
    if name and not country:
        taking.report("country", "unknown_country", name, "country")
    found = split_address(address, country=country, city=city)
    street = found.street[:_LONGEST_STREET]
    return Place(
        country=found.country, region=found.region, city=found.city, street=street, postcode=found.postcode[:20]
    )
