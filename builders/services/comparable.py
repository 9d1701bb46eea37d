"""What of builders is compared to find those that are there twice: narrow rows, many at once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from builders.contact import registrable_domain
from builders.duplicates.traits import Traits, postcode_key, street_of
from builders.folding import name_key
from builders.services.tables import among, fetch, listed

_BUILDERS = """SELECT id, name, domain, claim_state = 'claimed' FROM builders_builder
    WHERE id {ids} AND merged_into_id IS NULL ORDER BY id"""
_CONTACTS = (
    "SELECT builder_id, kind, value FROM builders_contactpoint WHERE kind IN ('phone', 'email') AND builder_id {ids}"
)
_PLACES = """SELECT builder_id, country, city_folded, postcode, street_folded FROM builders_location
    WHERE is_headquarters AND builder_id {ids}"""


def load_traits(ids: Iterable[int]) -> dict[int, Traits]:
    """Return what is compared of the builders with these ids that are not merged into others. Three statements."""
    wanted = [listed(ids)]
    found = {
        pk: Traits(name=name_key(name), domains=frozenset({domain} if domain else ()), is_claimed=bool(is_claimed))
        for pk, name, domain, is_claimed in fetch(_BUILDERS.format(ids=among("bigint")), wanted)
    }
    for pk, kind, value in fetch(_CONTACTS.format(ids=among("bigint")), wanted):
        if pk in found:
            found[pk] = _with_contact(found[pk], kind, value)
    for pk, country, city, postcode, street in fetch(_PLACES.format(ids=among("bigint")), wanted):
        if pk in found:
            found[pk] = _with_place(found[pk], country, city, postcode_key(postcode), street)
    return found


def _with_contact(traits: Traits, kind: str, value: str) -> Traits:
    if kind == "phone":
        return msgspec.structs.replace(traits, phones=traits.phones | {value})
    domain = registrable_domain(value)
    domains = traits.domains | {domain} if domain else traits.domains
    return msgspec.structs.replace(traits, emails=traits.emails | {value}, domains=domains)


def _with_place(traits: Traits, country: str, city: str, postcode: str, street: str) -> Traits:
    there = street_of(street, country=country, city=city, postcode=postcode) if street else None
    return msgspec.structs.replace(
        traits,
        cities=frozenset({(country, city)} if city else ()),
        postcodes=frozenset({(country, postcode)} if postcode else ()),
        streets=frozenset({there} if there is not None else ()),
    )
