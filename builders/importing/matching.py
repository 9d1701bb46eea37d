"""Which builder a record is. Found for many records at once: a statement for each kind of trace, whatever their number.

The rule is that of the directory: one name at a source, or one claimed domain, is one builder. Where telephone, street
and name agree, it is one builder too; where two of the three do, a person decides. All else is a firm of its own: the
same name elsewhere is a branch, or chance. What would be linked is looked at more closely by `builders.duplicates`, and
waits for a person where that is not certain.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rapidfuzz import fuzz

from builders.contact import registrable_domain
from builders.duplicates.rules import is_certain
from builders.duplicates.traits import Traits as Comparable
from builders.duplicates.traits import postcode_key, street_of
from builders.folding import fold, name_key, street_key
from builders.importing.exported import PRESET
from builders.places import city_key
from builders.record import Place, Record
from builders.services.tables import among, fetch, listed

# Of names without their legal forms, from 0 to 100: what differs in less than one letter of twelve is a spelling.
ALIKE = 92
# One telephone of a fair or a switchboard may stand in thousands of records, and proves nothing then.
_MOST_OF_ONE_TRACE = 50


class Match(NamedTuple):
    """`builder` is None for a new one. What is not certain is for a person to decide."""

    builder: int | None = None
    reason: str = ""
    is_certain: bool = True


class Seat(NamedTuple):
    """Where a builder sits. City and street are folded."""

    country: str = ""
    city: str = ""
    street: str = ""
    postcode: str = ""


@dataclass(slots=True)
class Traits:
    """What of a builder is compared. `seats` are its headquarters and its offices; the cities it serves say nothing."""

    name: str
    seats: set[Seat] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    domain: str = ""
    is_claimed: bool = False


NEW = Match()


def identity_key(record: Record) -> str:
    """Return the name of a record at a source that gives none: what a firm keeps when its details change."""
    place = record.headquarters
    parts = [name_key(record.name)]
    if place is not None:
        parts += [place.country, city_key(place.city), street_key(place.street)]
    return "~" + hashlib.blake2b("\x1f".join(parts).encode(), digest_size=15).hexdigest()


def builders_by_fingerprint(source: str, fingerprints: Sequence[str]) -> dict[str, int]:
    """Return the builders of rows that came from the source before and are the same still. One statement."""
    # SQLite would go through all keys of a source that is asked for by itself.
    sql = f"""SELECT fingerprint, builder_id FROM builders_sourcekey
        WHERE source || '' = %s AND fingerprint > '' AND fingerprint {among("text")}"""  # noqa: S608
    return dict(fetch(sql, [source, listed(fingerprints)]))


def builders_by_key(source: str, keys: Iterable[str]) -> dict[str, int]:
    """Return the builders behind names of the source. One that was merged leads to the one that was kept.

    An export of ours names builders by their uid, and finds them without having been imported before.
    """
    keys = set(keys)
    sql = f"""SELECT k.key, COALESCE(b.merged_into_id, b.id) FROM builders_sourcekey k
        JOIN builders_builder b ON b.id = k.builder_id WHERE k.source = %s AND k.key {among("text")}"""  # noqa: S608
    found = dict(fetch(sql, [source, listed(keys)]))
    if source == PRESET:
        sql = f"SELECT uid, COALESCE(merged_into_id, id) FROM builders_builder WHERE uid {among('text')}"  # noqa: S608
        found |= dict(fetch(sql, [listed(keys)]))
    return found


def find(records: Sequence[Record], source: str) -> list[Match]:
    """Return which builder each record is. Their keys are set. Six statements, and one for each other source."""
    known = builders_by_key(source, {record.key for record in records})
    elsewhere = _builders_by_other_keys([record for record in records if record.key not in known])
    matches = [_by_key(record, known, elsewhere) for record in records]
    open_rows = [number for number, match in enumerate(matches) if match.builder is None]
    candidates = _candidates({number: records[number] for number in open_rows})
    there = _load_traits({pk for found in candidates.values() for pk in found})
    for number, found in candidates.items():
        matches[number] = _best(_traits(records[number]), {pk: there[pk] for pk in found if pk in there})
    return matches


def _by_key(record: Record, known: dict[str, int], elsewhere: dict[tuple[str, str], int]) -> Match:
    if record.key in known:
        return Match(known[record.key], "source key")
    for key in record.other_keys.items():
        if key in elsewhere:
            return Match(elsewhere[key], f"key at {key[0]}")
    return NEW


def _builders_by_other_keys(records: Sequence[Record]) -> dict[tuple[str, str], int]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for source, key in record.other_keys.items():
            wanted[source].add(key)
    return {
        (source, key): builder
        for source, keys in wanted.items()
        for key, builder in builders_by_key(source, keys).items()
    }


def _traits(record: Record) -> Traits:
    place = record.headquarters
    return Traits(
        name=record.name,
        seats={_seat(place)} if place is not None else set(),
        contacts={*record.phones, *record.emails},
        domain=_domain(record),
    )


def _domain(record: Record) -> str:
    return registrable_domain(record.website) if record.website else ""


def _seat(place: Place) -> Seat:
    city = city_key(place.city) if place.city else ""
    street = street_key(place.street) if place.street else ""
    return Seat(place.country, city, street, postcode_key(place.postcode))


def _candidates(records: dict[int, Record]) -> dict[int, set[int]]:
    """Return the builders that share a trace with each record, by the number of the record."""
    found: dict[int, set[int]] = defaultdict(set)
    for sql, traces in _TRACES:
        by_value: dict[str, list[int]] = defaultdict(list)
        for number, record in records.items():
            for value in traces(record):
                by_value[value].append(number)
        shared: dict[str, list[int]] = defaultdict(list)
        for value, builder in fetch(f"{sql} {among('text')}", [listed(by_value)]) if by_value else ():
            shared[value].append(builder)
        for value, builders in shared.items():
            for number in by_value[value]:
                found[number].update(builders[:_MOST_OF_ONE_TRACE])
    return found


def _contacts(record: Record) -> Iterable[str]:
    return {*record.phones, *record.emails}


def _domains(record: Record) -> Iterable[str]:
    return filter(None, [_domain(record)])


def _names(record: Record) -> Iterable[str]:
    # Many records differ from one another in the legal form alone.
    return {fold(record.name), name_key(record.name)}


_TRACES: tuple[tuple[str, Callable[[Record], Iterable[str]]], ...] = (
    ("SELECT value, builder_id FROM builders_contactpoint WHERE kind IN ('phone', 'email') AND value", _contacts),
    ("SELECT domain, id FROM builders_builder WHERE domain", _domains),
    ("SELECT name_folded, id FROM builders_builder WHERE name_folded", _names),
)


def _load_traits(builders: set[int]) -> dict[int, Traits]:
    if not builders:
        return {}
    ids = listed(builders)
    sql = f"""SELECT id, name, domain, claim_state = 'claimed' FROM builders_builder
        WHERE id {among("bigint")} AND merged_into_id IS NULL"""  # noqa: S608
    found = {
        pk: Traits(name=name, domain=domain, is_claimed=bool(is_claimed))
        for pk, name, domain, is_claimed in fetch(sql, [ids])
    }
    sql = f"""SELECT builder_id, country, city_folded, street_folded, postcode FROM builders_location
        WHERE (is_headquarters OR street_folded <> '') AND builder_id {among("bigint")}"""  # noqa: S608
    for pk, country, city, street, postcode in fetch(sql, [ids]):
        if pk in found:
            found[pk].seats.add(Seat(country, city, street, postcode_key(postcode)))
    sql = f"""SELECT builder_id, value FROM builders_contactpoint
        WHERE kind IN ('phone', 'email') AND builder_id {among("bigint")}"""  # noqa: S608
    for pk, value in fetch(sql, [ids]):
        if pk in found:
            found[pk].contacts.add(value)
    return found


def _best(row: Traits, builders: dict[int, Traits]) -> Match:
    """Return the best of the candidates; the older record where two are equally good."""
    judged = [match for pk, there in sorted(builders.items()) if (match := _judge(row, pk, there)) is not None]
    # Rare, and so worth more than the letters of a name: nobody looks at a link.
    certain = [match for match in judged if match.is_certain and _is_confirmed(row, match, builders)]
    return (certain or [match._replace(is_certain=False) for match in judged] or [NEW])[0]


def _is_confirmed(row: Traits, match: Match, builders: dict[int, Traits]) -> bool:
    there = builders[match.builder or 0]
    return is_certain(_comparable(row), _comparable(there), map(_comparable, builders.values()))


def _comparable(traits: Traits) -> Comparable:
    seats = traits.seats
    streets = (street_of(it.street, country=it.country, city=it.city, postcode=it.postcode) for it in seats)
    return Comparable(
        name=name_key(traits.name),
        cities=frozenset((seat.country, seat.city) for seat in seats if seat.city),
        postcodes=frozenset((seat.country, seat.postcode) for seat in seats if seat.postcode),
        streets=frozenset(street for street in streets if street is not None),
        phones=frozenset(value for value in traits.contacts if value.startswith("+")),
        emails=frozenset(value for value in traits.contacts if "@" in value),
        domains=frozenset({traits.domain} if traits.domain else ()),
        is_claimed=traits.is_claimed,
    )


def _judge(row: Traits, pk: int, there: Traits) -> Match | None:
    if row.domain and row.domain == there.domain and there.is_claimed:
        return Match(pk, "claimed domain")
    agreeing = [name for name, agrees in _agreements(row, there) if agrees]
    if len(agreeing) == len(("telephone", "street", "name")):
        return Match(pk, "telephone, street and name")
    if len(agreeing) > 1:
        return Match(pk, " and ".join(agreeing), is_certain=False)
    # A name and a domain in one city, and nothing that speaks against it.
    if agreeing == ["name"] and row.domain and row.domain == there.domain and _may_be_one_place(row, there):
        return Match(pk, "name and domain", is_certain=False)
    return None


def _agreements(row: Traits, there: Traits) -> list[tuple[str, Any]]:
    phones = {value for value in row.contacts & there.contacts if value.startswith("+")}
    offices = [(seat, other) for seat in row.seats for other in there.seats if seat.street == other.street != ""]
    return [
        ("telephone", phones),
        ("street", any(_may_be_one_city(seat, other) for seat, other in offices)),
        ("name", fuzz.ratio(name_key(row.name), name_key(there.name)) >= ALIKE),
    ]


def _may_be_one_place(row: Traits, there: Traits) -> bool:
    if not row.seats or not there.seats:
        return True
    return any(_may_be_one_city(seat, other) for seat in row.seats for other in there.seats)


def _may_be_one_city(first: Seat, second: Seat) -> bool:
    return not first.city or not second.city or (first.country, first.city) == (second.country, second.city)
