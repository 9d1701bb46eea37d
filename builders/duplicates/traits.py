"""What of a record is compared, in the form in which it is."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from builders.contact import registrable_domain
from builders.folding import fold, name_key, street_key
from builders.places import city_key
from builders.record import Place, Record

_NUMBER = re.compile(r"\d+")


class Street(msgspec.Struct, frozen=True, kw_only=True):
    """A street with its house number, and where it is. `numbers` are sorted: in some countries they stand in front.

    The letter of a house stands with the words: half of the sources leave it out, and some make one of "R." for "rue".
    """

    words: str
    numbers: tuple[int, ...]
    country: str = ""
    city: str = ""
    postcode: str = ""


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the key of the name, `domains` are those of the website and of the e-mail addresses.

    `cities` are (country, city), `postcodes` (country, postcode); "" where a source does not say it.
    """

    name: str
    cities: frozenset[tuple[str, str]] = frozenset()
    postcodes: frozenset[tuple[str, str]] = frozenset()
    streets: frozenset[Street] = frozenset()
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    is_claimed: bool = False


def traits_of(record: Record, *, is_claimed: bool = False) -> Traits:
    """Return what is compared of a record. The firm sits at its headquarters; the cities it serves say nothing."""
    places = [record.headquarters] if record.headquarters is not None else []
    addresses = [record.website, *record.emails] if record.website else record.emails
    return Traits(
        name=name_key(record.name),
        cities=frozenset((place.country, city_key(place.city)) for place in places if place.city),
        postcodes=frozenset((place.country, postcode_key(place.postcode)) for place in places if place.postcode),
        streets=frozenset(_streets(places)),
        phones=frozenset(record.phones),
        emails=frozenset(record.emails),
        domains=frozenset(domain for address in addresses if (domain := registrable_domain(address))),
        is_claimed=is_claimed,
    )


def street_of(key: str, *, country: str = "", city: str = "", postcode: str = "") -> Street | None:
    """Return the street behind a `street_key`, or None where no house has a number: a street alone is no address."""
    words = _NUMBER.sub("", key).replace(" ", "")
    # As numbers, because digits of other scripts mean the same.
    numbers = sorted(int(digits) for digits in _NUMBER.findall(key))
    if not numbers or not words:
        return None
    return Street(words=words, numbers=tuple(numbers), country=country, city=city, postcode=postcode)


def postcode_key(text: str) -> str:
    return fold(text).replace(" ", "")


def _streets(places: Iterable[Place]) -> Iterable[Street]:
    for place in places:
        where = {
            "country": place.country,
            "city": city_key(place.city) if place.city else "",
            "postcode": postcode_key(place.postcode),
        }
        street = street_of(street_key(place.street), **where) if place.street else None
        if street is not None:
            yield street
