"""What follows from the rest of a builder: folded columns, the domain, the text to search, the weighted rating."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from django_countries import countries

from builders.contact import registrable_domain
from builders.folding import fold
from builders.places import city_key
from builders.record import Place, Record

# A rating weighs as if this many had voted the mean before: five stars of two friends do not lead the directory.
PRIOR_VOTES = 10
PRIOR_MEAN = Decimal("3.5")
_NO_RATING = Decimal(0)
# Of a description, what can be searched: enough for what it is about, and no novel in the index.
_SEARCHED_CHARACTERS = 2000


class Derived(NamedTuple):
    name_folded: str
    domain: str
    search_text: str
    weighted_rating: Decimal


def derive(record: Record) -> Derived:
    """Return the columns that follow from a record."""
    return Derived(
        name_folded=fold(record.name)[:400],
        domain=registrable_domain(record.website) if record.website else "",
        search_text=search_text(record),
        weighted_rating=weighted_rating(record.rating, record.review_count or 0),
    )


def weighted_rating(rating: Decimal | None, votes: int) -> Decimal:
    """Return the rating drawn towards the mean where few have voted; 0 for what nobody has rated."""
    if rating is None:
        return _NO_RATING
    weighted = (rating * votes + PRIOR_MEAN * PRIOR_VOTES) / (votes + PRIOR_VOTES)
    return weighted.quantize(Decimal("0.001"))


def search_text(record: Record) -> str:
    """Return all words under which a builder is found, folded."""
    places = [place for place in (record.headquarters, *record.service_places) if place is not None]
    parts = [
        record.name,
        *record.specialisations,
        *(service.name for service in record.services),
        *dict.fromkeys(word for place in places for word in _words_of(place)),
        record.description[:_SEARCHED_CHARACTERS],
    ]
    return fold("\n".join(parts))


def _words_of(place: Place) -> Iterable[str]:
    return filter(None, (place.city, city_key(place.city), place.district, place.region, _country_name(place.country)))


@lru_cache(maxsize=512)
def _country_name(code: str) -> str:
    return str(countries.name(code)) if code else ""
