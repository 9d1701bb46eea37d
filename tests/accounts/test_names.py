"""Which display names are taken and which are refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.names import MAX_LENGTH, MIN_LENGTH, NameRefused, clean_display_name, is_reserved
from realtime.errors import ClientError

ACCEPTED = [
    ("Ada", "Ada"),
    ("  Ada   Lovelace ", "Ada Lovelace"),
    ("Ada\u00a0\u3000\tLovelace", "Ada Lovelace"),
    ("e\u0301a", "\u00e9a"),
    ("x" * 40, "x" * 40),
    ("\u65e5\u672c", "\u65e5\u672c"),
    ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
    ("\U0001f468\u200d\U0001f469\u200d\U0001f467 us", "\U0001f468\u200d\U0001f469\u200d\U0001f467 us"),
    ("\U0001f44b\U0001f3fd\u200d\u2642\ufe0f hi", "\U0001f44b\U0001f3fd\u200d\u2642\ufe0f hi"),
    ("\u2764\ufe0f Bo", "\u2764\ufe0f Bo"),
    ("1\ufe0f\u20e3 one", "1\ufe0f\u20e3 one"),
    ("\U0001fae9\U0001fae9", "\U0001fae9\U0001fae9"),
    ("42", "42"),
    ("Modesto", "Modesto"),
    ("Host Anna", "Host Anna"),
    ("Team Rocket", "Team Rocket"),
    ("Boss", "Boss"),
]

REFUSED = {
    "empty": "",
    "one character": "A",
    "one character between spaces": "   A   ",
    "too long": "x" * 41,
    "far too long": "x" * 100_000,
    "only spaces": " \u00a0\u2003 ",
    "only punctuation": "!?!",
    "only zero width": "\u200b\u200b\u200b",
    "only fillers": "\u3164\u3164",
    "only blank Braille": "\u2800\u2800",
    "control": "Ada\x07",
    "null": "Ada\x00",
    "right-to-left override": "\u202eadA",
    "left-to-right mark": "Ada\u200e",
    "isolate": "\u2066Ada\u2069",
    "zero width space": "A\u200bda",
    "byte order mark": "\ufeffAda",
    "soft hyphen": "A\u00adda",
    "joiner between letters": "A\u200dda",
    "joiner at the end": "\u0645\u06cc\u200c",
    "variation selector after a letter": "A\ufe0fda",
    "tag characters": "Ada\U000e0041",
    "lone surrogate": "Ada\ud800",
    "private use": "Ada\ue000",
    "noncharacter": "Ada\ufdd0",
    "a pile of accents": "A" + "\u0322" * 5,
    "an accent first": "\u0322Ada",
}

STAFF = [
    "System",
    "SYSTEM",
    "system.",
    "S y s t e m",
    "Admin",
    "admins!",
    "A-d-m-i-n",
    "Administrator",
    "Moderator",
    "Moder\u00e1tor",
    "Mods",
    "Staff",
    "Organiser",
    "Organizers",
    "Support",
    "Support Team",
    "The Admin",
    "Owner",
    "0wner",
    "5upport",
    "@dm1n",
    "Admin 24",
    "Pavilion",
    "Pavilion Support",
    "\u0430dmin",
    "S\u0443stem",
    "\uff33\uff39\uff33\uff34\uff25\uff2d",
    "\u24d0\u24d3\u24dc\u24d8\u24dd",
]


@pytest.mark.parametrize(("given_name", "kept"), ACCEPTED)
def test_name_accepted(given_name, kept):
    assert clean_display_name(given_name) == kept


@pytest.mark.parametrize("name", REFUSED.values(), ids=REFUSED.keys())
def test_name_refused(name):
    with pytest.raises(ClientError) as refusal:
        clean_display_name(name)
    assert (refusal.value.code, refusal.value.field) == ("invalid", "display_name")


@pytest.mark.parametrize("name", STAFF)
def test_name_of_staff_refused(name):
    with pytest.raises(ClientError, match="kept for the people"):
        clean_display_name(name)
    assert clean_display_name(name, is_staff=True) == " ".join(unicodedata.normalize("NFC", name).split())


@given(st.text(max_size=60))
def test_name_accepted_is_stable_and_visible(text):
    try:
        name = clean_display_name(text)
    except NameRefused:
        return
    assert clean_display_name(name) == name
    assert MIN_LENGTH <= len(name) <= MAX_LENGTH
    assert name == unicodedata.normalize("NFC", name) == " ".join(name.split())
    assert name.isprintable() or any(unicodedata.category(c) in ("Cn", "Cf", "Zs") for c in name)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp") for c in name)
    assert not is_reserved(name)


@given(st.sampled_from(["system", "admin", "moderator", "staff"]), st.text(alphabet=" .-_*'\u00b7", max_size=3))
def test_name_of_staff_refused_with_any_punctuation(role, noise):
    with pytest.raises(ClientError):
        clean_display_name(noise.join(role.upper()) + noise)
