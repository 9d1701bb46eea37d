"""The directory as it is searched: filters in, a page of builders and the counts beside it out."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any, Final, NamedTuple

from builders.models import Specialisation
from builders.queries.bits import numbers_in
from builders.queries.cards import Card, cards
from builders.queries.catalogue import Catalogue, catalogue
from builders.queries.words import builders_with
from builders.traits import LANGUAGE_BITS, RATINGS, SERVICES, SIZE_BITS, VERIFIED
from builders.words import Term, terms
from realtime.errors import ClientError

PAGE = 20
# Nobody reads further.
MOST_PAGES = 50
SORTS: Final = ("best", "rating")
# Up to this number in the order of lists a builder is featured; see `services.listing`.
_FEATURED = -10_000
_MOST_SPECIALISATIONS = 12


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody looks for. `city` is as `builders.places.city_key` has it, and stands beside a country."""

    q: str = ""
    country: str = ""
    city: str = ""
    service: str = ""
    specialisation: str = ""
    language: str = ""
    size: str = ""
    verified: bool = False
    min_rating: Decimal = Decimal(0)
    sort: str = "best"
    page: int = 1
    terms: tuple[Term, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(terms(self.q)))

    @property
    def bits(self) -> dict[str, int]:
        """The bit of `traits` that each filter asks for, by its name; none for those that are not set."""
        found = {
            "service": SERVICES.get(self.service, 0),
            "language": LANGUAGE_BITS.get(self.language, 0),
            "size": SIZE_BITS.get(self.size, 0),
            "verified": VERIFIED if self.verified else 0,
            "min_rating": RATINGS.get(self.min_rating, 0),
        }
        return {name: bit for name, bit in found.items() if bit}


class Page(NamedTuple):
    """`next` is the position behind the last of the items, where there are more."""

    items: list[Card]
    next: str | None
    total: int


class Count(NamedTuple):
    """One value of a filter, and how many builders there would be with it."""

    value: str
    number: int
    label: str = ""


class Facets(NamedTuple):
    """How many there are, and how many there would be with each value of each filter, all others as they are.

    Values that nobody has are left out; cities are those of the country that is chosen.
    """

    total: int
    countries: list[Count]
    cities: list[Count]
    services: list[Count]
    languages: list[Count]
    sizes: list[Count]
    ratings: list[Count]
    verified: int
    specialisations: list[Count]


def search(filters: Filters, *, limit: int = PAGE, after: str | None = None) -> Page:
    """Return the builders of one page, or those behind the position `after`. Three statements; two without words.

    Raises `ClientError` `invalid` for a position that is none of this order.
    """
    return Selection(filters).page(limit=limit, after=after)


def facets(filters: Filters) -> Facets:
    """Return the counts beside a list. Three statements; two without words."""
    return Selection(filters).facets()


