"""What visitors ask of the directory, from the parameters of a page or of the API."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation

from builders.places import city_key, country_code
from builders.queries.directory import MOST_PAGES, SORTS, Filters
from builders.traits import LANGUAGE_BITS, RATINGS, SERVICES, SIZE_BITS
from builders.words import LONGEST_QUERY
from realtime.errors import ClientError

_CHOICES: Mapping[str, Collection[str]] = {
    "service": list(SERVICES),
    "language": list(LANGUAGE_BITS),
    "size": list(SIZE_BITS),
    "sort": SORTS,
}
_YES = {"1": True, "true": True, "yes": True, "on": True, "": False, "0": False, "false": False, "no": False}
_LONGEST = 240


def asked(parameters: Mapping[str, str]) -> Filters:
    """Return the filters that parameters say. Raises `ClientError` `invalid` with the field that is wrong.

    Countries and cities may be given by any of their names; `city` needs a country.
    """
    said = {name: text.strip() for name, text in parameters.items()}
    for name, text in said.items():
        if len(text) > (LONGEST_QUERY if name == "q" else _LONGEST):
            raise _invalid(name, "This is too long.")
    country = _country(said.get("country", ""))
    city = city_key(said.get("city", "")) if said.get("city") else ""
    if city and not country:
        raise _invalid("city", "A city needs its country.")
    return Filters(
        q=said.get("q", ""),
        country=country,
        city=city,
        service=_chosen("service", said),
        specialisation=said.get("specialisation", ""),
        language=_chosen("language", said),
        size=_chosen("size", said),
        verified=_flag(said.get("verified", "")),
        min_rating=_rating(said.get("min_rating", "")),
        sort=_chosen("sort", said) or SORTS[0],
        page=_page(said.get("page", "")),
    )


def _invalid(field: str, message: str) -> ClientError:
    return ClientError("invalid", message, field=field)


def _country(text: str) -> str:
    code = country_code(text) if text else ""
    if text and not code:
        raise _invalid("country", "There is no such country.")
    return code


def _chosen(name: str, said: Mapping[str, str]) -> str:
    value = said.get(name, "")
    if value and value not in _CHOICES[name]:
        raise _invalid(name, f"It is one of {', '.join(_CHOICES[name])}.")
    return value


def _flag(text: str) -> bool:
    if text.lower() not in _YES:
        raise _invalid("verified", "It is true or false.")
    return _YES[text.lower()]


def _rating(text: str) -> Decimal:
    try:
        value = Decimal(text or 0)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or (value and value not in RATINGS):
        raise _invalid("min_rating", "It is a number from 1 to 5 in steps of a half.")
    return next((rating for rating in RATINGS if rating == value), Decimal(0))


def _page(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PAGES):
        raise _invalid("page", f"Pages go from 1 to {MOST_PAGES}.")
    return int(text or 1)
