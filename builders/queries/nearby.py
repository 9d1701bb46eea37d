"""Where an empty list may lead: one filter less, or a word that is spelt a little differently."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from builders.models import ListedWords
from builders.queries.bits import numbers_in
from builders.queries.catalogue import catalogue
from builders.queries.directory import Filters, Selection
from builders.queries.words import builders_with
from builders.words import Term

# Of a word this much is taken for right, and of those who have such a word this many are looked at.
_RIGHT_LETTERS, _LOOKED_AT = 3, 400
_SHORTEST = 4
_MOST_CORRECTED = 3
# How alike two spellings are that may be one word: one wrong letter in five.
_ALIKE = 0.75
_DROPPED: dict[str, dict[str, Any]] = {
    "q": {"q": ""},
    "place": {"country": "", "city": ""},
    "service": {"service": ""},
    "specialisation": {"specialisation": ""},
    "language": {"language": ""},
    "size": {"size": ""},
    "verified": {"verified": False},
    "min_rating": {"min_rating": Filters().min_rating},
}


class WayOn(NamedTuple):
    """Other filters, and how many builders there are with them."""

    filters: Filters
    number: int


def with_one_filter_less(filters: Filters, selection: Selection) -> list[tuple[str, WayOn]]:
    """Return which filter has to go to find somebody, the most promising first. No statement."""
    found = []
    for name, dropped in _DROPPED.items():
        fewer = dataclasses.replace(filters, page=1, **dropped)
        number = selection.number_without(name) if fewer != filters else 0
        if number:
            found.append((name, WayOn(fewer, number)))
    return sorted(found, key=lambda pair: -pair[1].number)


def with_near_spelling(filters: Filters) -> WayOn | None:
    """Return the search with words that builders do have. Three statements for each of three words at most, and two."""
    corrected = {term: word for term in filters.terms[:_MOST_CORRECTED] if (word := _near(term))}
    if not corrected:
        return None
    words = [corrected.get(term, term.spellings[0]) for term in filters.terms]
    near = dataclasses.replace(filters, q=" ".join(words), page=1)
    number = Selection(near).number_without("")
    return WayOn(near, number) if number else None


def _near(term: Term) -> str | None:
    """Return the most similar word that begins alike, or None: there is none, or the word itself is there."""
    word = term.spellings[0]
    if len(word) < _SHORTEST:
        return None
    known = catalogue()
    hits = known.of_ids(builders_with([Term((word[:_RIGHT_LETTERS],), is_prefix=True)]).everybody)
    ids = [known.ids[place] for place in islice(numbers_in(hits), _LOOKED_AT)]
    vocabulary = set(_words_of(ids, word[:_RIGHT_LETTERS]))
    if any(other.startswith(spelling) for spelling in term.spellings for other in vocabulary):
        return None
    found = process.extractOne(
        word, sorted(vocabulary), scorer=DamerauLevenshtein.normalized_similarity, score_cutoff=_ALIKE
    )
    return found[0] if found else None


def _words_of(ids: Iterable[int], beginning: str) -> Iterator[str]:
    for text in ListedWords.objects.filter(pk__in=list(ids)).values_list("words", flat=True):
        yield from (word for word in text.split() if word.startswith(beginning))
