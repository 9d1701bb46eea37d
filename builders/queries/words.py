"""Which builders have the words that somebody looks for: the one thing that each database is asked in its own way."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from builders.words import Term

# The expression must be that of the index in the migration `0002_search`. All ids come as one value: as rows they would
# be longer on their way than everything else takes.
_POSTGRES = """SELECT string_agg(int8send(builder_id), '') FROM builders_listedwords
    WHERE array_to_tsvector(string_to_array(words, ' ')) @@ %s::tsquery"""
_SQLITE = "SELECT group_concat(rowid) FROM builders_words_index WHERE builders_words_index MATCH %s"


class Hits(NamedTuple):
    """Ids of builders: all that have the words, and those among them that have all of the words in their names."""

    everybody: Sequence[int]
    by_name: Sequence[int]


def builders_with(terms: Sequence[Term]) -> Hits:
    """Return the builders that have all of the terms, of which there is at least one. One statement."""
    in_name = [term.in_name() for term in terms]
    if connection.vendor == "postgresql":
        return Hits(*(_unpacked(value) for value in _ask(_POSTGRES, _tsquery(terms), _tsquery(in_name))))
    return Hits(*(_listed(value) for value in _ask(_SQLITE, _fts_query(terms), _fts_query(in_name))))


def _ask(statement: str, *queries: str) -> list[Any]:
    both = f"SELECT ({statement}), ({statement})"
    with connection.cursor() as cursor:
        cursor.execute(both, queries)
        return list(cursor.fetchone())


def _unpacked(packed: Any) -> Sequence[int]:
    ids = array("q", bytes(packed or b""))
    # PostgreSQL sends the most significant byte first.
    ids.byteswap()
    return ids


def _listed(text: str | None) -> Sequence[int]:
    return list(map(int, text.split(","))) if text else []


# Folded words are letters and digits alone: quoting them is all that either language of queries asks for.


def _tsquery(terms: Sequence[Term]) -> str:
    spelt = [[f"'{word}'" + ":*" * term.is_prefix for word in term.spellings] for term in terms]
    return " & ".join(f"({' | '.join(spellings)})" for spellings in spelt)


def _fts_query(terms: Sequence[Term]) -> str:
    spelt = [[f'"{word}"' + " *" * term.is_prefix for word in term.spellings] for term in terms]
    return " AND ".join(f"({' OR '.join(spellings)})" for spellings in spelt)
