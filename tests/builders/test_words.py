"""What is searched and what is asked for, as words."""

from __future__ import annotations

import pytest

from builders.folding import fold
from builders.record import Offering, Record
from builders.traits import LANGUAGE_BITS, RATINGS, SERVICES, SIZE_BITS, VERIFIED, traits_of
from builders.words import IN_NAME, LONGEST_WORD, MOST_TERMS, indexed_words, terms

# No database is asked: one backend is enough.
pytestmark = pytest.mark.backend("sqlite")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Müller Messebau, Messebau", "muller messebau"),
        ("東京展示", "東京 京展 展示 示"),
        ("ABC展示 2", "abc 展示 示 2"),
        ("للمعارض", "للمعارض"),
        ("ร้าน", "ร้ ้า าน น"),
        ("", ""),
        ("x" * 100, "x" * LONGEST_WORD),
    ],
)
def test_words_of_the_index(text, words):
    assert indexed_words(fold(text)) == words


def test_words_of_the_name_stand_there_twice():
    assert indexed_words("nord messe", "nord") == f"nord messe {IN_NAME}nord"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Oman", [(("oman",), True)]),
        ("messe bau", [(("messe",), False), (("bau",), True)]),
        ("Mueller", [(("mueller", "muller"), True)]),
        ("München", [(("munchen", "munich"), True)]),
        ("Deutschland", [(("deutschland", "germany"), True)]),
        ("it Türkei", [(("it",), False), (("turkei", "turkiye"), True)]),
        ("展示", [(("展示",), False)]),
        ("示", [(("示",), True)]),
        ("展示装飾", [(("展示",), False), (("示装",), False), (("装飾",), False)]),
        ("  ", []),
        ('" OR * ) --', [(("or",), True)]),
    ],
)
def test_terms_of_a_search(text, wanted):
    assert [(term.spellings, term.is_prefix) for term in terms(text)] == wanted


def test_search_of_a_whole_book_is_cut():
    assert len(terms("a b c d e f g h i j k l m n o p q r s t u v " * 1000)) == MOST_TERMS


def test_traits_of_a_builder():
    record = Record(
        services=[Offering(name="A", category="design"), Offering(name="B", category="rental")],
        languages=["de", "xx"],
        rating=2,
        is_verified=True,
        stand_min_m2=40,
        stand_max_m2=100,
    )
    wanted = SERVICES["design"] | SERVICES["rental"] | LANGUAGE_BITS["de"] | VERIFIED
    wanted |= SIZE_BITS["small"] | SIZE_BITS["medium"]
    wanted |= sum(bit for least, bit in RATINGS.items() if least <= 2)
    assert traits_of(record) == wanted
    assert traits_of(Record()) == 0


@pytest.mark.parametrize(
    ("least", "greatest", "sizes"),
    [
        (None, None, []),
        (None, 60, ["small", "medium"]),
        (600, None, ["very-large"]),
        (50, 50, ["small"]),
        (0, 9999, list(SIZE_BITS)),
    ],
)
def test_sizes_that_a_range_touches(least, greatest, sizes):
    traits = traits_of(Record(stand_min_m2=least, stand_max_m2=greatest))
    assert [name for name, bit in SIZE_BITS.items() if traits & bit] == sizes


def test_every_value_has_a_bit_of_its_own_in_64():
    bits = [*SERVICES.values(), VERIFIED, *RATINGS.values(), *SIZE_BITS.values(), *LANGUAGE_BITS.values()]
    assert len({*bits}) == len(bits)
    assert sum(bits) < 2**63
