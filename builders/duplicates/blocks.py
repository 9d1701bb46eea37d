"""The keys under which records meet. Two that share none are never compared; a key that too many have compares nobody.

Keys are texts of a mark and a value: `p:` a telephone, `m:` an address of e-mail, `d:` a domain, `s:` number and street
in a city or postcode, `n:` a word of the name, `c:` the first word of a name in a city, `f:` a whole name.
"""

from __future__ import annotations

from collections.abc import Iterator

from builders.duplicates.traits import Traits

# How many records may meet under one key. A word of the name must be rare; the rest may be that of a chain.
MOST = {"n": 20, "c": 40, "f": 40}
MOST_OF_A_TRACE = 50
# Under so many names a telephone or a domain is that of a switchboard, a fair or a franchise.
SHARED_BY_NAMES = 5
# Marks of what can be shared so; a street is not in it: many firms in one house still have an address.
TRACES = ("p", "m", "d")
# Few, because sources shorten streets in many ways; the number and the city tell the rest.
_STREET_LETTERS = 3
_SHORTEST_WORD = 3


def block_keys(traits: Traits) -> set[str]:
    """Return the keys of one record: about eight."""
    return {*trace_keys(traits), *_street_keys(traits), *_name_keys(traits)}


def most_under(key: str) -> int:
    """Return how many records may meet under the key."""
    return MOST.get(key[:1], MOST_OF_A_TRACE)


def trace_keys(traits: Traits) -> Iterator[str]:
    """Yield the keys of what may be shared by many: see `SHARED_BY_NAMES`."""
    yield from (f"p:{phone}" for phone in traits.phones)
    yield from (f"m:{email}" for email in traits.emails)
    yield from (f"d:{domain}" for domain in traits.domains)


def _street_keys(traits: Traits) -> Iterator[str]:
    for street in traits.streets:
        address = f"{street.words[:_STREET_LETTERS]} {' '.join(map(str, street.numbers))}"
        if street.city:
            yield f"s:{street.country} {street.city} {address}"
        if street.postcode:
            yield f"s:{street.country} {street.postcode} {address}"


def _name_keys(traits: Traits) -> Iterator[str]:
    words = traits.name.split()
    yield from (f"n:{word}" for word in words if len(word) >= _SHORTEST_WORD)
    joined = "".join(words)
    if joined:
        yield f"f:{joined}"
    for _, city in traits.cities:
        yield from (f"c:{city} {word}" for word in words[:1])
