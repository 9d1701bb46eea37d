"""What single cells mean: numbers, years, ranges, yes and no, lists, and texts that mean nothing.

Every function returns None, or an empty list, where a cell says something else than what is looked for.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Final

from django.conf.locale import LANG_INFO

from builders.folding import fold

# What systems write where they know nothing. Compared without case.
_NOTHING = frozenset(
    """
    unknown|not specified|contact person|manager|new to platform|not available|xx|n/a|n.a.|#n/a|null|none|nil|nan|
    undefined|(null)|(none)|(not set)|not set|not provided|not applicable|-|--|---|–|—|.|..|?|tbd|tba|[]|{}|#ref!|
    #value!|#name?|#div/0!|k.a.|k. a.|keine angabe|unbekannt|inconnu|desconocido|sconosciuto|onbekend|
    desconhecido|bilinmiyor
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
_NOTHING_HOSTS = ("unknown.com", "www.unknown.com")
_LONGEST_NOTHING = 40


def is_nothing(text: str) -> bool:
    """Return whether a cell means nothing: empty, or one of the words that stand for it.

    >>> is_nothing("Not specified"), is_nothing("no-email+17@x.com"), is_nothing("http://unknown.com/")
    (True, True, True)
    """
    if len(text) > _LONGEST_NOTHING and not text.startswith("no-email+"):
        return False
    lower = text.strip().lower()
    if not lower or lower in _NOTHING or lower.startswith("no-email+"):
        return True
    if "unknown.com" not in lower:
        return False
    host = lower.rstrip("/").rpartition("//")[2].rpartition("@")[2]
    return host in _NOTHING_HOSTS


# Control and invisible characters, without tab and line feed; directions would let a name hide what it says.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad"
    r"\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_LINE_BREAKS = re.compile(r"\r\n?|\u2028|\u2029|\x0b|\x0c|\x85")
_MANY_BREAKS = re.compile(r"\n{3,}")


def clean_line(cell: str) -> str:
    """Return a cell as one line in composed form, without what cannot be seen."""
    if not cell.isascii():
        cell = unicodedata.normalize("NFC", cell)
    if cell.isprintable():
        # Of all spaces only the common one can be printed, and few cells have too many of it.
        return " ".join(cell.split()) if "  " in cell else cell.strip()
    return " ".join(_INVISIBLE.sub("", _LINE_BREAKS.sub(" ", cell)).split())


def clean_text(cell: str) -> str:
    """Return a text with its paragraphs, at most one empty line between them."""
    text = _INVISIBLE.sub("", _LINE_BREAKS.sub("\n", unicodedata.normalize("NFC", cell)))
    # Line by line: a pattern for spaces at a break would look at each of a million spaces anew.
    lines = "\n".join([line.strip() for line in text.split("\n")])
    return _MANY_BREAKS.sub("\n\n", lines).strip()


_SEPARATORS = re.compile(r"[;|\n]")
_QUOTES = "\"'“”„‘’"


def parts_of(cell: str) -> list[str]:
    """Return the parts of a list: by semicolon, bar or line where there is one, else by comma; JSON lists, too.

    What stands in quotes or brackets inside a part keeps its commas.

    >>> parts_of("Design; Build, rent"), parts_of("Rental (tables, chairs), Design"), parts_of("['a', 'b']")
    (['Design', 'Build, rent'], ['Rental (tables, chairs)', 'Design'], ['a', 'b'])
    """
    text = cell.strip()
    if len(text) <= _LONGEST_KEPT:
        return list(_known_parts(text))
    return _parts(text)


# The lists of a file repeat: services, specialisations, cities. Long ones hardly do.
_LONGEST_KEPT = 200


@lru_cache(maxsize=4096)
def _known_parts(text: str) -> tuple[str, ...]:
    return tuple(_parts(text))


