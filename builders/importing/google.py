"""Records of Google: places of both Places APIs, and the listings that an older system made of them.

What Google says of a place is taken as it stands, without photos, whose addresses hold a key, and without reviews,
which belong to those who wrote them. Nothing of it makes a builder *verified*:
that word of ours means that somebody looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from builders.importing import cells
from builders.importing.evidence import is_maps_link
from builders.importing.google_places import hours_of, place_of
from builders.importing.json_shapes import LISTING, PLACES_CLASSIC, PLACES_NEW, shape_of
from builders.importing.redaction import without_secrets
from builders.importing.service_names import offering
from builders.importing.taking import Taking, is_nothing, one_line
from builders.record import Problem, Record

# What its keys are the keys of, whoever brings them.
SOURCE: Final = "google"


@dataclass(frozen=True, slots=True)
class _Names:
    """Where a shape keeps what. A dot leads into an object; of several names the first that says something counts."""

    key: tuple[str, ...]
    name: str
    phones: tuple[str, ...]
    website: str
    maps_url: tuple[str, ...]
    address: tuple[str, ...]
    position: tuple[str, str]
    reviews: str
    status: str
    hours: str
    category: tuple[str, ...]
    # Photos and reviews, and what means something else here than with us.
    dropped: tuple[str, ...]
    # Whether what is not known is kept.
    keeps_rest: bool = False


_NEW = _Names(
    key=("id", "name"),
    name="displayName.text",
    phones=("internationalPhoneNumber", "nationalPhoneNumber"),
    website="websiteUri",
    maps_url=("googleMapsUri",),
    address=("formattedAddress",),
    position=("location.latitude", "location.longitude"),
    reviews="userRatingCount",
    status="businessStatus",
    hours="regularOpeningHours",
    category=("primaryTypeDisplayName.text",),
    dropped=("photos", "reviews", "primaryType"),
)
_CLASSIC = _Names(
    key=("place_id",),
    name="name",
    phones=("international_phone_number", "formatted_phone_number"),
    website="website",
    maps_url=("url",),
    address=("formatted_address", "vicinity"),
    position=("geometry.location.lat", "geometry.location.lng"),
    reviews="user_ratings_total",
    status="business_status",
    hours="opening_hours",
    category=(),
    dropped=("photos", "reviews"),
)
_LISTING = _Names(
    key=("gmbId", "id"),
    name="businessName",
    phones=("phone",),
    website="website",
    maps_url=("googleMapsUri", "mapsUrl", "url"),
    address=("address",),
    position=("geometry.location.lat", "geometry.location.lng"),
    reviews="reviewCount",
    status="businessStatus",
    hours="businessHours",
    category=("category",),
    # `verified` meant that the place was operational, and nobody checked a claim.
    dropped=("photos", "reviews", "verified", "claimStatus", "claimed"),
    keeps_rest=True,
)
_SHAPES: Final = {PLACES_NEW: _NEW, PLACES_CLASSIC: _CLASSIC, LISTING: _LISTING}
_OPENED = ("displayName", "location", "primaryTypeDisplayName", "geometry", "geometry.location")
# What stands in front of a place's id: the first is Google's, the others an older system wrote.
_KEY_PREFIXES = ("places/", "gmb_real_", "gmb_")
_STATUS: Final = {
    "OPERATIONAL": cells.OPERATIONAL,
    "CLOSED_TEMPORARILY": cells.CLOSED_FOR_A_TIME,
    "CLOSED_PERMANENTLY": cells.CLOSED,
}
# Said of every place with a door.
_EMPTY_TYPES = frozenset({"", "point_of_interest", "establishment", "premise", "store", "political"})


def read(record: Mapping[str, Any], shape: str = "", region: str = "") -> tuple[Record, list[Problem]]:
    """Return what a record of Google says, and what was wrong with it.

    `shape` is one of `json_shapes`, found out if empty; `region` is the country of phones in national form where the
    record names none. Raises `ValueError` for a record of no such shape.
    """
    names = _SHAPES.get(shape or shape_of(record))
    if names is None:
        raise ValueError(f"This is no record of Google: {shape or sorted(record)[:10]}.")
    taking = Taking(_opened(record))
    taking.drop(*names.dropped)
    return _read(taking, names, region), taking.problems


def _read(taking: Taking, names: _Names, region: str) -> Record:
    key = bare_key(taking.text("external_key", *names.key, limit=200))
    # What is left of the names of the key says nothing else.
    taking.drop(*(name for name in names.key if name != names.name))
    address = taking.text("", *names.address, limit=1000)
    components = taking.value("addressComponents", "address_components")
    headquarters = place_of(taking, components, address, taking.degrees(*names.position))
    country = headquarters.country if headquarters else ""
    website, maps_url = taking.address("website", names.website), taking.address("maps_url", *names.maps_url)
    if website and is_maps_link(website):
        website, maps_url = "", maps_url or website
    status = _status(taking, names)
    record = Record(
        key=key,
        name=taking.name(names.name, limit=200),
        website=website,
        maps_url=maps_url,
        emails=taking.emails("email"),
        phones=taking.phones(country or region, *names.phones),
        headquarters=headquarters,
        rating=taking.rating("rating"),
        review_count=taking.whole("review_count", names.reviews),
        status=status,
        is_verified=False if status in (cells.CLOSED, cells.CLOSED_FOR_A_TIME) else None,
    )
    category = taking.text("categories", *names.category, limit=120) if names.category else ""
    record.services = [offering(category)] if category else []
    extra = {
        "types": _types(taking.value("types")),
        "hours": hours_of(taking.value(names.hours)),
        # As it stands, where its parts are not told apart.
        "address": "" if headquarters and headquarters.street else address,
    }
    rest, _ = without_secrets(taking.rest() if names.keeps_rest else {})
    kept = rest if isinstance(rest, dict) else {}
    record.extra = {name: value for name, value in {**kept, **extra}.items() if not is_nothing(value)}
    return record


def _opened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with some objects opened: `{"location": {"latitude": 1}}` → `{"location.latitude": 1}`."""
    flat = dict(record)
    for name in _OPENED:
        inner = flat.pop(name, None)
        if isinstance(inner, Mapping):
            flat.update({f"{name}.{key}": value for key, value in inner.items()})
    return flat


def bare_key(key: str) -> str:
    """Return the id of a place without what some write before it."""
    for prefix in _KEY_PREFIXES:
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key


def _status(taking: Taking, names: _Names) -> str:
    column, value = names.status, taking.value(names.status)
    # The older sign of the same thing.
    if taking.value("permanently_closed") is True:
        return cells.CLOSED
    text = one_line(value)
    if not text:
        return ""
    status = _STATUS.get(text.upper(), cells.to_status(text))
    if status is None:
        taking.report(column, "unknown_status", text, "status")
    return status or ""


def _types(value: object) -> list[str]:
    texts = [one_line(item) for item in value] if isinstance(value, list) else []
    return [text for text in texts if text not in _EMPTY_TYPES]
