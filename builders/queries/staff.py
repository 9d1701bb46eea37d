"""What staff look for: builders by any of their names, and how many there are without counting a large table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet

from builders.contact import email, registrable_domain
from builders.folding import fold
from builders.models import Builder, ContactPoint, Location, SourceKey
from builders.phones import phone

# Pages beyond are reached by a filter or a search; to count a hundred thousand rows for each page helps nobody.
COUNTED_AT_MOST = 10_000
_FEWEST_DIGITS = 6


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # only its stub is generic
    """Counts no further than `COUNTED_AT_MOST` rows."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[: COUNTED_AT_MOST + 1].count()
        return len(rows)

    @property
    def is_capped(self) -> bool:
        return self.count > COUNTED_AT_MOST


def staff_list() -> QuerySet[Builder]:
    """Return the builders with their headquarters; what was merged into another is seen there."""
    places = Location.objects.filter(is_headquarters=True)
    return Builder.objects.filter(merged_into=None).prefetch_related(Prefetch("locations", places))


def matching(builders: QuerySet[Builder], text: str) -> QuerySet[Builder]:
    """Return those that `text` names: by uid, address, domain, e-mail, telephone or source key, else by its words.

    A word is found where one begins, in any spelling: *dusseldorf* finds Düsseldorf, *oman* does not find Romania.
    """
    text = text.strip()
    if not text:
        return builders
    named = _named_by(text)
    if named is not None:
        return builders.filter(pk__in=named)
    words = fold(text[:200]).split()
    if not words:
        return builders.none()
    for word in words:
        builders = builders.filter(Q(search_text__startswith=word) | Q(search_text__contains=f" {word}"))
    return builders


def _named_by(text: str) -> set[int] | None:
    """Return the builders that have this as a name of their own, and None where it is the name of none."""
    address = email(text) if "@" in text else None
    if address:
        return _ids(ContactPoint.objects.filter(value=address, kind=ContactPoint.Kind.EMAIL), "builder_id")
    if sum(map(str.isdigit, text)) >= _FEWEST_DIGITS and not any(map(str.isalpha, text)):
        return _by_number(text)
    found = _ids(Builder.objects.filter(Q(uid=text) | Q(slug=text)), "pk")
    found |= _ids(SourceKey.objects.filter(key=text), "builder_id")
    domain = registrable_domain(text) if "." in text else ""
    if domain:
        found |= _ids(Builder.objects.filter(domain=domain), "pk")
    return found or None


def _by_number(text: str) -> set[int]:
    """Return whose telephone it is. In national form the country is not known: the digits behind the zeros count."""
    numbers = ContactPoint.objects.filter(kind__in=[ContactPoint.Kind.PHONE, ContactPoint.Kind.FAX])
    whole = phone(text)
    if whole is not None:
        return _ids(numbers.filter(value=whole), "builder_id")
    digits = "".join(filter(str.isdigit, text)).lstrip("0")
    return _ids(numbers.filter(value__endswith=digits), "builder_id")


def _ids(rows: QuerySet[Any], column: str) -> set[int]:
    # A telephone of a fair may stand in thousands of records: more than a page of them is no answer.
    return set(rows.values_list(column, flat=True)[:1000])


def place_of(builder: Builder) -> str:
    """Return where the headquarters is, from `locations` as they were prefetched."""
    return next((str(place) for place in _headquarters(builder.locations.all())), "")


def _headquarters(places: Iterable[Location]) -> Iterable[Location]:
    return (place for place in places if place.is_headquarters)
