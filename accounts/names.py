"""Display names: which texts may stand beside a message.

A name is shown to everybody in a room, so it must not be able to hide, to turn the line around, to pile marks over
its neighbours, or to pass for the people who run the place. Names are not unique.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from realtime.errors import ClientError

MIN_LENGTH: Final = 2
MAX_LENGTH: Final = 40
# Vietnamese, Thai and pointed Hebrew stack up to three marks on one letter; a longer pile only paints over other lines.
MAX_MARKS: Final = 4

ZERO_WIDTH_NON_JOINER: Final = "\u200c"
ZERO_WIDTH_JOINER: Final = "\u200d"
VARIATION_SELECTORS: Final = "\ufe0e\ufe0f"

# Letters and marks by category, yet drawn as nothing: Hangul fillers, the Braille blank, the grapheme joiner and so on.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Plain characters that an emoji is built from: keycaps and the two signs that have a coloured form.
_KEYCAPS: Final = frozenset("#*0123456789©®")
_UNSEEN: Final = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})

RESERVED: Final = frozenset(
    {"system", "admin", "administrator", "root", "superuser", "moderator", "mod", "staff", "organiser", "organizer"}
    | {"support", "helpdesk", "owner", "operator", "official", "pavilion", "host", "crew", "security", "team"}
)
# Words that make no name of their own beside a reserved one: "the admin", "support team".
_FILLERS: Final = frozenset({"the", "a", "festival", "event", "chat", "room", "account", "desk"})
# A reserved word on its own is refused even when these are allowed on their own.
_WEAK: Final = frozenset({"host", "crew", "security", "team", "root", "mod"})
# The letters that are most often put in place of Latin ones. The list need not be complete: staff are also marked in
# the message itself, and a name that slips through can be changed by a moderator.
_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухіјѕԁһӏԛԝвкмнтαοερτυικν013457$@!|",
    "aeopcyxijsdhlqwbkmhtaoeptuikvoieastsaii",
)


class NameRefused(ClientError):
    def __init__(self, message: str) -> None:
        super().__init__("invalid", message, field="display_name")


def clean_display_name(text: str, *, is_staff: bool = False) -> str:
    """Return `text` as a display name: NFC, trimmed, white space folded; raise `NameRefused` if it may not be one.

    Staff may carry the names of their roles, which nobody else may.
    """
    if len(text) > 4 * MAX_LENGTH:
        # Normalising takes time that grows with the text; nobody types a name this long.
        raise NameRefused(f"A name has {MAX_LENGTH} characters at most.")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not MIN_LENGTH <= len(name) <= MAX_LENGTH:
        raise NameRefused(f"A name has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    _check_characters(name)
    if not any(_is_visible(character) for character in name):
        raise NameRefused("A name needs a letter, a digit or an emoji.")
    if not is_staff and is_reserved(name):
        raise NameRefused("This name is kept for the people who run this place.")
    return name


def is_reserved(name: str) -> bool:
    """Tell whether `name` reads as the system or as a staff role, whatever its case, spacing and punctuation."""
    if _stem(name) in RESERVED or _stem(name, letters_only=True) in RESERVED:
        return True
    words = {_stem(word) for word in name.split()} - {""}
    return words <= RESERVED | _FILLERS and bool(words & (RESERVED - _WEAK))


def _stem(text: str, *, letters_only: bool = False) -> str:
    """Reduce `text` to bare lower-case Latin letters, without a plural ending.

    Digits and signs are read as the letters they look like (`@dm1n`), or dropped with `letters_only` (`Admin! 24`).
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    if letters_only:
        folded = "".join(character for character in folded if character.isalpha())
    letters = "".join(character for character in folded.translate(_LOOK_ALIKES) if character.isalnum())
    return letters if letters in RESERVED else letters.removesuffix("s")


def _check_characters(name: str) -> None:
    marks = 0
    for position, character in enumerate(name):
        category = unicodedata.category(character)
        if category in _UNSEEN or character in _BLANK or _is_noncharacter(character):
            raise NameRefused("The name holds a character that cannot be seen.")
        if category == "Cf" and not _is_joiner_in_place(name, position):
            raise NameRefused("The name holds a character that cannot be seen.")
        if character in VARIATION_SELECTORS and not (position and _is_emoji_base(name[position - 1])):
            raise NameRefused("The name holds a character that cannot be seen.")
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MAX_MARKS or (marks and position == 0):
            raise NameRefused("The name holds too many accents in one place.")


def _is_joiner_in_place(name: str, position: int) -> bool:
    """Allow the two joiners where writing needs them: between emoji, after a virama, between Arabic letters."""
    if position == 0 or position == len(name) - 1:
        return False
    before, after = name[position - 1], name[position + 1]
    # A virama (combining class 9) ends a half letter in the scripts of India; joiners choose its shape.
    after_virama = unicodedata.combining(before) == 9
    if name[position] == ZERO_WIDTH_JOINER:
        return after_virama or (_ends_emoji(name, position) and _is_emoji_base(after))
    if name[position] == ZERO_WIDTH_NON_JOINER:
        return after_virama or (_is_arabic(before) and _is_arabic(after))
    return False


def _ends_emoji(name: str, position: int) -> bool:
    before = name[position - 1]
    if before in VARIATION_SELECTORS and position >= 2:
        before = name[position - 2]
    # Sk holds the five skin tones.
    return _is_emoji_base(before) or unicodedata.category(before) == "Sk"


def _is_emoji_base(character: str) -> bool:
    return character in _KEYCAPS or unicodedata.category(character) in ("So", "Sm", "Po") or _is_new_emoji(character)


def _is_new_emoji(character: str) -> bool:
    # Emoji newer than this Python's Unicode tables count as unassigned there.
    return "\U0001f000" <= character <= "\U0001faff"


def _is_arabic(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("AL", "NSM")


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LN" or category == "So" or _is_new_emoji(character)


def _is_noncharacter(character: str) -> bool:
    code = ord(character)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
