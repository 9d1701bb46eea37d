"""Formats that are known by name: which column is which, where they come from, and whose word outweighs theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from builders.importing.fields import IGNORED
from builders.importing.headers import words_of
from builders.models.sources import Rank

BUILDERS: Final = "builders"
LEADS: Final = "leads"
# This part of a format's columns makes a table one of the format.
NEEDED: Final = 0.8


@dataclass(frozen=True, slots=True)
class Preset:
    """`columns` are those that make the format; `optional` ones come and go, `patterns` match any number of them.

    Columns are written as the format writes them and compared by their words. `target` is what the rows are: builders,
    or leads, which are requests and become no builders. What `is_own` was written by `export`, and is read back by
    `exported`.
    """

    id: str
    label: str
    source: str
    rank: Rank
    columns: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()
    target: str = BUILDERS
    is_own: bool = False

    def field_of(self, header: str) -> str | None:
        """Return the field of a column of this format, None for a column that it does not have."""
        words = words_of(header)
        known = _known(self.id)
        if words in known:
            return known[words]
        return next((name for pattern, name in self.patterns if pattern.search(header.strip())), None)


def _ignored(names: str) -> dict[str, str]:
    return {name.strip(): IGNORED for name in " ".join(names.split()).split(",")}


_GOOGLE_WEEK = {f"{day} hours": "hours" for day in "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()}

PRESETS: Final = (
    Preset(
        "eb-a",
        "ExhibitBay builders (companyName, primaryEmail)",
        "exhibitbay",
        Rank.REGISTER,
        {
            "companyName": "name",
            "contactPerson": "contact_name",
            "primaryEmail": "email",
            "phone": "phone",
            "website": "website",
            "city": "locality",
            "country": "country",
            "services": "services",
            "establishedYear": "founded",
            "teamSize": "team_size",
            "specializations": "specialisations",
        },
    ),
    Preset(
        "eb-b",
        "ExhibitBay builders with a list of cities",
        "exhibitbay",
        Rank.REGISTER,
        {
            "Company Name": "name",
            "Email": "email",
            "Phone Number": "phone",
            "Contact Person": "contact_name",
            "Country": "country",
            "Cities": "cities",
            "Services Provided": "services",
            "Business Description": "description",
            "Website": "website",
            "Type": "specialisations",
            "Image URL": "images",
            "Portfolio Images": "images",
        },
    ),
    Preset(
        "eb-c",
        "ExhibitBay builders with addresses",
        "exhibitbay",
        Rank.REGISTER,
        {
            "companyName": "name",
            "contactPerson": "contact_name",
            "email": "email",
            "phone": "phone",
            "website": "website",
            "country": "country",
            "city": "locality",
            "address": "address_full",
            "specializations": "specialisations",
            "teamSize": "team_size",
            "establishedYear": "founded",
            "description": "description",
        },
    ),
    Preset(
        "eb-d",
        "ExhibitBay builders with plans",
        "exhibitbay",
        Rank.REGISTER,
        {
            "Company Name": "name",
            "Email": "email",
            "Phone": "phone",
            "Contact Person": "contact_name",
            "City": "locality",
            "Country": "country",
            "Services": "services",
            "Description": "description",
            "Plan": "plan",
            "Website": "website",
        },
    ),
    Preset(
        "eb-e",
        "ExhibitBay builders, short",
        "exhibitbay",
        Rank.REGISTER,
        {
            "Company Name": "name",
            "Email": "email",
            "Phone": "phone",
            "City": "locality",
            "Country": "country",
            "Description": "description",
        },
    ),
    Preset(
        "eb-export",
        "ExhibitBay export of builders",
        "exhibitbay",
        Rank.REGISTER,
        {
            "Company Name": "name",
            "Contact Person": "contact_name",
            "Email": "email",
            "Phone": "phone",
            "Website": "website",
            "City": "locality",
            "Country": "country",
            "Services": "services",
            "Established": "founded",
            "Team Size": "team_size",
            "Rating": "rating",
            "Projects": "projects_completed",
            "Verified": "verified",
        },
    ),
    Preset(
        "eb-leads",
        "ExhibitBay requests",
        "exhibitbay",
        Rank.REGISTER,
        {
            "Client Name": "contact_name",
            "Email": "email",
            "Phone": "phone",
            "Company": "company",
            "Event Name": "event_name",
            "City": "city",
            "Country": "country",
            "Stand Size": "stand_size",
            "Budget": "budget",
            "Requirements": "message",
            "Priority": "priority",
            "Source": "source",
        },
        target=LEADS,
    ),
    Preset(
        "gbp",
        "Google Business Profile sheet",
        "gbp",
        Rank.OWN_PROFILE,
        {
            "Store code": "external_key",
            "Business name": "name",
            "Address line 1": "address_line_1",
            "Address line 2": "address_line_2",
            "Address line 3": "address_line_3",
            "Address line 4": "address_line_4",
            "Address line 5": "address_line_5",
            "Sub-locality": "sublocality",
            "Locality": "locality",
            "Administrative area": "region",
            "Country / Region": "country",
            "Postal code": "postcode",
            "Latitude": "latitude",
            "Longitude": "longitude",
            "Primary phone": "phone",
            "Additional phones": "phone",
            "Website": "website",
            "Primary category": "categories",
            "Additional categories": "categories",
        },
        {
            "Shop code": "external_key",
            "Postcode": "postcode",
            "Country": "country",
            "State": "region",
            "City": "locality",
            **_GOOGLE_WEEK,
            "Hours": "hours",
            "Special hours": "hours",
            "From the business": "description",
            "Description": "description",
            "Opening date": "founded",
            "AdWords location extensions phone": "phone",
            "Status": "status",
            **_ignored("Logo photo, Cover photo, Other photos, Photos, Profile photo, Preferred photo, Labels"),
            "Google updates": IGNORED,
        },
        (
            (re.compile(r"\(url_(?:facebook|instagram|linkedin|twitter|youtube|pinterest|tiktok)\)$"), "social"),
            (re.compile(r"^[^:]+: .+\([a-z0-9_]+\)$"), IGNORED),
        ),
    ),
    Preset(
        "outscraper",
        "Outscraper places",
        "outscraper",
        Rank.SCRAPER,
        {
            "name": "name",
            "site": "website",
            "type": "categories",
            "subtypes": "categories",
            "category": "categories",
            "phone": "phone",
            "full_address": "address_full",
            "borough": "sublocality",
            "street": "address_line_1",
            "city": "locality",
            "postal_code": "postcode",
            "state": "region",
            "country": "country",
            "latitude": "latitude",
            "longitude": "longitude",
            "rating": "rating",
            "reviews": "reviews",
            "working_hours": "hours",
            "business_status": "status",
            "description": "description",
            "location_link": "maps_url",
            "place_id": "external_key",
            **_ignored("query, time_zone, plus_code, reviews_link, photos_count, photo, street_view, about, owner_id"),
            "google_id": IGNORED,
        },
        {
            "us_state": "region",
            "country_code": "country",
            "owner_title": "contact_name",
            **_ignored(
                """
                reviews_per_score, range, prices, logo, typical_time_spent, verified, owner_link, cid,
                kgmid, reviews_id, popular_times, reservation_links, booking_appointment_link, menu_link,
                order_links, posts, reviews_tags,
                located_in, located_google_id, h3, area_service, company_insights, other_hours, working_hours_old_format
                """
            ),
        },
        (
            (re.compile(r"^email_\d+$"), "email"),
            (re.compile(r"^phone_\d+$"), "phone"),
            (re.compile(r"^(?:email|phone)_\d+_\w+$"), IGNORED),
        ),
    ),
    Preset(
        "gosom",
        "gosom Google Maps scraper",
        "gosom",
        Rank.SCRAPER,
        {
            "link": "maps_url",
            "title": "name",
            "category": "categories",
            "address": "address_full",
            "open_hours": "hours",
            "website": "website",
            "phone": "phone",
            "review_count": "reviews",
            "review_rating": "rating",
            "latitude": "latitude",
            "longitude": "longitude",
            "status": "status",
            "descriptions": "description",
            "place_id": "external_key",
            "complete_address": "address_json",
            "emails": "email",
            **_ignored("cid, popular_times, plus_code, reviews_per_rating, reviews_link, thumbnail, timezone"),
            **_ignored("price_range, data_id, images"),
            **_ignored("reservations, order_online, menu, owner, about, user_reviews"),
        },
        {
            "web_site": "website",
            "longtitude": "longitude",
            "description": "description",
            **_ignored("input_id, street_view_url, credit_cards_accepted, user_reviews_extended"),
        },
    ),
    Preset(
        "apify-places",
        "Apify Google Maps places",
        "apify",
        Rank.SCRAPER,
        {
            "title": "name",
            "totalScore": "rating",
            "reviewsCount": "reviews",
            "street": "address_line_1",
            "city": "locality",
            "state": "region",
            "countryCode": "country",
            "website": "website",
            "phone": "phone",
            "categoryName": "categories",
            "url": "maps_url",
        },
        {
            "placeId": "external_key",
            "address": "address_full",
            "postalCode": "postcode",
            "neighborhood": "sublocality",
            "location/lat": "latitude",
            "location/lng": "longitude",
            "permanentlyClosed": "closed_permanently",
            "temporarilyClosed": "closed_temporarily",
            "phoneUnformatted": "phone",
            "description": "description",
            **_ignored("rank, searchString, searchPageUrl, isAdvertisement, imageUrl, scrapedAt, cid, fid"),
            **_ignored("kgmid, language, price"),
        },
        (
            (re.compile(r"^categories/\d+$"), "categories"),
            (re.compile(r"^(?:openingHours|additionalInfo|imageCategories|peopleAlsoSearch)/"), IGNORED),
        ),
    ),
    Preset(
        "foursquare",
        "Foursquare Open Source Places",
        "foursquare",
        Rank.OPEN_DATA,
        {
            "fsq_place_id": "external_key",
            "name": "name",
            "latitude": "latitude",
            "longitude": "longitude",
            "address": "address_full",
            "locality": "locality",
            "region": "region",
            "postcode": "postcode",
            "country": "country",
            "date_closed": "closed_permanently",
            "tel": "phone",
            "website": "website",
            "email": "email",
            "facebook_id": "facebook",
            "instagram": "instagram",
            "twitter": "twitter",
            "fsq_category_labels": "categories",
            **_ignored("date_created, date_refreshed, fsq_category_ids"),
        },
        {
            "admin_region": "region",
            "post_town": "locality",
            **_ignored("po_box, placemaker_url, unresolved_flags, geom, bbox, dt"),
        },
    ),
    Preset(
        "pavilion",
        "Export of this directory",
        "pavilion",
        Rank.STAFF,
        {
            "Pavilion key": "external_key",
            "Name": "name",
            "Status": "status",
            "Plan": "plan",
            "Verified": "verified",
            "E-mail": "email",
            "Phone": "phone",
            "Fax": "fax",
            "Website": "website",
            "Map link": "maps_url",
            "Social profiles": "social",
            "Contact people": "contact_name",
            "Country": "country",
            "Region": "region",
            "City": "locality",
            "District": "sublocality",
            "Street": "address_line_1",
            "Postcode": "postcode",
            "Latitude": "latitude",
            "Longitude": "longitude",
            "Service areas": "service_cities",
            "Services": "services",
            "Specialisations": "specialisations",
            "Languages": "languages",
            "Founded": "founded",
            "Team from": "team_size",
            "Team to": "team_size",
            "Smallest stand (m²)": "stand_size",
            "Largest stand (m²)": "stand_size",
            "Projects completed": "projects_completed",
            "Rating": "rating",
            "Reviews": "reviews",
            "Description": "description",
            "Certifications": "certifications",
            "Portfolio": "extra",
            "Other facts": "extra",
            "Left out": IGNORED,
        },
        is_own=True,
    ),
)
BY_ID: Final = {preset.id: preset for preset in PRESETS}


@cache
def _known(preset_id: str) -> dict[str, str]:
    preset = BY_ID[preset_id]
    return {words_of(name): name_of_field for name, name_of_field in {**preset.optional, **preset.columns}.items()}


def matching_preset(header: list[str]) -> Preset | None:
    """Return the format that the header is of: the one with the least that is missing or strange, None where none fits.

    At least 80 % of the format's columns are there; of a small format, 80 % of the file's columns are of it, too,
    because a name, an e-mail address and a city alone make no format.
    """
    present = {words_of(name) for name in header if name.strip()}
    best, best_score = None, 0.0
    for preset in PRESETS:
        score = _score(preset, header, present)
        if score > best_score:
            best, best_score = preset, score
    return best


# A format of so many columns is recognised among any number of others.
_UNMISTAKABLE = 15


def _score(preset: Preset, header: list[str], present: set[str]) -> float:
    needed = {words_of(name) for name in preset.columns}
    found = sum(_is_there(name, preset, present) for name in needed)
    known = sum(preset.field_of(name) is not None for name in header if name.strip())
    strange = len(present) - known
    if found < NEEDED * len(needed) or not present:
        return 0
    if len(needed) < _UNMISTAKABLE and known < NEEDED * len(present):
        return 0
    return found / (len(needed) + max(0, strange))


# Columns that one edition of a format calls differently: either will do.
_OTHER_NAMES = {
    "store code": ("shop code",),
    "postal code": ("postcode",),
    "country region": ("country",),
    "administrative area": ("state",),
    "locality": ("city",),
    "website": ("web site",),
    "description": ("descriptions",),
    "descriptions": ("description",),
}


def _is_there(name: str, preset: Preset, present: set[str]) -> bool:
    if name in present:
        return True
    known = _known(preset.id)
    return any(other in present and other in known for other in _OTHER_NAMES.get(name, ()))
