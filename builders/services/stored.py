"""Builders as they stand in the database, as plain values: many at once, a statement for each table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from builders.models import ContactPoint
from builders.models.fields import Provenance, ProvenanceText, packed, unpacked
from builders.record import Certificate, Offering, Person, Place, Project, Record
from builders.services.tables import among, fetch, listed

Kind = ContactPoint.Kind


FIRST_REV = 1


class Key(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The builder's name at a source; see `SourceKey`."""

    source: str
    key: str
    fingerprint: str = ""
    seen_at: dt.datetime | None = None


class Stored(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A builder: the record, and what no source says. `id` is 0 for one that is not in the database yet."""

    record: Record
    id: int = 0
    uid: str = ""
    slug: str = ""
    rev: int = FIRST_REV
    is_featured: bool = False
    is_active: bool = True
    claim_state: str = "unclaimed"
    owner: int | None = None
    merged_into: int | None = None
    provenance: Provenance = {}
    locked_fields: list[str] = []
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    keys: list[Key] = []


# Moments are asked for as text: what the drivers make of them takes longer than all else of a builder.
_COLUMNS = """id, uid, slug, rev, is_featured, is_active, claim_state, owner_id, merged_into_id, provenance,
    locked_fields, CAST(created_at AS text), CAST(updated_at AS text), name, description, website, languages, founded,
    team_min, team_max, stand_min_m2, stand_max_m2, projects_completed, rating, review_count, status, is_verified,
    plan, legacy_extra"""
_LOCATIONS = """SELECT builder_id, is_headquarters, country, region, city, district, street, postcode, latitude,
    longitude FROM builders_location WHERE builder_id {ids} ORDER BY id"""
_CONTACTS = "SELECT builder_id, kind, value FROM builders_contactpoint WHERE builder_id {ids} ORDER BY position, id"
_PEOPLE = "SELECT builder_id, name, role FROM builders_contactperson WHERE builder_id {ids} ORDER BY id"
_SERVICES = """SELECT builder_id, name, category, description, price_from, price_to, currency, unit
    FROM builders_service WHERE builder_id {ids} ORDER BY id"""
_CERTIFICATES = """SELECT builder_id, name, issuer, valid_until
    FROM builders_certification WHERE builder_id {ids} ORDER BY id"""
_PROJECTS = """SELECT builder_id, name, trade_show, year, city, country, stand_m2
    FROM builders_portfolioproject WHERE builder_id {ids} ORDER BY id"""
_SPECIALISATIONS = """SELECT l.builder_id, s.name FROM builders_builder_specialisations l
    JOIN builders_specialisation s ON s.id = l.specialisation_id WHERE l.builder_id {ids} ORDER BY l.id"""
_KEYS = """SELECT builder_id, source, key, fingerprint, CAST(seen_at AS text) FROM builders_sourcekey
    WHERE builder_id {ids} ORDER BY source, key"""

_CONTACT_LISTS = {Kind.EMAIL: "emails", Kind.PHONE: "phones", Kind.FAX: "faxes", Kind.SOCIAL: "social"}
_decode = msgspec.json.Decoder().decode


def load(ids: Iterable[int], *, lock: bool = False) -> dict[int, Stored]:
    """Return the builders with these ids that exist: nine statements whatever their number.

    `lock` holds them until the end of the transaction, always in the same order.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    sql = f"SELECT {_COLUMNS} FROM builders_builder WHERE id {among('bigint')} ORDER BY id"  # noqa: S608
    rows = fetch(sql + (_LOCK if lock and among("bigint").startswith("=") else ""), [listed(wanted)])
    found = {row[0]: _stored(row) for row in rows}
    _add_places(found)
    _add_contacts(found)
    _add_lists(found)
    return found


# Rows that refer to a builder may be inserted meanwhile.
_LOCK = " FOR NO KEY UPDATE"


def _stored(row: Sequence[Any]) -> Stored:
    record = Record(
        name=row[13],
        description=row[14],
        website=row[15],
        languages=_decode(row[16]),
        founded=row[17],
        team_min=row[18],
        team_max=row[19],
        stand_min_m2=row[20],
        stand_max_m2=row[21],
        projects_completed=row[22],
        rating=_decimal(row[23], 1),
        review_count=row[24] or None,
        status=row[25],
        is_verified=bool(row[26]),
        plan=row[27],
        extra=_decode(row[28]),
    )
    return Stored(
        record=record,
        id=row[0],
        uid=row[1],
        slug=row[2],
        rev=row[3],
        is_featured=bool(row[4]),
        is_active=bool(row[5]),
        claim_state=row[6],
        owner=row[7],
        merged_into=row[8],
        provenance=ProvenanceText.read(row[9]),
        locked_fields=_decode(row[10]),
        created_at=_moment(row[11]),
        updated_at=_moment(row[12]),
        keys=[],
    )


_Frozen = tuple[Stored, list[tuple[dict[str, Any], list[str]]]]
_thaw = msgspec.json.Decoder(_Frozen)


def frozen(builder: Stored) -> str:
    """Return a builder as JSON, to be kept with an import; `thawed` makes it a builder again."""
    bare = msgspec.structs.replace(builder, provenance={})
    return msgspec.json.encode((bare, packed(builder.provenance))).decode()


def thawed(text: str) -> Stored:
    builder: Stored
    builder, provenance = _thaw.decode(text)
    builder.provenance = unpacked(provenance)
    return builder


def _rows(sql: str, found: dict[int, Stored]) -> list[tuple[Any, ...]]:
    return fetch(sql.format(ids=among("bigint")), [listed(found)])


def _add_places(found: dict[int, Stored]) -> None:
    for builder, is_headquarters, country, region, city, district, street, postcode, lat, lon in _rows(
        _LOCATIONS, found
    ):
        place = Place(
            country=country,
            region=region,
            city=city,
            district=district,
            street=street,
            postcode=postcode,
            latitude=_decimal(lat, 6),
            longitude=_decimal(lon, 6),
        )
        record = found[builder].record
        if is_headquarters:
            record.headquarters = place
        else:
            record.service_places.append(place)


def _add_contacts(found: dict[int, Stored]) -> None:
    for builder, kind, value in _rows(_CONTACTS, found):
        record, name = found[builder].record, _CONTACT_LISTS.get(kind)
        if name is not None:
            getattr(record, name).append(value)
        else:
            record.maps_url = record.maps_url or value


def _add_lists(found: dict[int, Stored]) -> None:
    readers: dict[str, tuple[str, Callable[..., Any]]] = {
        "people": (_PEOPLE, lambda name, role: Person(name=name, role=role)),
        "services": (_SERVICES, _offering),
        "certifications": (
            _CERTIFICATES,
            lambda name, issuer, at: Certificate(name=name, issuer=issuer, valid_until=at),
        ),
        "portfolio": (_PROJECTS, _project),
        "specialisations": (_SPECIALISATIONS, str),
    }
    for name, (sql, read) in readers.items():
        items = attrgetter(name)
        for builder, *values in _rows(sql, found):
            items(found[builder].record).append(read(*values))
    for builder, source, key, fingerprint, seen_at in _rows(_KEYS, found):
        found[builder].keys.append(Key(source=source, key=key, fingerprint=fingerprint, seen_at=_moment(seen_at)))


# Many builders offer the same.
@lru_cache(maxsize=4096)
def _offering(
    name: str, category: str, description: str, price_from: Any, price_to: Any, currency: str, unit: str
) -> Offering:
    return Offering(
        name=name,
        category=category,
        description=description,
        price_from=_decimal(price_from, 2),
        price_to=_decimal(price_to, 2),
        currency=currency,
        unit=unit,
    )


def _project(name: str, show: str, year: int | None, city: str, country: str, stand_m2: int | None) -> Project:
    return Project(name=name, trade_show=show, year=year, city=city, country=country, stand_m2=stand_m2)


def _moment(text: str | None) -> dt.datetime | None:
    """Return what the database says; SQLite keeps UTC without saying so."""
    if text is None:
        return None
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is dt.UTC:
        return at
    return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)


def _decimal(value: Any, places: int) -> Decimal | None:
    # SQLite returns a float, exact to more places than these columns have.
    if value is None or isinstance(value, Decimal):
        return value
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-places))