def _parts(text: str) -> list[str]:
    if text[:1] == "[" and text[-1:] == "]":
        listed = json_list(text)
        if listed is not None:
            return _distinct(listed)
        text = text[1:-1]
    if _SEPARATORS.search(text):
        return _distinct(_SEPARATORS.split(text))
    if "," not in text:
        return _distinct([text])
    return _distinct(_by_comma(text))


def _by_comma(text: str) -> list[str]:
    if not any(mark in text for mark in '("['):
        return text.split(",")
    parts, depth, is_quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth = max(0, depth - 1)
        elif character == "," and depth == 0 and not is_quoted:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _distinct(parts: list[str]) -> list[str]:
    cleaned = (part.strip().strip(_QUOTES).strip() for part in parts)
    return list(dict.fromkeys(part for part in cleaned if part and not is_nothing(part)))


def json_list(text: str) -> list[str] | None:
    """Return the texts of a JSON list, None where it is none."""
    value = _loaded(text)
    return [str(item) for item in value if isinstance(item, str | int | float)] if isinstance(value, list) else None


def json_object(text: str) -> dict[str, object] | None:
    """Return a JSON object that any database can keep, None where the text is none."""
    value = _loaded(text)
    return value if isinstance(value, dict) else None


_LARGEST_STORED = 2**63 - 1


