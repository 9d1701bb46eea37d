"""Public identifiers: opaque, unguessable, short enough for a URL."""

from __future__ import annotations

import base64
import os
import re

_UID = re.compile(r"[a-z2-7]{16}")


def new_uid() -> str:
    """Return 16 lower-case base-32 characters that carry 80 random bits.

    Ten bytes fill base 32 exactly, so there is no padding; the letters survive URLs, file names and speech.
    """
    return base64.b32encode(os.urandom(10)).decode("ascii").lower()


def is_uid(text: str) -> bool:
    """Return whether `text` can be a public identifier: nobody needs to look for one that cannot."""
    return _UID.fullmatch(text) is not None
