"""Text that was UTF-8, was read as Windows-1252 and stored that way: `MÃ¼nchen` for `München`.

A repair is offered and never made unasked, because what looks broken may be right: `CONEXÃO` is Portuguese.
"""

from __future__ import annotations

import re

# A byte that begins a character of several bytes, followed by one that goes on, both as Windows-1252 shows them.
_SUSPECT = re.compile("[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
# Twice is common: a file that went through two such programs.
_MOST_ROUNDS = 3


def _byte_of(number: int) -> tuple[str, int]:
    # Windows leaves five bytes without a character, and programs pass them through unchanged.
    return bytes([number]).decode("cp1252", errors="ignore") or chr(number), number


_BYTES = dict(map(_byte_of, range(256)))


def repaired(text: str) -> str | None:
    """Return the text as it was meant, or None if it is right as it stands, or not wholly repairable."""
    found = None
    for _ in range(_MOST_ROUNDS):
        better = _one_round(text)
        if better is None:
            break
        found = text = better
    return found


def _one_round(text: str) -> str | None:
    if text.isascii() or not _SUSPECT.search(text):
        return None
    try:
        return bytes(_BYTES[character] for character in text).decode()
    except (KeyError, UnicodeDecodeError):
        # A character that Windows-1252 lacks, or bytes that are no UTF-8: nobody misread this text.
        return None