def _loaded(text: str) -> object:
    try:
        return _storable(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")


def _storable(value: object) -> object:
    """Return the value without what escapes can smuggle in: NUL and halves of characters, which PostgreSQL refuses, and
    numbers that are none or too long."""
    if isinstance(value, str):
        return _INVISIBLE.sub("", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > _LARGEST_STORED:
        return str(value)
    if isinstance(value, dict):
        return {_INVISIBLE.sub("", key): _storable(item) for key, item in value.items()}
    return value


_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_GROUPED = re.compile(r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+")
_WHOLE_FLOAT = re.compile(r"(\d+)[.,]0+")
# What is longer is no number of anything here, and would only cost time.
_LONGEST_NUMBER = 30
_LARGEST_WHOLE = 2_147_483_647
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)


def is_scientific(text: str) -> bool:
    """Return whether a spreadsheet has made powers of ten of a long number: its last digits are lost."""
    return _SCIENTIFIC.fullmatch(text.strip()) is not None


def to_decimal(text: str) -> Decimal | None:
    """Return a number with a decimal point or comma."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None


_OUT_OF_FIVE = re.compile(
    r"\s*(?:/|of|von|out of|sur|de)\s*5(?:[.,]0)?\s*$|\s*(?:stars?|sterne?|★+)\s*$", re.IGNORECASE
)
_BEST_RATING = 5
_LONGEST_RATING = 40


def to_rating(text: str) -> Decimal | None:
    """Return a number from 0 to 5, which may say of how many: `4.5/5`, `4,5 von 5`, `4.5 stars`."""
    number = to_decimal(_OUT_OF_FIVE.sub("", text)) if len(text) <= _LONGEST_RATING else None
    return number if number is not None and 0 <= number <= _BEST_RATING else None


def to_whole(text: str) -> int | None:
    """Return a count: `1,234`, `1.234` and `1 234` are one thousand two hundred and thirty-four, `12.0` is twelve."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER:
        return None
    if _GROUPED.fullmatch(text):
        text = re.sub(r"\D", "", text)
    elif float_form := _WHOLE_FLOAT.fullmatch(text):
        text = float_form[1]
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= _LARGEST_WHOLE else None


_EARLIEST_YEAR = 1900
# Most cells; the pattern for all words before a year takes ten times as long.
_FOUR_DIGITS = re.compile(r"(\d{4})")
_YEAR = re.compile(
    r"(?:since|est\.?|established|founded|seit|depuis|desde|dal|sinds|in)?\s*(\d{4})(?:\.0+)?", re.IGNORECASE
)
_ISO_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[ T].*)?")
_DAY_FIRST = re.compile(r"(?:\d{1,2}[./-]){1,2}(\d{4})")


def to_founded(text: str, *, latest: int | None = None) -> int | None:
    """Return the year of a date or year between 1900 and `latest`, which is the present year."""
    text = text.strip()
    match = (
        _FOUR_DIGITS.fullmatch(text) or _YEAR.fullmatch(text) or _ISO_DATE.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    )
    if match is None:
        return None
    year = int(match[1])
    return year if _EARLIEST_YEAR <= year <= (latest or dt.datetime.now(tz=dt.UTC).year) else None


_COUNT = r"(\d{1,3}(?:[.,'’ ]\d{3})+|\d+)(?:\.0+)?"
_UNITS = (
    r"(?:\s*(?:employees?|people|persons?|staff|members?|mitarbeiter(?:innen)?|mitarbeitende|salariés|employés|"
    r"empleados|personas|"
    r"dipendenti|addetti|medewerkers|funcionários|pessoas|çalışan|kişi|ma|m²|m2|sqm|sq m|qm|m q|mq))?"
)
_RANGE = re.compile(rf"{_COUNT}{_UNITS}\s*(?:-|–|—|to|bis|à|a|tot|up to|\.\.)\s*{_COUNT}{_UNITS}", re.IGNORECASE)
_AT_LEAST = re.compile(
    rf"(?:>=?|over|more than|über|ab|mehr als|plus de|más de|oltre|meer dan|"
    rf"mais de|min\.?)\s*{_COUNT}{_UNITS}",
    re.IGNORECASE,
)
_PLUS = re.compile(rf"{_COUNT}\s*\+{_UNITS}", re.IGNORECASE)
_AT_MOST = re.compile(
    rf"(?:<=?|up to|under|less than|bis(?: zu)?|unter|moins de|menos de|"
    rf"meno di|minder dan|max\.?)\s*{_COUNT}{_UNITS}",
    re.IGNORECASE,
)
_ONE = re.compile(rf"(?:ca\.?|about|approx\.?|circa|env\.?|~)?\s*{_COUNT}{_UNITS}", re.IGNORECASE)
Range = tuple[int | None, int | None]


def to_range(text: str) -> Range | None:
    """Return least and most of a number or range; None where it is neither, or runs backwards.

    >>> to_range("25-50"), to_range("12"), to_range("50+"), to_range("< 10"), to_range("Oct-20")
    ((25, 50), (12, 12), (50, None), (None, 10), None)
    """
    text = text.strip()
    return _range_of(text) if len(text) <= _LONGEST_NUMBER * 2 else None


# The sizes of teams and stands repeat.
@lru_cache(maxsize=4096)
def _range_of(text: str) -> Range | None:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text), int(text)
    if match := _RANGE.fullmatch(text):
        low, high = _plain(match[1]), _plain(match[2])
        return (low, high) if low <= high <= _LARGEST_WHOLE else None
    if match := _AT_LEAST.fullmatch(text) or _PLUS.fullmatch(text):
        return (_plain(match[1]), None) if _plain(match[1]) <= _LARGEST_WHOLE else None
    if match := _AT_MOST.fullmatch(text):
        return (None, _plain(match[1])) if _plain(match[1]) <= _LARGEST_WHOLE else None
    if match := _ONE.fullmatch(text):
        return (_plain(match[1]), _plain(match[1])) if _plain(match[1]) <= _LARGEST_WHOLE else None
    return None


def _plain(count: str) -> int:
    return int(re.sub(r"\D", "", count))


_YES = frozenset(
    "yes true 1 y t ja j wahr oui o vrai si sí verdadero vero waar sim verdadeiro evet doğru x ✓ ✔ 1.0 on".split()
)
_NO = frozenset(
    "no false 0 n f nein falsch non faux falso onwaar nee não nao hayır hayir yanlış ✗ 0.0 off unchecked".split()
)


def to_yes_no(text: str) -> bool | None:
    """Return yes or no, in any of the eight languages and any case."""
    word = text.strip().lower()
    return True if word in _YES else False if word in _NO else None


