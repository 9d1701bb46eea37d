"""What a message may consist of."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.text import MAX_CHARACTERS, clean_text
from realtime.errors import ClientError


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("hi", "hi"),
        ("  hi \n", "hi"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\tb", "a\tb"),
        ("e\u0301", "é"),
        ("a\x00b\x07c\x7f", "abc"),
        ("👩\u200d🚀 ok", "👩\u200d🚀 ok"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("שלום", "שלום"),
    ],
)
def test_text_is_kept_as_it_is_meant(text, cleaned):
    assert clean_text(text) == cleaned


@pytest.mark.parametrize("text", ["", " ", "\n\r\t", "\x00\x01", "\u2003\u3000"])
def test_text_of_nothing_is_invalid(text):
    with pytest.raises(ClientError) as refusal:
        clean_text(text)
    assert (refusal.value.code, refusal.value.field) == ("invalid", "text")


@pytest.mark.parametrize("length", [MAX_CHARACTERS + 1, 4 * MAX_CHARACTERS + 1, 10**7])
def test_text_too_long_is_refused(length):
    with pytest.raises(ClientError) as refusal:
        clean_text("x" * length)
    assert refusal.value.code == "too_large"
    assert clean_text("x" * MAX_CHARACTERS)


@given(st.text(max_size=300))
def test_text_once_clean_stays_clean(text):
    try:
        cleaned = clean_text(text)
    except ClientError as refusal:
        assert refusal.code == "invalid"  # noqa: PT017  either outcome is right, and each has its form
        return
    assert clean_text(cleaned) == cleaned
    assert cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in cleaned)
