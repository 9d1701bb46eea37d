"""All listings in memory: sets of builders by country, city, specialisation and trait.

The database finds words; who is where and can do what is looked up here, in a table of sets made of one read of
`Listing`. Every process has its own. A small directory is compared with the database at each search, so that whoever
writes a builder finds it at once. A large one is compared every few seconds, and made anew beside the searches: then
lists and counts are that much behind, and cards still show what is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection, connections

from builders.queries.bits import Few, columns, from_numbers
from builders.tags import Tags
from builders.traits import ALL_BITS

logger = logging.getLogger(__name__)

# Up to here making the table anew takes 50 ms at most, and is done before the search that found it old.
SMALL = 2_000
# How often that of a large directory is compared with the database: a comparison takes 10 ms at 100,000.
CHECK_SECONDS = 5.0
# What that many have is kept, for so many searches: 25 kB each at 100,000 builders.
_MANY, _MOST_KEPT = 2_000, 200
# A set of at least this part of all is kept as bits.
_PART = 128
_STAMP = "SELECT COUNT(*), SUM(rev), MAX(listed_at) FROM builders_listing"
_ROWS = "SELECT builder_id, position, traits, tags FROM builders_listing ORDER BY position, builder_id"
_tags = msgspec.json.Decoder(Tags)

Stamp = tuple[Any, ...]
Members = int | Few


class Catalogue:
    """Builders by their place in the order of lists: 0 comes first. Sets are of these places."""

    def __init__(self, stamp: Stamp, rows: Sequence[tuple[int, int, int, str]]) -> None:
        self.stamp = stamp
        self.size = len(rows)
        self.ids = array("q", (row[0] for row in rows))
        self.positions = array("i", (row[1] for row in rows))
        self.places = {pk: place for place, pk in enumerate(self.ids)}
        self.everybody = (1 << self.size) - 1
        self.traits: Mapping[int, int] = columns(array("Q", (row[2] for row in rows)), ALL_BITS)
        self.values = array("q", (row[2] for row in rows))
        self.labels: dict[tuple[str, str], str] = {}
        # What words have found that many builders have: the same words are asked for again and again.
        self._found: dict[object, tuple[int, int]] = {}
        self._read_tags(row[3] for row in rows)

    def _read_tags(self, texts: Iterable[str]) -> None:
        countries: dict[str, array[int]] = defaultdict(lambda: array("I"))
        cities: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        specialisations: dict[str, array[int]] = defaultdict(lambda: array("I"))
        for place, text in enumerate(texts):
            tags = _tags.decode(text)
            for country in tags.countries:
                countries[country].append(place)
            for town in tags.towns:
                key = town.country, town.city
                cities[key].append(place)
                # Of the spellings the one with marks wins, in which the people of the city write it.
                self.labels[key] = max(town.label, self.labels.get(key, ""))
            for slug in tags.specialisations:
                specialisations[slug].append(place)
        self.countries = {key: self._kept(found) for key, found in countries.items()}
        self.specialisations = {key: self._kept(found) for key, found in specialisations.items()}
        self.cities: dict[str, dict[str, Members]] = defaultdict(dict)
        for (country, city), found in cities.items():
            self.cities[country][city] = self._kept(found)

    def _kept(self, found: array[int]) -> Members:
        return Few(found) if len(found) * _PART < self.size else from_numbers(found, self.size)

    def bits(self, members: Members | None) -> int:
        """Return a set as bits; None is the empty one."""
        return from_numbers(members.numbers, self.size) if isinstance(members, Few) else members or 0

    def of_ids(self, ids: Iterable[int]) -> int:
        """Return the set of the builders with these ids, as far as they are known here."""
        places = self.places
        return from_numbers((places[pk] for pk in ids if pk in places), self.size)

    def count(self, sets: Mapping[str, Members], among: int) -> dict[str, int]:
        """Return how many of each set are among these, without the sets that have none."""
        packed = among.to_bytes(self.size // 8 + 1, "little")
        counts = {
            key: members.count(packed) if isinstance(members, Few) else (members & among).bit_count()
            for key, members in sets.items()
        }
        return {key: count for key, count in counts.items() if count}

    def found(self, words: object, ask: Callable[[], tuple[Sequence[int], Sequence[int]]]) -> tuple[int, int]:
        """Return two sets of builders that `ask` gives by their ids, or that it gave for these words before.

        Many are kept as long as this catalogue is the present one; few are asked for each time, and a small directory
        is always asked, so that nobody is missing who was written just now.
        """
        kept = self._found.get(words)
        if kept is not None:
            return kept
        everybody, some = ask()
        made = self.of_ids(everybody), self.of_ids(some)
        if self.size > SMALL and len(everybody) >= _MANY:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[words] = made
        return made

    def place_behind(self, position: int, pk: int) -> int:
        """Return the first place whose builder comes behind this position and id."""
        return bisect_right(_Pairs(self), (position, pk))


class _Pairs(Sequence[tuple[int, int]]):
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __len__(self) -> int:
        return self._catalogue.size

    def __getitem__(self, place: Any) -> Any:
        return self._catalogue.positions[place], self._catalogue.ids[place]


class _Holder:
    """The catalogue of this process. `lock` is held by whoever makes it, `checked_at` is of the monotonic clock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.current: Catalogue | None = None
        self.checked_at = 0.0


_holder = _Holder()


def catalogue() -> Catalogue:
    """Return the catalogue, compared with the database as described above. One statement, two where it is made anew."""
    current = _holder.current
    if current is not None and current.size > SMALL:
        _renew_beside()
        return current
    # Asked without the lock: a database that hangs must not make a queue of those who only read.
    stamp = _read_stamp()
    if current is not None and current.stamp == stamp:
        return current
    with _holder.lock:
        return _renewed(stamp)


def _renewed(stamp: Stamp) -> Catalogue:
    """Return a catalogue that is no older than `stamp`, by whoever holds the lock."""
    current = _holder.current
    if current is None or current.stamp != stamp:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS)
            # The stamp was read before the rows: what came between is found by the next comparison.
            current = Catalogue(stamp, cursor.fetchall())
        _holder.current = current
    _holder.checked_at = time.monotonic()
    return current


def _read_stamp() -> Stamp:
    with connection.cursor() as cursor:
        cursor.execute(_STAMP)
        stamp: Stamp = cursor.fetchone()
        return stamp


def _renew_beside() -> None:
    """Compare a large catalogue in a thread of its own, unless that was done just now or is being done."""
    if time.monotonic() - _holder.checked_at < CHECK_SECONDS or not _holder.lock.acquire(blocking=False):
        return
    _holder.checked_at = time.monotonic()
    threading.Thread(target=_renew_and_close, name="directory", daemon=True).start()


def _renew_and_close() -> None:
    try:
        _renewed(_read_stamp())
    except Exception:  # the catalogue there is goes on serving, and the next search tries again
        logger.warning("the directory could not be read anew", exc_info=True)
    finally:
        _holder.lock.release()
        connections.close_all()