OPERATIONAL: Final = "operational"
CLOSED_FOR_A_TIME: Final = "closed_temporarily"
CLOSED: Final = "closed"
_STATUS_WORDS = {
    "operational": OPERATIONAL,
    "open": OPERATIONAL,
    "opened": OPERATIONAL,
    "in business": OPERATIONAL,
    "geoffnet": OPERATIONAL,
    "ouvert": OPERATIONAL,
    "abierto": OPERATIONAL,
    "aperto": OPERATIONAL,
    "closed temporarily": CLOSED_FOR_A_TIME,
    "temporarily closed": CLOSED_FOR_A_TIME,
    "vorubergehend geschlossen": CLOSED_FOR_A_TIME,
    "fermeture temporaire": CLOSED_FOR_A_TIME,
    "temporairement ferme": CLOSED_FOR_A_TIME,
    "cerrado temporalmente": CLOSED_FOR_A_TIME,
    "chiuso temporaneamente": CLOSED_FOR_A_TIME,
    "closed permanently": CLOSED,
    "permanently closed": CLOSED,
    "dauerhaft geschlossen": CLOSED,
    "definitivement ferme": CLOSED,
    "cerrado permanentemente": CLOSED,
    "chiuso definitivamente": CLOSED,
}
# States of a listing, not of the firm: they are known, and say nothing.
_STATUS_OF_LISTINGS = frozenset(
    "published|verified|unverified|not verified|verification required|active|inactive|pending|pending review|"
    "processing|duplicate|suspended|disabled|draft|approved|listed|live|claimed|unclaimed|not published|pending edits|"
    "up to date".split("|")
)
# "Open ⋅ Closes 6 PM", "Closed ⋅ Opens 9 AM Mon", "Open 24 hours": the hour of the look-up, so the firm is in business.
_STATUS_OF_THE_HOUR = re.compile(r"open(?:ed)? (?:closes|now|24)|closed opens|closes soon|opens soon|open 24 hours")


def to_status(text: str) -> str | None:
    """Return one of `Builder.Status`, "" for a word that says nothing of the firm, None for one that is not known."""
    return _status_of(text) if len(text) <= _LONGEST_STATUS else None


_LONGEST_STATUS = 100


@lru_cache(maxsize=512)
def _status_of(text: str) -> str | None:
    word = fold(text)
    if word in _STATUS_WORDS:
        return _STATUS_WORDS[word]
    if _STATUS_OF_THE_HOUR.match(word):
        return OPERATIONAL
    return "" if word in _STATUS_OF_LISTINGS else None


_LANGUAGE_NAMES = {
    "en": "englisch anglais ingles inglese engels ingilizce",
    "de": "deutsch allemand aleman tedesco duits alemao almanca",
    "fr": "franzosisch francais frances francese frans fransizca",
    "es": "spanisch espagnol espanol spagnolo spaans ispanyolca",
    "it": "italienisch italien italiano italiaans italyanca",
    "nl": "niederlandisch neerlandais holandes olandese nederlands",
    "pt": "portugiesisch portugais portugues portoghese portugees",
    "tr": "turkisch turc turco turks turkce",
    "ar": "arabisch arabe arabo arapca",
    "ru": "russisch russe ruso russo rusca",
    "pl": "polnisch polonais polaco polacco pools",
    "zh": "chino cinese chinees chines cince",
    "ja": "japanisch japonais japones giapponese",
}


@cache
def _languages() -> dict[str, str]:
    known: dict[str, str] = {}
    for code, about in LANG_INFO.items():
        if "-" not in code and "name" in about:
            for name in (code, about["name"], about["name_local"]):
                known.setdefault(fold(name), code)
    known.update(dict.fromkeys(("zh", "mandarin", "chinese", "chinesisch", "chinois", "cantonese", "中文"), "zh"))
    known["norwegian"] = "no"
    for code, names in _LANGUAGE_NAMES.items():
        known.update(dict.fromkeys(names.split(), code))
    return known


def to_language(text: str) -> str | None:
    """Return the ISO 639-1 code of a language given by its code, its English name, or in one of the eight languages."""
    return _languages().get(fold(text))
