"""How large the directory is: measured, never estimated."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple

from django.core.cache import cache
from django.db.models import Avg, Count, Q
from django.utils import timezone

from builders.models import Builder, SourceKey
from builders.queries.catalogue import SMALL, Catalogue, catalogue
from builders.traits import VERIFIED

# What is counted of a large directory is kept this long: the count reads every builder.
KEPT_SECONDS = 60
_MOST_CITIES = 100
_KEY: Final = "directory:figures"


class City(NamedTuple):
    country: str
    city: str
    label: str
    number: int


class Figures(NamedTuple):
    """`average_rating` is that of the rated ones, None where nobody is rated. `cities` are the largest ones."""

    total: int
    verified: int
    claimed: int
    imported: int
    rated: int
    average_rating: Decimal | None
    countries: dict[str, int]
    cities: list[City]
    city_count: int
    plans: dict[str, int]
    measured_at: dt.datetime


def stats() -> Figures:
    """Return the figures of the whole directory. Four statements; one where they were counted a moment ago."""
    known = catalogue()
    kept: Figures | None = cache.get(_KEY) if known.size > SMALL else None
    if kept is not None:
        return kept
    made = _measured(known)
    if known.size > SMALL:
        cache.set(_KEY, made, KEPT_SECONDS)
    return made


def _measured(known: Catalogue) -> Figures:
    listed = Builder.objects.listed()
    sums: dict[str, Any] = listed.aggregate(
        claimed=Count("pk", filter=Q(claim_state=Builder.ClaimState.CLAIMED)),
        rated=Count("rating"),
        average=Avg("rating"),
    )
    plans = listed.order_by("plan").values_list("plan").annotate(number=Count("pk"))
    imported = SourceKey.objects.filter(builder__is_active=True, builder__merged_into=None)
    cities = _cities(known)
    return Figures(
        total=known.size,
        verified=known.traits[VERIFIED].bit_count(),
        claimed=sums["claimed"],
        imported=imported.aggregate(number=Count("builder", distinct=True))["number"],
        rated=sums["rated"],
        average_rating=_rounded(sums["average"]),
        countries=dict(sorted(known.count(known.countries, known.everybody).items(), key=lambda item: -item[1])),
        cities=cities[:_MOST_CITIES],
        city_count=len(cities),
        plans=dict(plans),
        measured_at=timezone.now(),
    )


def _rounded(average: Any) -> Decimal | None:
    return None if average is None else Decimal(average).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _cities(known: Catalogue) -> list[City]:
    found = [
        City(country, city, known.labels[country, city], number)
        for country, cities in known.cities.items()
        for city, number in known.count(cities, known.everybody).items()
    ]
    return sorted(found, key=lambda city: (-city.number, city.country, city.city))
