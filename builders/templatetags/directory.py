"""How builders look on a page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import template
from django.core.files.storage import default_storage
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from builders import addresses
from builders.addresses import address
from builders.models import Location, PortfolioImage, Service
from builders.pictures import WIDTHS
from builders.places import city_key
from builders.queries.cards import Card
from builders.queries.directory import Filters
from builders.views import results
from builders.views.markup import Crumb, absolute
from builders.wording import language_name

register = template.Library()

register.filter("country_name", addresses.country_name)
register.filter("service_name", results.service_name)
register.filter("language_name", language_name)
register.filter("absolute", absolute)

# What would end a script element, or be no JSON any more once it stands in one.
_ESCAPED = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@register.filter
def place_href(place: Location) -> str:
    """Return the address of the list of a place's city, or of its country where it has no city."""
    return addresses.place_address(place.country.code, place.city_folded) if place.country else ""


@register.filter
def specialisation_href(slug: str) -> str:
    return address(Filters(specialisation=slug))


@register.filter
def service_href(category: str) -> str:
    return address(Filters(service=category))


@register.filter
def named_services(categories: list[str]) -> list[str]:
    """Return the categories that say something about a builder."""
    return [category for category in categories if category != Service.Category.OTHER]


@register.filter
def is_elsewhere(card: Card, filters: Filters) -> bool:
    """Tell whether a builder sits elsewhere than where it was looked for, and works there."""
    if filters.city:
        return (card.country, city_key(card.city)) != (filters.country, filters.city)
    return bool(filters.country) and card.country != filters.country


@register.filter
def picture(name: str, width: int) -> str:
    """Return where a picture lies in a width; `name` is that of the widest."""
    return default_storage.url(name.replace(f"-{WIDTHS[-1]}.", f"-{width}."))


@register.filter
def srcset(image: PortfolioImage) -> str:
    """Return the widths in which a picture lies there, for a browser to choose from."""
    name = str(image.file.name)
    narrower = [f"{picture(name, width)} {width}w" for width in WIDTHS[:-1] if width < image.width]
    return ", ".join([*narrower, f"{picture(name, WIDTHS[-1])} {image.width}w"])


@register.simple_tag
def json_ld(data: Any) -> SafeString:
    """Return data as a block of JSON-LD: no script that runs, so it needs no nonce, and nothing in it can end it."""
    text = json.dumps(data, ensure_ascii=False, default=str).translate(_ESCAPED)
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(text))  # noqa: S308


@register.simple_tag
def crumbs_ld(crumbs: Iterable[Crumb]) -> SafeString:
    """Return the way to the page for search engines."""
    items = [
        {
            "@type": "ListItem",
            "position": number,
            "name": crumb.name,
            **({"item": absolute(crumb.href)} if crumb.href else {}),
        }
        for number, crumb in enumerate(crumbs, start=1)
    ]
    return json_ld({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items})
