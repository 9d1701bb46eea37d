"""Telling the encodings apart that came before UTF-8.

Scripts that are not Latin are found by charset-normalizer, which knows the letters that are frequent in them. In a list
of names it cannot tell the Latin code pages from each other, because they have most letters in common. So those are
told by their words: `Wroc³aw` is a word of no language in Windows-1252 and one of Polish in Windows-1250. Windows-1252
is right unless another explains words that it cannot.
"""

from __future__ import annotations

import re
from typing import Final

from charset_normalizer import from_bytes

DEFAULT: Final = "cp1252"

# The letters beyond ASCII of the languages that are written in a code page, in lower case.
_LANGUAGES: Final[dict[str, tuple[str, ...]]] = {
    "cp1252": (
        "äöüß",
        "àâæçéèêëîïôœùûüÿ",
        "áéíñóúü",
        "àáâãçéêíóôõúü",
        "àèéìíîòóùú",
        "áèéëïíóöü",
        "åäöé",
        "æøåé",
        "äöõüšž",
        "àèéíïòóúüç",
    ),
    "iso8859_15": ("àâæçéèêëîïôœùûüÿ", "äöõüšž", "äöüß"),
    "cp1250": (
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "áéíóöőúüű",
        "ăâîşţ",
        "čćđšž",
        "äöüß",
    ),
    "cp1254": ("çğıöşüâî", "äöüß"),
    "mac_roman": ("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "àáâãçéêíóôõúü", "àèéìíîòóùú", "áèéëïíóöü", "åäöé", "æøåé"),
}
# Lines that end as they did on old Macintosh computers, which spreadsheets for the Mac still write.
_MAC: Final = "mac_roman"
_ICELANDIC: Final = "áðéíóúýþæö"
# Icelandic shares its letters þ, ð and ý with Turkish ş, ğ and ı; these belong to it alone.
_ICELANDIC_WORD: Final = re.compile(r"(?=\w*[þðý])\w*[áéíóúæ]", re.IGNORECASE)
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]+")
_LONGEST_WORD: Final = 40
_EURO_LATIN_9: Final = re.compile(rb"\d ?\xa4|\xa4 ?\d")
# Signs that stand in any language, and belong to no word.
# The last one is what is left of a Turkish İ in lower case.
_SIGNS: Final = "‘’‚“”„–—…•«»‹›°·§©®™±€\u00a0\u00ad×&'/.-²³\u0307"
_OPENING: Final = "¿¡"
# Of these none stands between two letters: "Stra§e" is no word.
_INSIDE: Final = re.compile(r"[^\W\d_][§°©®™²³][^\W\d_]")
_PIECES: Final = re.compile(r"[^\W\d_]+")
# Letters of these code pages that Portuguese has only in "ões" and "õe".
_ODD_TILDE: Final = re.compile("õ(?!e)", re.IGNORECASE)
_OTHER_SCRIPTS: Final = "cp932 gb18030 big5 euc_kr euc_jp cp1251 koi8_r cp1253 cp1255 cp1256".split()
# How much of a text may look like no language, from 0 to 1.
_MOST_CHAOS: Final = 0.1
_HALF_WIDTH: Final = re.compile("[\uff61-\uff9f]")
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")
# Words without a single ASCII letter, signs of the code page included, so that wrong ones do not match below.
_CYRILLIC: Final = re.compile(r"[^\x00-\x7f«»“”„–—№ ]+")
_CAPITALS_IN_FRONT: Final = re.compile("[А-ЯЁЄІЇҐЎЂЈЉЊЋЏ]?[а-яёєіїґўђјљњћџ]+|[А-ЯЁЄІЇҐЎЂЈЉЊЋЏ]+")
_MOST_WORDS: Final = 5000


