"""Builders and settings of an older system, as its JSON stores and its database dumps hold them.

Builders come nested (`headquarters`, `contactInfo`), flat in snake_case and flat in camelCase; one reader knows all
three. What it does not know is kept in `extra`, except secrets, which are never imported.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from builders.importing import cells, google
from builders.importing.evidence import is_maps_link
from builders.importing.legacy_lists import certificates_of, offerings_of, projects_of, service_places_of
from builders.importing.postal import Parts, split_address
from builders.importing.redaction import without_secrets
from builders.importing.taking import Taking, as_decimal, is_nothing, listed, one_line, parsed
from builders.places import country_code
from builders.record import Person, Place, Problem, Record

Rows = Iterable[tuple[int, Mapping[str, Any]]]

_OPENED: Final = ("headquarters", "contactInfo", "gmbData")
# Lists and objects that a dump of a database holds as JSON text.
_PACKED: Final = (
    *_OPENED,
    "serviceLocations",
    "services",
    "specializations",
    "certifications",
    "portfolio",
    "languages",
)
_SNAKE = re.compile(r"_+([a-z0-9])")
_PLANS: Final = ("free", "basic", "professional", "enterprise")
_MARKER: Final = "SERVICE_LOCATIONS:"
# How records that came from Google say so, in one of their keys.
_GOOGLE = re.compile(r"gmb|google", re.IGNORECASE)
_LONGEST_DESCRIPTION = 10_000
_LONGEST_SPECIALISATION = 80
# Before the year 33658 a number of this size counts milliseconds.
_MILLISECONDS = 1e11


def read(record: Mapping[str, Any], region: str = "") -> tuple[Record, list[Problem]]:
    """Return what a builder's record says, and what was wrong with it.

    `region` is the country of phones in national form where the record names none.
    """
    taking = Taking(_flat(record))
    place = _headquarters(taking)
    name = taking.name("companyName", "businessName", "name", limit=200)
    description, service_places = _description(taking, place)
    result = Record(
        key=taking.text("key", "id", "builderId", limit=200),
        name=name,
        description=description,
        headquarters=place,
        service_places=service_places,
        emails=taking.emails("contactInfo.primaryEmail", "primaryEmail", "email", "contactInfo.email"),
        phones=taking.phones(
            (place.country if place else "") or region,
            "contactInfo.phone",
            "phone",
            "primaryPhone",
            "contactInfo.phones",
        ),
        website=taking.address("website", "contactInfo.website", "website"),
        maps_url=taking.address("maps_url", "gmbData.mapsUrl", "gmbData.url", "googleMapsUri"),
        people=_people(taking),
        services=offerings_of(taking, "services"),
        specialisations=_specialisations(taking),
        certifications=certificates_of(taking, "certifications"),
        portfolio=projects_of(taking, "portfolio"),
        languages=_languages(taking),
        founded=_founded(taking),
        projects_completed=taking.whole("projects_completed", "projectsCompleted"),
        rating=taking.rating("rating"),
        review_count=taking.whole("review_count", "reviewCount"),
        plan=_plan(taking),
    )
    result.team_min, result.team_max = _team(taking)
    if result.website and is_maps_link(result.website):
        result.website, result.maps_url = "", result.maps_url or result.website
    _settle(taking, result)
    return result, taking.problems


def superseded(rows: Rows) -> dict[int, int]:
    """Return the number of each row whose id comes again with a newer `updatedAt`, and the number of that newer row.

    Of rows that are as old as each other the last one counts: the stores were appended to.
    """
    newest: dict[str, tuple[float, int]] = {}
    every: list[tuple[int, str]] = []
    for number, record in rows:
        key = one_line(record.get("id"))
        if not key:
            continue
        changed = _moment(record.get("updatedAt", record.get("updated_at")))
        every.append((number, key))
        if key not in newest or changed >= newest[key][0]:
            newest[key] = (changed, number)
    return {number: newest[key][1] for number, key in every if newest[key][1] != number}


def read_settings(record: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the settings of a store, and a remark for each secret that was left out: secrets are never imported."""
    kept, left_out = without_secrets(dict(record))
    message = "Secrets are not imported. Set it anew."
    problems = [Problem(column=path, code="secret_left_out", message=message) for path in left_out]
    return kept if isinstance(kept, dict) else {}, problems


