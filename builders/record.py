"""A builder as a plain value: what an import understood, what is compared, exported, and kept to undo a change.

None of these refers to itself, so the garbage collector need not look at them (`gc=False`): an import makes millions.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`country` is ISO 3166 alpha-2 or empty. Latitude and longitude are degrees, both or neither."""

    country: str = ""
    region: str = ""
    city: str = ""
    district: str = ""
    street: str = ""
    postcode: str = ""
    latitude: Decimal | None = None
    longitude: Decimal | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    name: str
    role: str = ""


class Offering(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A service. `category` is one of `Service.Category`; prices are in `currency` (ISO 4217) for one `unit`."""

    name: str
    category: str = "other"
    description: str = ""
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    currency: str = ""
    unit: str = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    name: str
    issuer: str = ""
    valid_until: dt.date | None = None


class Project(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    name: str
    trade_show: str = ""
    year: int | None = None
    city: str = ""
    country: str = ""
    stand_m2: int | None = None


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Everything that a source may say of a builder. Empty means that it says nothing, never that there is nothing.

    `key` is the builder's name at the source, `other_keys` its names at others. `emails` are lower case, `phones` and
    `faxes` E.164, `website` and `maps_url` absolute http(s) URLs, `languages` ISO 639-1 codes, `status` one of
    `Builder.Status`; the first of a list is the primary one. `extra` keeps what has no place of its own.
    """

    key: str = ""
    other_keys: dict[str, str] = {}
    name: str = ""
    description: str = ""
    website: str = ""
    maps_url: str = ""
    emails: list[str] = []
    phones: list[str] = []
    faxes: list[str] = []
    social: list[str] = []
    headquarters: Place | None = None
    service_places: list[Place] = []
    people: list[Person] = []
    services: list[Offering] = []
    specialisations: list[str] = []
    certifications: list[Certificate] = []
    portfolio: list[Project] = []
    languages: list[str] = []
    founded: int | None = None
    team_min: int | None = None
    team_max: int | None = None
    stand_min_m2: int | None = None
    stand_max_m2: int | None = None
    projects_completed: int | None = None
    rating: Decimal | None = None
    review_count: int | None = None
    status: str = ""
    plan: str = ""
    is_verified: bool | None = None
    extra: dict[str, object] = {}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something about one cell. An error keeps the row out; anything else is a remark, and the cell is left out."""

    column: str
    code: str
    message: str
    cell: str = ""
    field: str = ""
    is_error: bool = False