class Selection:
    """The builders that fit, for the list and the counts of one page: together they take four statements."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._catalogue: Catalogue = catalogue()
        self._by_name = 0
        # The set that each filter leaves. Counts of a filter need those of all others.
        self._parts = dict(self._read_parts())

    def _read_parts(self) -> Iterator[tuple[str, int]]:
        filters, known = self._filters, self._catalogue
        if filters.terms:
            found, self._by_name = known.found(filters.terms, lambda: builders_with(filters.terms))
            yield "q", found
        if filters.city:
            yield "place", known.bits(known.cities.get(filters.country, {}).get(filters.city))
        elif filters.country:
            yield "place", known.bits(known.countries.get(filters.country))
        if filters.specialisation:
            yield "specialisation", known.bits(known.specialisations.get(filters.specialisation))
        for name, bit in filters.bits.items():
            yield name, known.traits[bit]

    @cached_property
    def members(self) -> int:
        return self._without("")

    @property
    def city_label(self) -> str:
        """The city of the filters as its builders write it."""
        place = self._filters.country, self._filters.city
        return self._catalogue.labels.get(place, self._filters.city.title())

    def number_without(self, name: str) -> int:
        """Return how many would fit without one filter, given by the name of its part; `""`: how many do."""
        return self._without(name).bit_count()

    def _without(self, name: str) -> int:
        """Return those that fit all filters but one."""
        members = self._catalogue.everybody
        for other, part in self._parts.items():
            members &= members if other == name else part
        return members

    # --- the list -------------------------------------------------------------------------------------------------

    def page(self, *, limit: int = PAGE, after: str | None = None) -> Page:
        offset = (min(max(self._filters.page, 1), MOST_PAGES) - 1) * limit if after is None else 0
        found = list(islice(self._in_order(after), offset, offset + limit + 1))
        shown = found[:limit]
        known = self._catalogue
        items = cards([(known.ids[place], known.values[place]) for _, place in shown])
        return Page(items, self._position(*shown[-1]) if len(found) > limit else None, self.members.bit_count())

    def _in_order(self, after: str | None) -> Iterator[tuple[int, int]]:
        """Yield the builders in the order of the list, each with the number of its group: a group comes after another.

        With words, who has them in the name comes first: they are the name of a firm more often than its trade. By
        rating, those that are featured are no group of their own.
        """
        group, start = (0, 0) if after is None else self._start(after)
        if self._filters.sort == "rating":
            return self._by_rating(group, start)
        by_name = self.members & self._by_name
        groups = [(0, by_name), (1, self.members ^ by_name)][min(max(group, 0), 1) :]
        return (
            (number, place) for number, members in groups for place in numbers_in(members, start * (number == group))
        )

    def _by_rating(self, rating: int, start: int) -> Iterator[tuple[int, int]]:
        positions = self._catalogue.positions
        first_plain = self._catalogue.place_behind(_FEATURED, 2**62)
        plain = ((positions[place], place) for place in numbers_in(self.members, first_plain))
        featured = (
            (positions[place] - _FEATURED, place) for place in numbers_in(self.members & ((1 << first_plain) - 1))
        )
        in_order = heapq.merge(featured, plain)
        return in_order if not start else (pair for pair in in_order if pair > (rating, start - 1))

    def _position(self, group: int, place: int) -> str:
        known = self._catalogue
        return f"{group}.{known.positions[place]}.{known.ids[place]}"

    def _start(self, after: str) -> tuple[int, int]:
        """Return the group and the place where a list goes on, also when the builder itself is gone by now."""
        parts = after.split(".")
        try:
            group, position, pk = (int(part) for part in parts if len(part) <= 18)
        except ValueError:
            raise ClientError("invalid", "The list has no such position.", field="cursor") from None
        return group, self._catalogue.place_behind(position, pk)

    # --- the counts -----------------------------------------------------------------------------------------------

    def facets(self) -> Facets:
        known, filters = self._catalogue, self._filters
        elsewhere = self._without("place")
        return Facets(
            total=self.members.bit_count(),
            countries=_most_first(known.count(known.countries, elsewhere)),
            cities=self._cities(elsewhere) if filters.country else [],
            services=_most_first(self._count("service", SERVICES)),
            languages=_most_first(self._count("language", LANGUAGE_BITS)),
            sizes=_in_order(self._count("size", SIZE_BITS)),
            ratings=_in_order(self._count("min_rating", RATINGS)),
            verified=self._count("verified", {"": VERIFIED}).get("", 0),
            specialisations=self._specialisations(),
        )

    def _count(self, name: str, bits: Mapping[Any, int]) -> dict[str, int]:
        among = self._without(name)
        sets = {str(value): self._catalogue.traits[bit] for value, bit in bits.items()}
        return self._catalogue.count(sets, among)

    def _cities(self, among: int) -> list[Count]:
        known, country = self._catalogue, self._filters.country
        counts = _most_first(known.count(known.cities.get(country, {}), among))
        return [count._replace(label=known.labels[country, count.value]) for count in counts]

    def _specialisations(self) -> list[Count]:
        counts = _most_first(self._catalogue.count(self._catalogue.specialisations, self._without("specialisation")))
        counts = counts[:_MOST_SPECIALISATIONS]
        slugs = [count.value for count in counts]
        names = dict(Specialisation.objects.filter(slug__in=slugs).values_list("slug", "name")) if slugs else {}
        return [count._replace(label=names.get(count.value, count.value)) for count in counts]


def _in_order(counts: Mapping[str, int]) -> list[Count]:
    return [Count(value, count) for value, count in counts.items()]


def _most_first(counts: Mapping[str, int]) -> list[Count]:
    return sorted(_in_order(counts), key=lambda found: (-found.number, found.value))
