"""The rows that the directory searches, made anew for builders that were written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import attrgetter

import msgspec
from django.db import transaction
from django.utils import timezone

from builders.deriving import Derived, derive
from builders.models import ListedWords, Listing
from builders.services.stored import Stored, load
from builders.services.tables import Row, delete_rows, fetch, insert_rows, ready, update_rows
from builders.tags import tags_of
from builders.traits import traits_of
from builders.words import indexed_words

_LISTING = ("builder_id", "rev", "listed_at", "position", "traits", "tags")
_WORDS = ("builder_id", "words")
_encode = msgspec.json.encode
# What the rows are made of.
_switches = attrgetter("is_active", "merged_into", "is_featured")
_FIELDS = frozenset(
    "name description services specialisations headquarters service_places languages rating is_verified stand".split()
)
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
_ORPHANS = """
SELECT l.builder_id FROM builders_listing l LEFT JOIN builders_builder b ON b.id = l.builder_id
WHERE b.id IS NULL ORDER BY l.builder_id LIMIT %s
"""


class Listings:
    """The rows of builders as they are listed. To make them asks no database."""

    def __init__(self, builders: Sequence[Stored], derived: Sequence[Derived]) -> None:
        now, self._ids = timezone.now(), [builder.id for builder in builders]
        # Those that are not listed any more only lose their rows.
        listed = [
            (builder, follows)
            for builder, follows in zip(builders, derived, strict=True)
            if builder.is_active and builder.merged_into is None
        ]
        self._rows = ready([_listing_row(builder, follows, now) for builder, follows in listed])
        self._words = ready(
            [(builder.id, indexed_words(follows.search_text, follows.name_folded)) for builder, follows in listed]
        )

    def write(self, *, are_new: bool = False) -> None:
        """Write them inside the caller's transaction, which holds the builders' locks.

        `are_new`: there are no rows yet, so none are looked for.
        """
        if not are_new:
            unlist(self._ids)
        insert_rows(Listing, _LISTING, self._rows)
        insert_rows(ListedWords, _WORDS, self._words)


class Relistings:
    """The same for pairs of what builders were and what they are; rows that would not change only get the new `rev`.

    `differing` are the fields in which the two are not the same.
    """

    def __init__(
        self, changes: Sequence[tuple[Stored, Stored]], differing: Sequence[set[str]], derived: Sequence[Derived]
    ) -> None:
        now = timezone.now()
        anew = [
            not _FIELDS.isdisjoint(fields) or _switches(before) != _switches(after)
            for (before, after), fields in zip(changes, differing, strict=True)
        ]
        alike = [after for (_, after), is_anew in zip(changes, anew, strict=True) if not is_anew]
        self._alike = ready([(after.id, after.rev, now) for after in alike])
        self._anew = Listings([after for _, after in compress(changes, anew)], list(compress(derived, anew)))

    def write(self) -> None:
        update_rows(Listing, ("builder_id", "rev", "listed_at"), self._alike)
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
    Listings(builders, [derive(builder.record) for builder in builders]).write()
    return len(ids)


def _listing_row(builder: Stored, derived: Derived, now: dt.datetime) -> Row:
    position = -(int(derived.weighted_rating * 1000) + FEATURED * builder.is_featured)
    record = builder.record
    return builder.id, builder.rev, now, position, traits_of(record), _encode(tags_of(record)).decode()
