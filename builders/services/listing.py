"""The rows that the directory searches, made anew for builders that were written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec
from django.db import connection, models, transaction
from django.utils import timezone

from builders.deriving import Derived, derive
from builders.models import ListedWords, Listing
from builders.services.stored import Stored, load
from builders.services.tables import Ready, Row, among, delete_rows, fetch, insert_rows, listed
from builders.tags import tags_of
from builders.traits import traits_of
from builders.words import indexed_words

_LISTING = ("builder_id", "rev", "listed_at", "position", "traits", "tags")
_WORDS = ("builder_id", "words")
_encode = msgspec.json.encode
_Known = tuple[Stored, Derived]
# What the rows are made of.
_switches = attrgetter("is_active", "merged_into", "is_featured")
_LISTED_BY = frozenset(
    "services specialisations headquarters service_places languages rating is_verified stand".split()
)
_FOUND_BY = frozenset("name description services specialisations headquarters service_places".split())
# Behind it come those that are not featured, whatever their rating.
FEATURED = 10_000
# How many builders are made up for in one transaction.
_CHUNK = 500
_STALE = """
SELECT b.id FROM builders_builder b LEFT JOIN builders_listing l ON l.builder_id = b.id
WHERE (b.is_active AND b.merged_into_id IS NULL AND (l.rev IS NULL OR l.rev <> b.rev))
OR (l.rev IS NOT NULL AND NOT (b.is_active AND b.merged_into_id IS NULL))
ORDER BY b.id LIMIT %s
"""
_SAME_AGAIN = """
UPDATE builders_listing SET listed_at = %s, rev = (SELECT rev FROM builders_builder WHERE id = builder_id)
WHERE builder_id {ids}
"""
_ORPHANS = """
SELECT l.builder_id FROM builders_listing l LEFT JOIN builders_builder b ON b.id = l.builder_id
WHERE b.id IS NULL ORDER BY l.builder_id LIMIT %s
"""


class _Rows:
    """The rows of some builders in one of the two tables."""

    def __init__(self, table: type[models.Model], columns: Sequence[str]) -> None:
        self._table, self._columns = table, columns
        self._ids: list[int] = []
        self._rows = Ready()

    def add(self, ids: Iterable[int], rows: Sequence[Row]) -> None:
        """Add builders and their rows. Those that are not listed any more have none, and lose the one that they had."""
        self._ids += ids
        self._rows.add(rows)

    def write(self, *, are_new: bool) -> None:
        if not are_new:
            delete_rows(self._table, self._ids)
        insert_rows(self._table, self._columns, self._rows)


class Listings:
    """The rows of builders as they are listed. To make them asks no database."""

    def __init__(self) -> None:
        self._now = timezone.now()
        self._lists, self._words = _Rows(Listing, _LISTING), _Rows(ListedWords, _WORDS)

    def add(self, builders: Sequence[Stored], derived: Sequence[Derived]) -> None:
        pairs = list(zip(builders, derived, strict=True))
        self.add_to_lists(pairs)
        self.add_words(pairs)

    def add_to_lists(self, builders: Sequence[_Known]) -> None:
        rows = [_listing_row(builder, derived, self._now) for builder, derived in builders if _is_listed(builder)]
        self._lists.add([builder.id for builder, _ in builders], rows)

    def add_words(self, builders: Sequence[_Known]) -> None:
        rows = [
            (builder.id, indexed_words(derived.search_text, derived.name_folded))
            for builder, derived in builders
            if _is_listed(builder)
        ]
        self._words.add([builder.id for builder, _ in builders], rows)

    def write(self, *, are_new: bool = False) -> None:
        """Write them inside the caller's transaction, which holds the builders' locks.

        `are_new`: there are no rows yet, so none are looked for.
        """
        self._lists.write(are_new=are_new)
        self._words.write(are_new=are_new)


class Relistings:
    """The same for builders that change. Of rows that would not change none is made anew."""

    def __init__(self) -> None:
        self._anew = Listings()
        self._alike: list[int] = []

    def add(
        self, changes: Sequence[tuple[Stored, Stored]], differing: Sequence[set[str]], derived: Sequence[Derived]
    ) -> None:
        """Add pairs of what builders were and what they are; `differing`: the fields in which the two differ."""
        relisted, reworded = [], []
        for (before, after), fields, follows in zip(changes, differing, derived, strict=True):
            if not _LISTED_BY.isdisjoint(fields) or _switches(before) != _switches(after):
                relisted.append((after, follows))
            else:
                self._alike.append(after.id)
            if not _FOUND_BY.isdisjoint(fields) or _is_listed(before) != _is_listed(after):
                reworded.append((after, follows))
        self._anew.add_to_lists(relisted)
        self._anew.add_words(reworded)

    def write(self) -> None:
        """Write them inside the caller's transaction, after the builders themselves."""
        if self._alike:
            with connection.cursor() as cursor:
                cursor.execute(_SAME_AGAIN.format(ids=among("bigint")), [timezone.now(), listed(self._alike)])
        self._anew.write()


def unlist(ids: Iterable[int]) -> None:
    ids = list(ids)
    delete_rows(Listing, ids)
    delete_rows(ListedWords, ids)


def list_missing() -> str:
    """Make up for rows that are missing or out of date, in chunks. Return one line about it, for the list of jobs.

    There are some after builders were written past the services: by SQL, or by an older version of the program.
    """
    made, removed = 0, 0
    while chunk := _list_chunk():
        made += chunk
    while orphans := [pk for (pk,) in fetch(_ORPHANS, [_CHUNK])]:
        unlist(orphans)
        removed += len(orphans)
    return f"{made} listed anew, {removed} removed"


@transaction.atomic
def _list_chunk() -> int:
    ids = [pk for (pk,) in fetch(_STALE, [_CHUNK])]
    builders = list(load(ids, lock=True).values())
    listings = Listings()
    listings.add(builders, [derive(builder.record) for builder in builders])
    listings.write()
    return len(ids)


def _listing_row(builder: Stored, derived: Derived, now: dt.datetime) -> Row:
    position = -(int(derived.weighted_rating * 1000) + FEATURED * builder.is_featured)
    record = builder.record
    return builder.id, builder.rev, now, position, traits_of(record), _encode(tags_of(record)).decode()


def _is_listed(builder: Stored) -> bool:
    return builder.is_active and builder.merged_into is None
