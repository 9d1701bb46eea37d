"""Countries and cities under the many names that people write."""

from __future__ import annotations

import gettext
import re
from functools import cache, lru_cache
from pathlib import Path

import django_countries
from django.utils import translation
from django_countries.base import CountriesBase
from django_countries.data import ALT_CODES, COUNTRIES

from builders.folding import fold
from builders.place_names import CITY_NAMES, COUNTRY_ALIASES

# First the languages that a name is surely read in; then those whose names count where no other country has them.
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt_PT", "pt_BR", "tr_TR")
_MORE_LANGUAGES = (
    "ar", "bg", "cs", "da", "el", "fi", "he_IL", "hr", "hu", "ja", "ko_KR", "lt", "lv", "nb", "pl", "ro", "ru", "sk",
    "sl", "sr", "sv", "th_TH", "uk", "vi", "zh_Hans", "zh_Hant",
)  # fmt: skip
_BRACKETS = re.compile(r"\s*[(\[].*?[)\]]")
_ARTICLE = re.compile(
    r"^(the|die|der|la|le|les|las|los|el|il|lo|gli|de|het|o|a|os|as|republic of|republik|republique) "
)
_PARTS = re.compile(r"\s*[,;/|()\[\]]\s*|\s+[-–—]\s+")
# Codes that the standard keeps for users, and that stand for no country.
_NO_COUNTRY = frozenset({"xx", "zz", "na", "n a"})
_NAMIBIA = "NA"


def country_code(text: str) -> str:
    """Return the ISO 3166 alpha-2 code of a country given as a name, alpha-2 or alpha-3; "" when it is none we know.

    Names count in English, German, French, Spanish, Italian, Dutch, Portuguese and Turkish, in what more languages
    django-countries has, and in the short forms that people use. "Germany (DE)" and "DE - Germany" are read where all
    known parts name one country.

    >>> country_code("Deutschland"), country_code("ARE"), country_code("Atlantis")
    ('DE', 'AE', '')
    """
    return _country_code(text) if len(text) <= _LONGEST_NAME else ""


_LONGEST_NAME = 200


@lru_cache(maxsize=4096)
def _country_code(text: str) -> str:
    known = _countries()
    key = fold(text)
    if text.strip() == _NAMIBIA:
        return _NAMIBIA
    if key in _NO_COUNTRY:
        return ""
    found = known.get(key) or known.get(_ARTICLE.sub("", key)) or known.get(fold(_BRACKETS.sub("", text)))
    if found:
        return found
    parts = {known[part] for part in map(fold, _PARTS.split(text)) if part in known}
    return parts.pop() if len(parts) == 1 else ""


@cache
def _countries() -> dict[str, str]:
    """Return folded names and codes with the code of the country, made once: some milliseconds for 35 catalogues."""
    known: dict[str, str] = {}
    for code, (alpha3, _) in ALT_CODES.items():
        known[code.casefold()] = known[alpha3.casefold()] = code
    for code, names in COUNTRY_ALIASES.items():
        known.update({fold(name): code for name in names.split(",")})
    for language in _LANGUAGES:
        pairs = _names_in(language)
        for key, code in (*pairs, *_undisputed(_without_brackets(pairs)).items()):
            known.setdefault(fold(key), code)
    more = [pair for language in _MORE_LANGUAGES for pair in _names_in(language)]
    for key, code in _undisputed([*more, *_without_brackets(more)]).items():
        known.setdefault(key, code)
    known.pop("", None)
    return known


def _without_brackets(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_BRACKETS.sub("", name), code) for name, code in pairs]


def _undisputed(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return the folded names that all who use them give to one country."""
    named: dict[str, set[str]] = {}
    for name, code in pairs:
        named.setdefault(fold(name), set()).add(code)
    return {key: codes.pop() for key, codes in named.items() if len(codes) == 1}


def _names_in(language: str) -> list[tuple[str, str]]:
    # The catalogue itself, and names as they stand in the source: what a file says does not depend on who looks at it.
    folder = Path(django_countries.__file__).parent / "locale"
    catalogue = gettext.translation("django", folder, [language], fallback=True)
    with translation.override(None):
        named = [(code, str(name)) for names in (COUNTRIES, CountriesBase.COMMON_NAMES) for code, name in names.items()]
        named += [(code, str(name)) for code, names in CountriesBase.OLD_NAMES.items() for name in names]
    return [(catalogue.gettext(name), code) for code, name in named]


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LEADING_SAINT = re.compile(r"^(saint|sankt|sint) ")
_TRAILING_WORD = re.compile(r" (city|stadt)$")


@cache
def _cities() -> dict[str, str]:
    known: dict[str, str] = {}
    for line in CITY_NAMES.strip().splitlines():
        key, _, names = line.strip().partition(":")
        for name in (key, *names.split(",")):
            known[fold(name)] = known[fold(name.translate(_UMLAUTS))] = key
    return known


def city_key(text: str) -> str:
    """Return what the names of one city have in common: folded, in English where it has an English name.

    >>> city_key("München") == city_key("Muenchen") == city_key("MUNICH")
    True
    """
    return _city_key(text[:_LONGEST_NAME])


@lru_cache(maxsize=16384)
def _city_key(text: str) -> str:
    known = _cities()
    key = fold(text)
    return known.get(key) or known.get(_TRAILING_WORD.sub("", key)) or _LEADING_SAINT.sub("st ", key)
