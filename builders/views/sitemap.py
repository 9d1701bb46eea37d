"""What search engines ask for: which pages there are, and which not to read."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from builders.addresses import place_address
from builders.models import Builder
from builders.queries.catalogue import catalogue
from builders.views.markup import absolute

# A site map may have 50,000 addresses; this many are read in a moment.
_PART = 5_000
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"
_an_hour = cache_control(public=True, max_age=3600)


@_an_hour
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    lines = (
        "User-agent: *",
        # Lists by words and filters are without number.
        f"Disallow: {reverse('builders:search')}",
        "Disallow: /api/",
        "Disallow: /accounts/",
        f"Sitemap: {absolute(reverse('builders:sitemap'))}",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")


@_an_hour
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    parts = range(-(-catalogue().size // _PART))
    addresses = [
        reverse("builders:sitemap_places"),
        *(reverse("builders:sitemap_builders", args=[number]) for number in parts),
    ]
    items = "".join(f"<sitemap><loc>{escape(absolute(path))}</loc></sitemap>" for path in addresses)
    return _xml(f'<sitemapindex xmlns="{_SCHEMA}">{items}</sitemapindex>')


@_an_hour
@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Answer with the pages of all countries and cities where somebody is."""
    known = catalogue()
    towns = ((country, city) for country, cities in known.cities.items() for city in cities)
    addresses = [
        reverse("builders:landing"),
        *(place_address(country) for country in known.countries),
        *(place_address(*town) for town in towns),
    ]
    return _urls((path, "") for path in addresses)


@_an_hour
@require_safe
def builders(request: HttpRequest, number: int) -> HttpResponse:
    """Answer with one part of the builders' pages, by their ids."""
    first = number * _PART
    if first >= max(catalogue().size, 1):
        raise Http404
    found = Builder.objects.listed().order_by("pk").values_list("slug", "updated_at")[first : first + _PART]
    return _urls((reverse("builders:builder", args=[slug]), at.date().isoformat()) for slug, at in found)


def _urls(pages: Iterable[tuple[str, str]]) -> HttpResponse:
    items = (
        f"<url><loc>{escape(absolute(path))}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</url>"
        for path, day in pages
    )
    return _xml(f'<urlset xmlns="{_SCHEMA}">{"".join(items)}</urlset>')


def _xml(body: str) -> HttpResponse:
    return HttpResponse(_XML + body, content_type="application/xml")
