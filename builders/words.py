"""Words: what of a builder is searched, and what somebody typed who searches. Both are made of folded text.

Scripts that write no spaces are cut into pairs of neighbouring characters, and a search for more than one character
asks for all pairs in it: "展示" is found in "東京展示装飾".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from django_countries import countries

from builders.folding import fold
from builders.places import city_key, country_code

# What is longer is no word that anybody types, and an index entry has a limit.
LONGEST_WORD = 60
LONGEST_QUERY = 200
MOST_TERMS = 12
# Words of the name stand in the index a second time, behind this character, which no folded text has.
IN_NAME = "\ue000"
# Han with kana and their marks, and the scripts of Thailand, Laos, Myanmar and Cambodia.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED += "\U00020000-\U0003ffff"
_RUNS = re.compile(f"[{_UNSPACED}]+|[^ {_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
# A word of that length may be the code of a country, or anything.
_A_CODE = 3
# How people write German umlauts where they have none: "Mueller" is looked for as "Muller", too.
_SPELT_OUT = (("ae", "a"), ("oe", "o"), ("ue", "u"))


class Term(NamedTuple):
    """Something that must occur, in one of its spellings; `is_prefix`: as the beginning of a word."""

    spellings: tuple[str, ...]
    is_prefix: bool = False

    def in_name(self) -> Term:
        """Return the term that asks for the same in the name alone."""
        return Term(tuple(IN_NAME + word for word in self.spellings), self.is_prefix)


def indexed_words(folded: str, name: str = "") -> str:
    """Return the words under which a folded text with a folded name in it is found, each once, with spaces between."""
    in_name = [IN_NAME + word for word in _index_entries(name)]
    return " ".join(dict.fromkeys(_index_entries(folded) + in_name))


def terms(text: str) -> list[Term]:
    """Return what a text asks for; the last word may be only begun. No terms: the text says nothing.

    >>> [term.spellings for term in terms("Mueller, Köln")]
    [('mueller', 'muller'), ('koln', 'cologne')]
    """
    runs = _RUNS.findall(fold(text[:LONGEST_QUERY]))
    found: dict[Term, None] = {}
    for number, run in enumerate(runs):
        run = run[:LONGEST_WORD]
        if _IS_UNSPACED.match(run):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
            found.update((Term((pair,), len(pair) == 1), None) for pair in pairs)
        else:
            found[Term(_spellings(run), number == len(runs) - 1)] = None
    return list(found)[:MOST_TERMS]


def _index_entries(folded: str) -> list[str]:
    if folded.isascii():
        # Most are: a tenth of the time, and an import makes this for every row.
        words = folded.split()
        return words if max(map(len, words), default=0) <= LONGEST_WORD else [word[:LONGEST_WORD] for word in words]
    entries = []
    for run in _RUNS.findall(folded):
        if _IS_UNSPACED.match(run):
            entries += [run[i : i + 2] for i in range(len(run))]
        else:
            entries.append(run[:LONGEST_WORD])
    return entries


def _spellings(word: str) -> tuple[str, ...]:
    """Return the word, its spelling without umlauts, and what the city or country that it names is called, too."""
    plain = word
    for spelt_out, letter in _SPELT_OUT:
        plain = plain.replace(spelt_out, letter)
    others = (plain if len(plain) > _A_CODE else "", city_key(word), _country(word))
    return tuple(dict.fromkeys((word, *(other for other in others if other and " " not in other))))


def _country(word: str) -> str:
    """Return what a country is called in the index, of any of its names; codes are words of their own."""
    code = country_code(word) if len(word) > _A_CODE else ""
    return fold(str(countries.name(code))) if code else ""
