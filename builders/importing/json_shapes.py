"""Which known format a JSON record has. One of none is a row of a table, and its columns are mapped like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Fields = Mapping[str, Any]

# Those of builders are read by `google` and `legacy`; the others are named so that they can be refused.
PLACES_NEW: Final = "places_new"
PLACES_CLASSIC: Final = "places_classic"
LISTING: Final = "eb_listing"
BUILDER: Final = "eb_builder"
BUILDER_FLAT: Final = "eb_builder_flat"
LEAD: Final = "eb_lead"
SETTINGS: Final = "eb_settings"
USER: Final = "eb_user"
ACTIVITY: Final = "eb_activity"
SESSION: Final = "eb_session"

_FLAT_KEYS: Final = frozenset(
    """
    headquarters_city headquarters_country headquarters_country_code primary_email claim_status claimed gmb_place_id
    gmb_imported premium_member plan_type country_code projects_completed response_time company_description
    headquartersCity headquartersCountry headquartersCountryCode claimStatus gmbPlaceId gmbImported premiumMember
    planType projectsCompleted responseTime companyDescription
    """.split()
)
_LEAD_KEYS: Final = frozenset(
    """
    contactEmail contactName tradeShowName standSize budget timeline leadScore contact_email trade_show_name stand_size
    """.split()
)
_SETTINGS_KEYS: Final = frozenset(
    """
    siteName siteUrl settings smtp email payment features maintenanceMode adminEmail site_name general security
    """.split()
)


def shape_of(record: Fields, origin: str = "") -> str:
    """Return the format of a record, or "". `origin` is the key that it stood under: `places`, `results`, `data` …"""
    return next((shape for shape, is_it in _SHAPES.items() if is_it(record, origin)), "")


def _is_place_new(record: Fields, origin: str) -> bool:
    named = isinstance(record.get("displayName"), Mapping) and "text" in record["displayName"]
    answered = origin == "places" and "formattedAddress" in record
    return named or answered or str(record.get("name", "")).startswith("places/")


def _is_place_classic(record: Fields, origin: str) -> bool:
    if "place_id" not in record:
        return False
    others = {"geometry", "formatted_address", "user_ratings_total"}
    return origin in ("results", "result") or bool(others & record.keys())


def _is_listing(record: Fields, origin: str) -> bool:
    return "businessName" in record and ("gmbId" in record or str(record.get("id", "")).startswith("gmb_"))


def _is_builder(record: Fields, origin: str) -> bool:
    nested = (record.get("headquarters"), record.get("contactInfo"))
    return "companyName" in record and any(isinstance(value, Mapping) for value in nested)


def _is_lead(record: Fields, origin: str) -> bool:
    return len(_LEAD_KEYS & record.keys()) >= 3


def _is_builder_flat(record: Fields, origin: str) -> bool:
    return ("company_name" in record or "companyName" in record) and bool(_FLAT_KEYS & record.keys())


def _is_user(record: Fields, origin: str) -> bool:
    return "email" in record and bool({"role", "password", "authData", "hashedPassword"} & record.keys())


def _is_activity(record: Fields, origin: str) -> bool:
    return "resource" in record and "action" in record


def _is_session(record: Fields, origin: str) -> bool:
    return bool({"userId", "user_id"} & record.keys()) and bool({"expiresAt", "expires_at", "token"} & record.keys())


def _is_settings(record: Fields, origin: str) -> bool:
    return origin in ("", "data") and len(_SETTINGS_KEYS & record.keys()) >= 2


# The more particular first.
_SHAPES: Final[dict[str, Callable[[Fields, str], bool]]] = {
    PLACES_NEW: _is_place_new,
    PLACES_CLASSIC: _is_place_classic,
    LISTING: _is_listing,
    BUILDER: _is_builder,
    LEAD: _is_lead,
    BUILDER_FLAT: _is_builder_flat,
    USER: _is_user,
    ACTIVITY: _is_activity,
    SESSION: _is_session,
    SETTINGS: _is_settings,
}