def _flat(record: Mapping[str, Any]) -> dict[str, object]:
    """Return the record in camelCase, with its lists unpacked and some objects opened (`headquarters.city`)."""
    flat: dict[str, object] = {}
    for key, value in record.items():
        camel = _SNAKE.sub(lambda match: match[1].upper(), key) if not key.startswith("_") else key
        # Both spellings of one key: the second keeps its own.
        name = camel if camel not in flat else key
        inner = parsed(value) if name in _PACKED else value
        if name in _OPENED and isinstance(inner, Mapping):
            flat.update({f"{name}.{part}": item for part, item in inner.items()})
        else:
            flat[name] = inner
    return flat


def _headquarters(taking: Taking) -> Place | None:
    code = taking.text("country", "headquarters.countryCode", "headquartersCountryCode", "countryCode", limit=120)
    name = taking.text("country", "headquarters.country", "headquartersCountry", "country", limit=120)
    country = country_code(name) or country_code(code)
    if (name or code) and not country:
        taking.report("country", "unknown_country", name or code, "country")
    elif country_code(code) not in ("", country):
        taking.report("countryCode", "country_conflict", code, "country")
    position = taking.degrees("headquarters.latitude", "headquarters.longitude")
    if position[0] is None:
        position = taking.degrees("headquartersLatitude", "headquartersLongitude")
    if position[0] is None:
        position = taking.degrees("latitude", "longitude")
    city = taking.text("locality", "headquarters.city", "headquartersCity", "city", limit=120)
    region = taking.text("region", "headquarters.region", "headquarters.state", "state", limit=120)
    postcode = taking.text("postcode", "headquarters.postalCode", "postalCode", "postcode", limit=20)
    street = taking.text("address_full", "headquarters.address", "headquartersAddress", "address", limit=300)
    # Most have street and number there, some the whole address.
    parts = split_address(street, country=country, city=city) if city else Parts()
    if parts.is_split:
        street, postcode, region = parts.street, postcode or parts.postcode[:20], region or parts.region
    place = Place(
        country=country,
        region=region,
        city=city,
        street=street,
        postcode=postcode,
        latitude=position[0],
        longitude=position[1],
    )
    return None if place == Place() else place


def _description(taking: Taking, headquarters: Place | None) -> tuple[str, list[Place]]:
    """Return the description without the list of places that was hidden in it, and all places that are served."""
    country = headquarters.country if headquarters else ""
    places = service_places_of(taking, "serviceLocations", taking.value("serviceLocations"), country)
    text = taking.prose("description", "companyDescription", "description", limit=100_000)
    before, marker, rest = text.partition(_MARKER)
    if marker:
        hidden, after = _leading_json(rest)
        if hidden is None:
            taking.report("companyDescription", "bad_json", rest, "service_cities")
        places += service_places_of(taking, "companyDescription", hidden, country)
        text = cells.clean_text(f"{before.rstrip()}\n{after.lstrip()}")
    if len(text) > _LONGEST_DESCRIPTION:
        taking.report("companyDescription", "too_long", text, "description")
        text = ""
    return text, list(dict.fromkeys(places))


def _leading_json(text: str) -> tuple[object, str]:
    """Return the JSON that a text begins with, None if it is broken, and the text behind it."""
    bare = text.lstrip()
    if bare[:1] not in ("[", "{"):
        return None, text
    depth, is_string, is_escaped = 0, False, False
    for position, character in enumerate(bare):
        if is_string:
            is_escaped, is_string = character == "\\" and not is_escaped, character != '"' or is_escaped
        elif character == '"':
            is_string = True
        else:
            depth += (character in "[{") - (character in "]}")
        if depth <= 0 and not is_string:
            value = parsed(bare[: position + 1])
            return (None if isinstance(value, str) else value), bare[position + 1 :]
    # Cut off: where the list ends and the text goes on cannot be told.
    return None, ""


