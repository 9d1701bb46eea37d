"""The public pages of the directory: the way in, lists by place and by words, and a page for each builder."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from builders.addresses import address, city_of, country_name, country_of, place_address
from builders.asking import asked
from builders.queries.directory import MOST_PAGES, Filters, search
from builders.queries.figures import stats
from builders.queries.profiles import Gone, Moved, builder_page
from builders.views.markup import breadcrumbs
from builders.views.profile import profile
from builders.views.results import Results, results, service_name
from realtime.errors import ClientError

# A page holds the name of whoever is logged in, and a nonce that is good for one answer: no cache between keeps it, and
# it is asked for again each time. Going back in the browser shows it at once all the same.
_PRIVATE = "private, no-cache"
_MOST_COUNTRIES, _FEW, _FEATURED = 24, 6, 6


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    figures = stats()
    countries = [
        {"name": country_name(code), "href": place_address(code), "number": number}
        for code, number in figures.countries.items()
    ]
    cities = [
        {"name": city.label, "href": place_address(city.country, city.city), "number": city.number}
        for city in figures.cities[:12]
    ]
    # To fold away a few takes more room than they do.
    seen = _MOST_COUNTRIES if len(countries) > _MOST_COUNTRIES + _FEW else len(countries)
    context = {
        "figures": figures,
        "countries": countries[:seen],
        "more_countries": countries[seen:],
        "cities": cities,
        "services": [{"name": service_name(key), "href": address(Filters(service=key))} for key in _SERVICES_SHOWN],
        "featured": search(Filters(), limit=_FEATURED).items,
        "crumbs": breadcrumbs([]),
    }
    return _page(request, "builders/landing.html", context)


_SERVICES_SHOWN = ("design", "construction", "modular", "rental", "graphics", "installation", "logistics", "technology")


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    parameters = {name: str(text).replace("\x00", "") for name, text in request.GET.items()}
    try:
        filters = asked(parameters)
    except ClientError as error:
        if error.field not in parameters:
            raise Http404 from error
        # Somebody has typed into the address: what is wrong is left out, and everything else stays.
        rest = request.GET.copy()
        del rest[error.field]
        return redirect(f"{request.path}?{rest.urlencode()}" if rest else request.path)
    if not filters.terms and filters.q:
        filters = dataclasses.replace(filters, q="")
    if address(filters) != request.get_full_path() and address(filters).partition("?")[0] != request.path:
        return redirect(address(filters))
    return _results_page(request, results(filters))


@require_safe
def country_page(request: HttpRequest, country: str) -> HttpResponse:
    return _place_page(request, country)


@require_safe
def city_page(request: HttpRequest, country: str, city: str) -> HttpResponse:
    return _place_page(request, country, city)


def _place_page(request: HttpRequest, country: str, city: str = "") -> HttpResponse:
    code = country_of(country)
    if not code:
        return _missing(request)
    filters = Filters(country=code, city=city_of(city) if city else "", page=_page_number(request))
    if city and not filters.city:
        return _missing(request)
    if address(filters).partition("?")[0] != _quoted_path(request):
        # Another name of the place: each has one address.
        return HttpResponsePermanentRedirect(address(filters))
    found = results(filters)
    return _results_page(request, found, status=200 if found.page.total else 404)


def _quoted_path(request: HttpRequest) -> str:
    return request.get_full_path().partition("?")[0]


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PAGES):
        raise Http404
    return int(text)


@require_safe
def builder(request: HttpRequest, slug: str) -> HttpResponse:
    found = builder_page(slug)
    if isinstance(found, Moved):
        return HttpResponsePermanentRedirect(reverse("builders:builder", args=[found.slug]))
    if isinstance(found, Gone):
        way = place_address(found.country) if found.country else ""
        return _page(
            request,
            "builders/gone.html",
            {"gone": found, "country": country_name(found.country), "way": way},
            status=410,
        )
    if found is None:
        return _missing(request)
    return _page(request, "builders/builder.html", profile(found))


def _missing(request: HttpRequest) -> HttpResponse:
    return _page(request, "builders/missing.html", {}, status=404)


def _results_page(request: HttpRequest, found: Results, *, status: int = 200) -> HttpResponse:
    filters = found.filters
    if filters.page > 1 and not found.page.items:
        raise Http404
    crumbs = [(country_name(filters.country), place_address(filters.country))] if filters.country else []
    if filters.city:
        crumbs.append((found.city, place_address(filters.country, filters.city)))
    context = {
        "found": found,
        "crumbs": breadcrumbs(crumbs),
        # Lists by words and filters are without number: those of places are what is worth keeping.
        "is_indexed": "?" not in found.canonical or found.canonical.partition("?")[2].startswith("page="),
    }
    return _page(request, "builders/results.html", context, status=status)


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    response["Cache-Control"] = _PRIVATE
    return response
