"""What a builder of the old stores has several of: places, services, certificates, projects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from builders.folding import fold
from builders.importing import cells
from builders.importing.service_names import offering, service_category
from builders.importing.stand_sizes import square_metres
from builders.importing.taking import Taking, as_decimal, is_nothing, listed, one_line
from builders.places import country_code
from builders.record import Certificate, Offering, Place, Project

_CATEGORIES = frozenset(
    "design construction modular rental logistics installation graphics technology management other".split()
)
_CENT = Decimal("0.01")
_LARGEST_PRICE = 10**9
_CURRENCY_LETTERS = 3


def service_places_of(taking: Taking, column: str, value: object, country: str) -> list[Place]:
    """Return places from `[{city, country}]`, `[{country, cities: []}]` or a list of names.

    `country` is the headquarters', for cities without one: a firm that names a city alone means its own country.
    """
    places: list[Place] = []
    for item in listed(value):
        if isinstance(item, Mapping):
            places += _places_in(taking, column, item)
        else:
            places += _named_place(one_line(item), country)
    return places


def _places_in(taking: Taking, column: str, item: Mapping[str, Any]) -> list[Place]:
    name = one_line(item.get("country")) or one_line(item.get("countryCode"))
    country = country_code(name) or country_code(one_line(item.get("countryCode")))
    if name and not country:
        taking.report(column, "unknown_country", name, "country")
    cities = [
        one_line(city.get("name", city.get("city")) if isinstance(city, Mapping) else city)
        for city in listed(item.get("cities"))
    ]
    cities = [city for city in (one_line(item.get("city")), *cities) if city]
    region = one_line(item.get("region") or item.get("state"))[:120]
    if not cities:
        return [Place(country=country, region=region)] if country else []
    return [Place(country=country, region=region, city=city[:120]) for city in cities]


def _named_place(text: str, country: str) -> list[Place]:
    """Read "Berlin, Germany", "Germany" or "Berlin"."""
    if not text:
        return []
    city, comma, rest = text.rpartition(",")
    if comma and country_code(rest):
        return [Place(country=country_code(rest), city=city.strip()[:120])]
    if country_code(text):
        return [Place(country=country_code(text))]
    return [Place(country=country, city=text[:120])]


def offerings_of(taking: Taking, column: str) -> list[Offering]:
    found: dict[str, Offering] = {}
    for item in listed(taking.value(column)):
        service = _offering(taking, column, item) if isinstance(item, Mapping) else _plain_offering(one_line(item))
        if service is not None:
            found.setdefault(fold(service.name), service)
    return list(found.values())


def _plain_offering(name: str) -> Offering | None:
    return offering(name[:120]) if name else None


def _offering(taking: Taking, column: str, item: Mapping[str, Any]) -> Offering | None:
    name = one_line(item.get("name")) or one_line(item.get("title"))
    if not name:
        return None
    currency = one_line(item.get("currency")).upper()
    return Offering(
        name=name[:120],
        category=_category(one_line(item.get("category")), name),
        description=one_line(item.get("description"))[:500],
        price_from=_price(taking, column, item.get("priceFrom", item.get("price_from"))),
        price_to=_price(taking, column, item.get("priceTo", item.get("price_to"))),
        currency=currency if len(currency) == _CURRENCY_LETTERS and currency.isalpha() else "",
        unit=one_line(item.get("unit"))[:40],
    )


def _category(said: str, name: str) -> str:
    word = said.casefold()
    return word if word in _CATEGORIES else service_category(said or name)


def _price(taking: Taking, column: str, value: object) -> Decimal | None:
    number = as_decimal(value)
    if is_nothing(value) or number == 0:
        return None
    if number is None or not 0 < number < _LARGEST_PRICE:
        taking.report(column, "bad_number", value, "services")
        return None
    return number.quantize(_CENT)


def certificates_of(taking: Taking, column: str) -> list[Certificate]:
    found = []
    for item in listed(taking.value(column)):
        if not isinstance(item, Mapping):
            found += [Certificate(name=name[:160]) for name in [one_line(item)] if name]
        elif name := one_line(item.get("name")):
            until = _day(taking, column, one_line(item.get("validUntil", item.get("valid_until"))))
            found.append(Certificate(name=name[:160], issuer=one_line(item.get("issuer"))[:160], valid_until=until))
    return list(dict.fromkeys(found))


def _day(taking: Taking, column: str, text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        taking.report(column, "bad_date", text, "certifications", "This is no date such as 2027-03-31.")
        return None


def projects_of(taking: Taking, column: str) -> list[Project]:
    found = []
    for item in listed(taking.value(column)):
        if not isinstance(item, Mapping):
            found += [Project(name=name[:160]) for name in [one_line(item)] if name]
            continue
        show = one_line(item.get("tradeShow", item.get("trade_show")))[:160]
        name = one_line(item.get("projectName", item.get("project_name", item.get("name")))) or show
        if name:
            found.append(
                Project(
                    name=name[:160],
                    trade_show=show,
                    year=cells.to_founded(one_line(item.get("year"))),
                    city=one_line(item.get("city"))[:120],
                    country=country_code(one_line(item.get("country"))),
                    stand_m2=square_metres(item.get("standSize", item.get("stand_size"))),
                )
            )
    return list(dict.fromkeys(found))
