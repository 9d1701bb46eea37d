"""Addresses of pages in the directory: one for each list, whatever the way to it was."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django_countries import countries

from builders.folding import slug_of
from builders.places import city_key, country_code
from builders.queries.directory import Filters

# In the order in which they stand in an address.
_NAMES = (
    *("q", "country", "city", "service", "specialisation", "language", "size", "verified", "min_rating", "sort"),
    "page",
)
_PLACE = {"country", "city", "page"}
_UNSET = Filters()


def country_name(code: str) -> str:
    return str(countries.name(code)) if code else ""


def country_slug(code: str) -> str:
    return slug_of(country_name(code)) or code.lower()


def country_of(slug: str) -> str:
    """Return the code of a country in an address, in any of the ways that imports understand, or ""."""
    return country_code(slug.replace("-", " "))


def city_slug(city: str) -> str:
    """Return the city, as `city_key` has it, in an address: its letters are folded, so hyphens stand for spaces."""
    return city.replace(" ", "-")


def city_of(slug: str) -> str:
    return city_key(slug.replace("-", " "))


def address(filters: Filters, **changes: Any) -> str:
    """Return the address of the list with these filters, some of them changed."""
    filters = dataclasses.replace(filters, **changes)
    if not filters.country:
        filters = dataclasses.replace(filters, city="")
    said = {name: getattr(filters, name) for name in _NAMES if getattr(filters, name) != getattr(_UNSET, name)}
    if filters.country and set(said) <= _PLACE:
        page = {"page": filters.page} if filters.page > 1 else {}
        return _with(place_address(filters.country, filters.city), page)
    return _with(reverse("builders:search"), {name: 1 if value is True else value for name, value in said.items()})


def place_address(country: str, city: str = "") -> str:
    if city:
        return reverse("builders:city", args=[country_slug(country), city_slug(city)])
    return reverse("builders:country", args=[country_slug(country)])


def _with(path: str, query: dict[str, Any]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
