"""Room codes: two words and a number for speaking aloud, eight characters for posters."""

from __future__ import annotations

import re
import secrets
from typing import Final

from chat.words import FIRST, SECOND

# Crockford's base 32: no I, L, O or U, so nothing is misread or turns into a word.
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# What people type for what they see: https://www.crockford.com/base32.html
_MISREAD: Final = str.maketrans("ILO", "110")
_POSTER_LENGTH: Final = 8
_SPOKEN = re.compile(r"([a-z]+)(\d{4})")
_SEPARATORS = re.compile(r"[\W_]+")


def new_code() -> str:
    """Return a spoken code such as `blue-stage-4207`; there are over 400 million."""
    return f"{secrets.choice(FIRST)}-{secrets.choice(SECOND)}-{secrets.randbelow(9000) + 1000}"


def new_short_code() -> str:
    """Return a poster code of 40 random bits."""
    return "".join(secrets.choice(_CROCKFORD) for _ in range(_POSTER_LENGTH))


def normalise_code(text: str) -> str:
    """Return the code that was meant, or "" when it cannot be one: any case, with or without dashes and blanks."""
    folded = _SEPARATORS.sub("", text.casefold()[:60])
    if len(folded) == _POSTER_LENGTH:
        poster = folded.upper().translate(_MISREAD)
        return poster if set(poster) <= set(_CROCKFORD) else ""
    spoken = _SPOKEN.fullmatch(folded)
    return _spoken_code(*spoken.groups()) if spoken else ""


def _spoken_code(letters: str, number: str) -> str:
    # Typed without dashes, the letters are cut where both parts are words; a test proves that no cut is ambiguous.
    for cut in range(3, len(letters)):
        if letters[:cut] in _FIRST and letters[cut:] in _SECOND:
            # Digits of other scripts count as well: int() reads what a phone's keyboard types.
            return f"{letters[:cut]}-{letters[cut:]}-{int(number):04}"
    return ""


_FIRST, _SECOND = frozenset(FIRST), frozenset(SECOND)
