"""Room codes: many, well distinguished, and found however they are typed."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chat.codes import new_code, new_short_code, normalise_code
from chat.words import FIRST, SECOND

codes = st.builds(new_code)
short_codes = st.builds(new_short_code)


def test_words_are_plain_and_no_two_are_the_same():
    for words in (FIRST, SECOND):
        assert len(set(words)) == len(words)
        assert all(re.fullmatch(r"[a-z]{3,10}", word) for word in words)


def test_words_can_be_cut_in_one_way_only():
    seen = {}
    for first in FIRST:
        for second in SECOND:
            assert seen.setdefault(first + second, (first, second)) == (first, second)


def test_codes_are_too_many_to_guess():
    assert len(FIRST) * len(SECOND) * 9000 > 400_000_000
    assert len({new_code() for _ in range(2000)}) > 1990
    assert len({new_short_code() for _ in range(2000)}) == 2000


@given(codes)
def test_code_has_its_form_and_is_itself(code):
    assert re.fullmatch(r"[a-z]+-[a-z]+-[1-9]\d{3}", code)
    assert normalise_code(code) == code


@given(codes, st.sampled_from(["", "-", " ", "  ", "_", ".", " - ", "–"]), st.booleans())
def test_code_is_found_however_it_is_typed(code, separator, is_upper):
    typed = separator.join(code.split("-"))
    assert normalise_code(f" {typed.upper() if is_upper else typed}\n") == code


@given(short_codes, st.booleans())
def test_short_code_is_found_with_what_is_misread(code, is_lower):
    assert normalise_code(code) == code
    misread = code.replace("1", "I").replace("0", "O")
    assert normalise_code(misread.lower() if is_lower else misread) == code
    assert normalise_code(code.replace("1", "l")) == code
    assert normalise_code(f"{code[:4]}-{code[4:]}") == code


@given(st.text(max_size=80))
def test_anything_is_a_code_or_nothing(text):
    found = normalise_code(text)
    assert found == "" or re.fullmatch(r"[a-z]+-[a-z]+-\d{4}|[0-9A-HJKMNP-TV-Z]{8}", found)
    assert normalise_code(found) == found


def test_what_cannot_be_a_code_is_nothing():
    for text in (
        "",
        "blue",
        "blue-stage",
        "blue-stage-42",
        "stage-blue-4207",
        "UUUUUUUU",
        "x" * 10_000,
    ):
        assert normalise_code(text) == ""


def test_code_is_found_in_the_digits_of_other_scripts():
    assert normalise_code("blue-stage-٤٢٠٧") == "blue-stage-4207"
