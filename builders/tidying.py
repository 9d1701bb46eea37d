"""What people enter, brought into the form that imports give it. What cannot be is refused, with the field it is of.

An import leaves out a cell that it cannot read; a person who typed it is still there, and is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.utils import timezone
from django_countries import countries

from builders import contact
from builders.importing.cells import clean_line, clean_text, to_language
from builders.models import Builder, Service
from builders.phones import phone
from builders.record import Certificate, Offering, Person, Place, Project, Record
from realtime.errors import ClientError

_FIRST_YEAR: Final = 1800
_LARGEST_NUMBER: Final = 2**31 - 1
_HIGHEST_PRICE: Final = Decimal(10**10)
_LARGEST_LATITUDE, _LARGEST_LONGITUDE = 90, 180
_LETTERS_OF_CURRENCY: Final = 3
_HIGHEST_RATING: Final = 5


def tidied(before: Record, after: Record) -> Record:
    """Return `after` with what differs from `before` tidied: what nobody touched stays as it came.

    Raises `ClientError` `invalid` with the field.
    """
    changes: dict[str, Any] = {}
    for name, tidy in _TIDY.items():
        value, old = getattr(after, name), getattr(before, name)
        if value is None or value is old or value in ("", [], old):
            continue
        try:
            changes[name] = tidy(value, after)
        except ValueError as error:
            raise ClientError("invalid", str(error), field=name) from error
    return msgspec.structs.replace(after, **changes)


def _line(text: str, record: Record) -> str:
    return clean_line(text)


def _prose(text: str, record: Record) -> str:
    return clean_text(text)


def _address(text: str, record: Record) -> str:
    found = contact.url(clean_line(text))
    if found is None:
        raise ValueError(f"{_short(text)} is no address of the web that begins with http:// or https://.")
    return found


def _email(text: str, record: Record) -> str:
    found = contact.email(clean_line(text))
    if found is None:
        raise ValueError(f"{_short(text)} is no e-mail address.")
    return found


def _phone(text: str, record: Record) -> str:
    place = record.headquarters
    found = phone(clean_line(text), place.country.upper() if place is not None else "")
    if found is None:
        raise ValueError(
            f"{_short(text)} is no telephone number. Write it with the code of its country, such as +49 30 1234567."
        )
    return found


def _language(text: str, record: Record) -> str:
    found = to_language(text)
    if found is None:
        raise ValueError(f"{_short(text)} is no language. Write its name or its two letters, such as de.")
    return found


def _each(tidy: Callable[[Any, Record], Any]) -> Callable[[Sequence[Any], Record], list[Any]]:
    def tidy_all(items: Sequence[Any], record: Record) -> list[Any]:
        return [tidy(item, record) for item in items]

    return tidy_all


def _named(text: str, what: str) -> str:
    name = clean_line(text)
    if not name:
        raise ValueError(f"{what} needs a name.")
    return name


def _one_of(choices: Sequence[str]) -> Callable[[str, Record], str]:
    def check(value: str, record: Record) -> str:
        if value not in choices:
            raise ValueError(f"{_short(value)} is none of {', '.join(filter(None, choices))}.")
        return value

    return check


_category = _one_of(Service.Category.values)


def _country(code: str) -> str:
    if code and code.upper() not in countries:
        raise ValueError(f"{_short(code)} is no country. Write its two letters, such as DE.")
    return code.upper()


def _place(place: Place, record: Record) -> Place:
    latitude, longitude = place.latitude, place.longitude
    if (latitude is None) != (longitude is None):
        raise ValueError("A place has a latitude and a longitude, or neither.")
    if latitude is not None and longitude is not None:
        is_on_earth = _is_number(latitude, longitude) and abs(latitude) <= _LARGEST_LATITUDE
        if not (is_on_earth and abs(longitude) <= _LARGEST_LONGITUDE):
            raise ValueError("The latitude lies between -90 and 90, the longitude between -180 and 180.")
    texts = {name: clean_line(getattr(place, name)) for name in ("region", "city", "district", "street", "postcode")}
    return msgspec.structs.replace(place, country=_country(place.country), **texts)


def _offering(item: Offering, record: Record) -> Offering:
    prices = [price for price in (item.price_from, item.price_to) if price is not None]
    if not (_is_number(*prices) and all(0 <= price < _HIGHEST_PRICE for price in prices)):
        raise ValueError("A price is no less than 0.")
    if prices != sorted(prices):
        raise ValueError("The first price of a range is the smaller one.")
    currency = item.currency.strip().upper()
    if currency and not (len(currency) == _LETTERS_OF_CURRENCY and currency.isascii() and currency.isalpha()):
        raise ValueError(f"{_short(item.currency)} is no currency. Write its three letters, such as EUR.")
    return msgspec.structs.replace(
        item,
        name=_named(item.name, "A service"),
        category=_category(item.category, record),
        description=clean_line(item.description),
        unit=clean_line(item.unit),
        currency=currency,
    )


def _person(item: Person, record: Record) -> Person:
    return Person(name=_named(item.name, "A person"), role=clean_line(item.role))


def _certificate(item: Certificate, record: Record) -> Certificate:
    name = _named(item.name, "A certificate")
    return msgspec.structs.replace(item, name=name, issuer=clean_line(item.issuer))


def _project(item: Project, record: Record) -> Project:
    return msgspec.structs.replace(
        item,
        name=_named(item.name, "A project"),
        trade_show=clean_line(item.trade_show),
        city=clean_line(item.city),
        country=_country(item.country),
        year=_year(item.year, record) if item.year is not None else None,
        stand_m2=_count(item.stand_m2, record) if item.stand_m2 is not None else None,
    )


def _year(number: int, record: Record) -> int:
    if not _FIRST_YEAR <= number <= timezone.now().year:
        raise ValueError(f"The year lies between {_FIRST_YEAR} and this one.")
    return number


def _count(number: int, record: Record) -> int:
    if not 0 <= number <= _LARGEST_NUMBER:
        raise ValueError("The number is too small or too large.")
    return number


def _rating(rating: Decimal, record: Record) -> Decimal:
    if not (_is_number(rating) and 0 <= rating <= _HIGHEST_RATING):
        raise ValueError("A rating lies between 0 and 5.")
    return rating


def _is_number(*numbers: Decimal) -> bool:
    # JSON of some programs has NaN, which can be neither compared nor stored.
    return all(number.is_finite() for number in numbers)


def _short(text: str) -> str:
    return f"“{text[:60]}”"


_TIDY: Final[dict[str, Callable[[Any, Record], Any]]] = {
    "name": _line,
    "description": _prose,
    "website": _address,
    "maps_url": _address,
    "headquarters": _place,
    "service_places": _each(_place),
    "emails": _each(_email),
    "phones": _each(_phone),
    "faxes": _each(_phone),
    "social": _each(_address),
    "languages": _each(_language),
    "specialisations": _each(lambda text, record: _named(text, "A specialisation")),
    "people": _each(_person),
    "services": _each(_offering),
    "certifications": _each(_certificate),
    "portfolio": _each(_project),
    "founded": _year,
    "rating": _rating,
    "status": _one_of(Builder.Status.values),
    "plan": _one_of(Builder.Plan.values),
    **dict.fromkeys(
        ("team_min", "team_max", "stand_min_m2", "stand_max_m2", "projects_completed", "review_count"), _count
    ),
}