def _people(taking: Taking) -> list[Person]:
    name = taking.text("people", "contactInfo.contactPerson", "contactPerson", limit=120)
    role = taking.text("people", "contactInfo.position", "position", "contactPosition", limit=120)
    return [Person(name=name, role=role)] if name else []


def _names(value: object) -> list[str]:
    """Return the names in a list of `{name, slug}`, of texts, or in a text with commas."""
    found = [one_line(item.get("name") if isinstance(item, Mapping) else item) for item in listed(value)]
    return list(dict.fromkeys(name for name in found if name))


def _specialisations(taking: Taking) -> list[str]:
    names = _names(taking.value("specializations", "specialisations"))
    for name in names:
        if len(name) > _LONGEST_SPECIALISATION:
            taking.report("specializations", "too_long", name, "specialisations")
    return [name for name in names if len(name) <= _LONGEST_SPECIALISATION]


def _languages(taking: Taking) -> list[str]:
    found: list[str] = []
    for name in _names(taking.value("languages")):
        code = cells.to_language(name)
        if code is None:
            taking.report("languages", "unknown_language", name, "languages")
        elif code not in found:
            found.append(code)
    return found


def _founded(taking: Taking) -> int | None:
    text = one_line(taking.value("establishedYear", "foundedYear", "yearEstablished"))
    year = cells.to_founded(text) if text not in ("", "0") else None
    if year is None and text not in ("", "0"):
        taking.report("establishedYear", "bad_year", text, "founded")
    return year


def _team(taking: Taking) -> tuple[int | None, int | None]:
    text = one_line(taking.value("teamSize"))
    if text in ("", "0"):
        return None, None
    found = cells.to_range(text)
    if found is None:
        taking.report("teamSize", "bad_number", text, "team_size")
    return found or (None, None)


def _plan(taking: Taking) -> str:
    plan = taking.text("plan", "planType", "plan", limit=40).lower()
    if plan and plan not in _PLANS:
        taking.report("planType", "unknown_plan", plan, "plan")
        return ""
    return plan


def _settle(taking: Taking, record: Record) -> None:
    """Fill in what depends on where the record came from, and keep what nobody asked for."""
    place_id = taking.text("key", "gmbData.placeId", "gmbPlaceId", "gmbId", "placeId", limit=200)
    source = one_line(taking.value("source"))
    imported = taking.value("gmbImported")
    is_googles = bool(place_id or imported is True or _GOOGLE.match(record.key) or _GOOGLE.search(source))
    status = cells.to_status(taking.text("status", "businessStatus", "gmbData.businessStatus", limit=40)) or ""
    if place_id:
        record.other_keys = {google.SOURCE: google.bare_key(place_id)}
    record.status = status
    verified = taking.value("verified", "isVerified")
    if status in (cells.CLOSED, cells.CLOSED_FOR_A_TIME):
        record.is_verified = False
    elif not is_googles and not is_nothing(verified):
        # Of what came from Google the word only meant that the place was operational.
        record.is_verified = cells.to_yes_no(str(verified))
    taking.drop("gmbData.photos", "gmbData.reviews", "photos")
    kept, _ = without_secrets(taking.rest())
    facts = {"place_id": place_id, "source": source, "gmbImported": imported}
    record.extra = {**(kept if isinstance(kept, dict) else {}), **{k: v for k, v in facts.items() if not is_nothing(v)}}


def _moment(value: object) -> float:
    """Return a time as seconds; what is no time is older than everything."""
    number = as_decimal(value)
    if number is not None:
        return float(number) / 1000 if abs(number) > _MILLISECONDS else float(number)
    try:
        moment = dt.datetime.fromisoformat(str(value).strip())
    except ValueError:
        return float("-inf")
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
