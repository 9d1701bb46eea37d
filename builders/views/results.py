"""What a page of results shows beside its cards: what was chosen, what may be chosen, and where one can go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from builders.addresses import address, country_name
from builders.models import Service
from builders.queries.directory import MOST_PAGES, PAGE, SORTS, Count, Facets, Filters, Page, Selection
from builders.queries.nearby import WayOn, with_near_spelling, with_one_filter_less
from builders.traits import SIZES
from builders.wording import language_name

# So many options of a group are seen at once; the others are behind "more".
_SEEN = 6
_SORT_NAMES = {"best": "Best match", "rating": "Rating"}
_UNSET = Filters()


class Option(NamedTuple):
    """A value that can be chosen, or that is and can be given up again."""

    label: str
    number: int
    href: str
    is_on: bool = False


class Group(NamedTuple):
    title: str
    seen: list[Option]
    more: list[Option]


class Results(NamedTuple):
    """All about a list. `chosen` are the filters with a way out of each, `kept` those that a new search keeps."""

    filters: Filters
    city: str
    page: Page
    heading: str
    groups: list[Group]
    chosen: list[Option]
    sorts: list[Option]
    previous: str
    next: str
    canonical: str
    kept: list[tuple[str, str]]
    near: tuple[str, str, int] | None
    fewer: list[Option]


def results(filters: Filters) -> Results:
    """Return a page of results. Four statements, and some more where nobody fits and a spelling is looked for."""
    selection = Selection(filters)
    page, facets = selection.page(), selection.facets()
    here = min(filters.page, MOST_PAGES)
    is_empty, city = not page.total, selection.city_label
    return Results(
        filters=filters,
        city=city,
        page=page,
        heading=heading(filters, city),
        groups=_groups(filters, facets),
        chosen=_chosen(filters, facets, city),
        sorts=[
            Option(_SORT_NAMES[sort], 0, address(filters, sort=sort, page=1), sort == filters.sort) for sort in SORTS
        ],
        previous=address(filters, page=here - 1) if here > 1 else "",
        next=address(filters, page=here + 1) if here * PAGE < page.total and here < MOST_PAGES else "",
        canonical=address(filters),
        kept=[(name, value) for name in ("country", "city") if (value := getattr(filters, name))],
        near=_near(filters) if is_empty and filters.terms else None,
        fewer=_ways_on(filters, selection) if is_empty else [],
    )


def heading(filters: Filters, city: str) -> str:
    place = country_name(filters.country)
    if filters.city:
        place = f"{city}, {place}"
    return f"Stand builders in {place}" if place else "Stand builders"


# --- what may be chosen -------------------------------------------------------------------------------------------


def _groups(filters: Filters, facets: Facets) -> list[Group]:
    groups = [
        _group(filters, "Country", "country", facets.countries, lambda found: country_name(found.value), city=""),
        _group(filters, "City", "city", facets.cities, lambda found: found.label),
        _group(filters, "Service", "service", facets.services, lambda found: service_name(found.value)),
        _group(filters, "Specialisation", "specialisation", facets.specialisations, lambda found: found.label),
        _group(filters, "Stand size", "size", facets.sizes, lambda found: size_name(found.value)),
        _group(filters, "Rating", "min_rating", _halves(facets), lambda found: f"{found.value} and more"),
        _group(filters, "Language", "language", facets.languages, lambda found: language_name(found.value)),
    ]
    verified = Option(
        "Verified", facets.verified, address(filters, verified=not filters.verified, page=1), filters.verified
    )
    if facets.verified:
        groups.insert(2, Group("Checked", [verified], []))
    return [group for group in groups if group.seen]


def _group(
    filters: Filters, title: str, name: str, counts: Iterable[Count], label: Callable[[Count], str], **reset: Any
) -> Group:
    present = str(getattr(filters, name))
    options = [
        Option(
            label(count),
            count.number,
            address(filters, **{**reset, name: type(getattr(_UNSET, name))(count.value), "page": 1})
            if count.value != present
            else address(filters, **{**reset, name: getattr(_UNSET, name), "page": 1}),
            count.value == present,
        )
        for count in counts
    ]
    # What is chosen is always seen.
    options.sort(key=lambda option: not option.is_on)
    return Group(title, options[:_SEEN], options[_SEEN:])


def _halves(facets: Facets) -> list[Count]:
    return [count for count in reversed(facets.ratings) if count.value in ("4.5", "4", "3.5", "3")]


def service_name(category: str) -> str:
    return str(Service.Category(category).label).capitalize()


def size_name(size: str) -> str:
    low, high = SIZES[size]
    if high is None:
        return f"more than {low - 1} m²"
    return f"{low}–{high} m²" if low else f"up to {high} m²"


# --- what was chosen, and where an empty list leads ---------------------------------------------------------------


def _chosen(filters: Filters, facets: Facets, city: str) -> list[Option]:
    """Return each filter that is set, with the address of the list without it."""
    labels = {
        "q": f"“{filters.q}”",
        "country": country_name(filters.country),
        "city": city,
        "service": service_name(filters.service) if filters.service else "",
        "specialisation": next(
            (count.label for count in facets.specialisations if count.value == filters.specialisation),
            filters.specialisation,
        ),
        "language": language_name(filters.language),
        "size": size_name(filters.size) if filters.size else "",
        "verified": "Verified",
        "min_rating": f"{filters.min_rating} and more",
    }
    return [
        Option(label, 0, address(filters, **{name: getattr(_UNSET, name), "page": 1}))
        for name, label in labels.items()
        if getattr(filters, name) != getattr(_UNSET, name)
    ]


_WITHOUT = {
    "q": "without the words",
    "place": "anywhere",
    "service": "with any service",
    "specialisation": "with any specialisation",
    "language": "in any language",
    "size": "for any stand size",
    "verified": "verified or not",
    "min_rating": "with any rating",
}


def _ways_on(filters: Filters, selection: Selection) -> list[Option]:
    return [_way_on(name, way) for name, way in with_one_filter_less(filters, selection)]


def _way_on(name: str, way: WayOn) -> Option:
    label = "all stand builders" if way.filters == _UNSET else _WITHOUT[name]
    return Option(label, way.number, address(way.filters))


def _near(filters: Filters) -> tuple[str, str, int] | None:
    """Return another spelling with its address and how many it finds; where it finds nobody here, anywhere."""
    for wider in (filters, dataclasses.replace(_UNSET, q=filters.q)):
        way = with_near_spelling(wider)
        if way is not None:
            return way.filters.q, address(way.filters), way.number
    return None