def guess_code_page(sample: bytes) -> tuple[str, bool]:
    """Return the encoding of `sample`, lines with bytes beyond ASCII that are no UTF-8, and whether it is certain."""
    if _is_dense(sample):
        if _is_cyrillic(sample):
            return "cp1251", True
        other = _other_script(sample)
        if other is not None:
            return other
    return _latin(sample)


def _is_dense(sample: bytes) -> bool:
    """Return whether the bytes beyond ASCII mostly stand together, as they do where no letter is ASCII."""
    runs = re.findall(rb"[\x80-\xff]+", sample)
    together = sum(len(run) for run in runs if len(run) > 1)
    return together * 2 > sum(map(len, runs))


def _is_cyrillic(sample: bytes) -> bool:
    """Recognise Windows-1251 by its capitals: they begin words, and in the wrong encoding they stand anywhere."""
    words = _CYRILLIC.findall(sample.decode("cp1251", errors="replace"))
    shaped = [word for word in words if _CAPITALS_IN_FRONT.fullmatch(word)]
    capital = [word for word in shaped if word[0].isupper()]
    return len(shaped) * 20 >= len(words) * 19 and len(capital) * 5 > len(words)


def _other_script(sample: bytes) -> tuple[str, bool] | None:
    found = list(from_bytes(sample, cp_isolation=_OTHER_SCRIPTS, enable_fallback=False))
    if not found or found[0].chaos > _MOST_CHAOS:
        return None
    best, others = found[0], found[1:]
    if len(_HALF_WIDTH.findall(str(best))) * 2 > len(_BEYOND_ASCII.findall(str(best))):
        # Any bytes at all can be half-width katakana, which hardly anybody writes.
        return None
    is_alone = all((other.chaos, -other.coherence) > (best.chaos, -best.coherence) for other in others)
    return best.encoding, is_alone


def _latin(sample: bytes) -> tuple[str, bool]:
    words = set(_words(sample)[:_MOST_WORDS])
    explained = {name: _explained(words, name) for name in _LANGUAGES}
    is_mac = b"\r" in sample and b"\n" not in sample
    best = max(explained, key=lambda name: (explained[name], name == _MAC and is_mac, name == DEFAULT))
    if _EURO_LATIN_9.search(sample) and not re.search(rb"[\x80-\x9f]", sample):
        best = "iso8859_15"
    # One odd word among a hundred is a slip of the pen and no other encoding.
    is_told = best == "iso8859_15" or (best == _MAC and is_mac)
    if explained[best] - explained[DEFAULT] < max(1, len(words) // 50) and not is_told:
        best = DEFAULT
    return best, explained[best] * 10 >= len(words) * 8


def _words(sample: bytes) -> list[bytes]:
    return [word for word in _WORD.findall(sample) if not word.isascii() and len(word) <= _LONGEST_WORD]


def _explained(words: set[bytes], encoding: str) -> int:
    """Return how many of the words some language could have written in this encoding."""
    decoded = [word.decode(encoding, errors="replace").strip(_SIGNS + _OPENING) for word in words]
    texts = [text.lower() for text in decoded if not _INSIDE.search(text) and not _has_odd_capital(text)]
    languages = [*_LANGUAGES[encoding]]
    if encoding == DEFAULT and any(map(_ICELANDIC_WORD.search, texts)):
        languages.append(_ICELANDIC)
    return sum(_is_word(text, languages) for text in texts)


def _has_odd_capital(text: str) -> bool:
    """Return whether a capital stands inside a word of small letters, as in "MŸnchen" and "LŠndle"."""
    return any(
        any(letter.isupper() and not letter.isascii() for letter in piece[1:]) and any(map(str.islower, piece))
        for piece in _PIECES.findall(text)
    )


def _is_word(text: str, languages: list[str]) -> bool:
    letters = {character for character in text if not character.isascii()} - set(_SIGNS)
    if not letters:
        return True
    if _ODD_TILDE.search(text):
        languages = [language for language in languages if "ã" not in language]
    return any(letters.issubset(language) for language in languages)
