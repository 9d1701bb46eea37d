"""What a message may consist of."""

from __future__ import annotations

import unicodedata

from realtime.errors import ClientError

MAX_CHARACTERS = 4000

# Line feed and tab are text; every other control character is either invisible or, like NUL, not storable.
_KEPT_CONTROLS = frozenset("\n\t")


def clean_text(text: str) -> str:
    """Return the text as it is stored: NFC, line feeds only, trimmed, without control characters.

    Raises `ClientError` `invalid` when nothing is left and `too_large` above 4,000 characters.
    """
    if len(text) > 4 * MAX_CHARACTERS:
        # Checked before the work below, so that a huge text is refused at the price of its length.
        raise _too_long()
    if not (text.isascii() and text.isprintable()):
        text = _without_controls(text)
    text = text.strip()
    if not text:
        raise ClientError("invalid", "A message needs some text.", field="text")
    if len(text) > MAX_CHARACTERS:
        raise _too_long()
    return text


def _without_controls(text: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cs"))


def _too_long() -> ClientError:
    return ClientError("too_large", f"A message has at most {MAX_CHARACTERS} characters.", field="text")
