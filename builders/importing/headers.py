"""Headers brought to a form in which `companyName`, `Company_Names` and `COMPANY NAME (required)` are equal."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from builders.folding import fold

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NAMELESS = re.compile(r"(?:column|unnamed|spalte|colonne|columna|colonna|kolom|coluna)(?: \d+)?")
_LETTER_TO_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
_BYTE_ORDER_MARK = "\ufeff"
# Words that say nothing in the name of a column.
_SMALL_WORDS = frozenset("the of de la le du des del der die das da do dos di van het el your please enter".split())
_LONGEST_HEADER = 200
_SHORT = 3


@lru_cache(maxsize=4096)
def words_of(header: str) -> str:
    """Return the words of a header, folded: no brackets, no camelCase, no punctuation.

    >>> words_of("companyName"), words_of("E-Mail_Adresse (Pflichtfeld)")
    ('company name', 'e mail adresse')
    """
    text = unicodedata.normalize("NFKC", header[:_LONGEST_HEADER]).replace(_BYTE_ORDER_MARK, "")
    bare = _BRACKETS.sub(" ", text)
    # "(Firma)" as a whole is a name, not a remark.
    text = bare if bare.strip() else text
    return _LETTER_TO_DIGIT.sub(" ", fold(_with_camels_apart(text)))


def _with_camels_apart(text: str) -> str:
    """Part the words of camelCase: before a capital after a small letter, and before the last capital of a row.

    "imageURL" and "GPSLatitude" are two words each, "URLs" is one.
    """
    parted = []
    for position, letter in enumerate(text):
        before, after = text[position - 1 : position], text[position + 1 : position + 3]
        if letter.isupper() and (before.islower() or (before.isupper() and len(after) > 1 and after.islower())):
            parted.append(" ")
        parted.append(letter)
    return "".join(parted)


@lru_cache(maxsize=4096)
def normalised(header: str) -> str:
    """Return the words of a header in the singular.

    >>> normalised("Phone Numbers"), normalised("Additional categories"), normalised("address_line_1")
    ('phone number', 'additional category', 'address line 1')
    """
    return " ".join(singular(word) for word in words_of(header).split())


@lru_cache(maxsize=4096)
def significant(header: str) -> str:
    """Return the normalised header without words such as *of* and *the*, for comparing what is nearly the same."""
    words = normalised(header).split()
    return " ".join([word for word in words if word not in _SMALL_WORDS] or words)


def singular(word: str) -> str:
    """Return a word without the plural of English, which Spanish, French and Portuguese mostly share.

    What it does to other words does not matter, as long as it does the same to the table of synonyms.
    """
    if len(word) <= _SHORT or not word.isascii():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def is_nameless(header: str) -> bool:
    """Return whether a program has named the column: `Column2`, `Unnamed: 3`."""
    return _NAMELESS.fullmatch(normalised(header)) is not None
