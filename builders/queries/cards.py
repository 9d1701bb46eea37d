"""Builders as lists show them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery

from builders.models import Builder, Location, PortfolioImage
from builders.traits import SERVICES


class Card(NamedTuple):
    """A builder in a list. `services` are categories, `picture` is the name of a stored file."""

    uid: str
    name: str
    slug: str
    description: str
    rating: Decimal | None
    review_count: int
    is_verified: bool
    is_featured: bool
    city: str
    country: str
    picture: str
    status: str
    services: list[str]


_COLUMNS = ("uid", "name", "slug", "description", "rating", "review_count", "is_verified", "is_featured", "status")
# As much of a description as a card has room for.
_SHOWN_CHARACTERS = 240


def cards(found: Sequence[tuple[int, int]]) -> list[Card]:
    """Return the cards of builders given as id and traits, in that order. One statement.

    A builder that was taken out of the directory at this very moment is left out.
    """
    if not found:
        return []
    rows = {pk: rest for pk, *rest in _rows([pk for pk, _ in found])}
    return [_card(rows[pk], traits) for pk, traits in found if pk in rows]


def _rows(ids: Sequence[int]) -> QuerySet[Builder, tuple[object, ...]]:
    headquarters = Location.objects.filter(builder=OuterRef("pk")).order_by("-is_headquarters", "id")
    pictures = PortfolioImage.objects.filter(project__builder=OuterRef("pk")).order_by(
        "-project__year", "project", "position"
    )
    return (
        Builder.objects.listed()
        .filter(pk__in=ids)
        .values_list(
            "pk",
            *_COLUMNS,
            Subquery(headquarters.values("city")[:1]),
            Subquery(headquarters.values("country")[:1]),
            Subquery(pictures.values("file")[:1]),
        )
    )


def _card(columns: Sequence[object], traits: int) -> Card:
    uid, name, slug, description, rating, votes, is_verified, is_featured, status, city, country, picture = columns
    return Card(
        uid=str(uid),
        name=str(name),
        slug=str(slug),
        description=str(description)[:_SHOWN_CHARACTERS],
        rating=rating if isinstance(rating, Decimal) else None,
        review_count=int(str(votes)),
        is_verified=bool(is_verified),
        is_featured=bool(is_featured),
        city=str(city or ""),
        country=str(country or ""),
        picture=str(picture or ""),
        status=str(status),
        services=[category for category, bit in SERVICES.items() if traits & bit],
    )
