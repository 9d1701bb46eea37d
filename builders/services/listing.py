"""The rows that the directory searches, made anew for builders that were written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec
from django.db import transaction
from django.utils import timezone

from builders.deriving import search_text, weighted_rating
from builders.folding import fold
from builders.models import ListedWords, Listing
from builders.record import Record
from builders.services.stored import Stored, load
from builders.services.tables import Row, delete_rows, fetch, insert_rows, update_rows
from builders.tags import tags_of
from builders.traits import traits_of
from builders.words import indexed_words

_LISTING = ("builder_id", "rev", "listed_at", "position", "traits", "tags")
_WORDS = ("builder_id", "words")
_encode = msgspec.json.encode
# What the rows are made of.
_SWITCHES = ("is_active", "merged_into", "is_featured")
_ATTRIBUTES = """
    name description services specialisations headquarters service_places languages rating review_count is_verified
    stand_min_m2 stand_max_m2
""".split()
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


def list_builders(builders: Sequence[Stored], *, are_new: bool = False) -> None:
    """Make the rows of these builders anew, inside the caller's transaction, which holds their locks.

    Those that are not listed any more lose theirs. `are_new`: there are no rows yet, so none are looked for.
    """
    if not are_new:
        unlist(builder.id for builder in builders)
    listed = [builder for builder in builders if builder.is_active and builder.merged_into is None]
    now = timezone.now()
    insert_rows(Listing, _LISTING, [_listing_row(builder, now) for builder in listed])
    insert_rows(ListedWords, _WORDS, list(map(_words_row, listed)))


def list_changed(changes: Sequence[tuple[Stored, Stored]]) -> None:
    """The same for pairs of what builders were and what they are; rows that would not change only get the new `rev`."""
    alike = [after for before, after in changes if not _is_listed_anew(before, after)]
    now = timezone.now()
    update_rows(Listing, ("builder_id", "rev", "listed_at"), [(builder.id, builder.rev, now) for builder in alike])
    list_builders([after for before, after in changes if _is_listed_anew(before, after)])


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
    list_builders(list(load(ids, lock=True).values()))
    return len(ids)


def _is_listed_anew(before: Stored, after: Stored) -> bool:
    if any(getattr(before, name) != getattr(after, name) for name in _SWITCHES):
        return True
    return any(getattr(before.record, name) != getattr(after.record, name) for name in _ATTRIBUTES)


def _listing_row(builder: Stored, now: dt.datetime) -> Row:
    record = builder.record
    position = _position(record, is_featured=builder.is_featured)
    return builder.id, builder.rev, now, position, traits_of(record), _encode(tags_of(record)).decode()


def _words_row(builder: Stored) -> Row:
    return builder.id, indexed_words(search_text(builder.record), fold(builder.record.name))


def _position(record: Record, *, is_featured: bool) -> int:
    thousandths = int(weighted_rating(record.rating, record.review_count or 0) * 1000)
    return -(thousandths + FEATURED * is_featured)
