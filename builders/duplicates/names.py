"""Two names of firms: the same, alike, or others.

Word by word, because letters alone mislead: *Hans Becker* and *Hanna Becker* differ in few letters and are two people,
*Kröger Messebau* and *Messebau Kröger* in nearly all and are one firm.
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from builders.folding import fold, slug_of


class Likeness(enum.IntEnum):
    """From two names to one.

    `UNREADABLE` are names in two scripts that do not sound alike: one may be translated, or read in another language.
    `ALIKE` is what the sign says of a firm that the register knows better, its initials, or the same name in another
    script. `MISSPELT` is one name with a slip of the pen, or that of a relative: *Mario* and *Maria* share a desk.
    """

    OTHER = 0
    UNREADABLE = 1
    ALIKE = 2
    MISSPELT = 3
    SAME = 4


class Comparison(NamedTuple):
    """`score` is from 0 to 100, for ordering and for people to see; the rules go by `likeness`."""

    likeness: Likeness
    score: int


# What firms of this trade call themselves: two names have it in common because the firms do the same.
_TRADE = frozenset(
    fold(
        """
    exhibition exhibitions exhibit exhibits expo expos display displays stand stands stall stalls booth booths fair
    fairs event events design designs designer decor decoration decorations interior interiors service services
    contracting contractor contractors construction build building builders group international global studio
    solutions systems system company enterprises graphics production productions works pavilion pavilions environments
    spaces experience experiential live brand creative agency marketing technology engineering
    messebau messe messen messestand standbau stande ausstellung ausstellungen ausstellungsbau ladenbau
    messetechnik messedesign messeservice raumgestaltung systeme buhne buhnenbau technik
    exposition expositions salon salons agencement scenographie atelier decors conception evenements evenementiel
    exposiciones feria ferias montaje montajes diseno arquitectura efimera eventos espacios
    allestimenti allestimento fiera fiere mostre eventi spazi
    standbouw beursbouw beurs beurzen tentoonstelling interieur
    targi wystawy wystawiennictwo ekspozycja stoiska zabudowa vystavni vystavnictvi
    fuar fuarcilik stant tasarim organizasyon dekorasyon mekan
    cenografia montagens expositores feiras
    выставка выставки стенд стенды дизайн экспо застройка стендов выставок
    εκθεσεις εκθεσιακη περιπτερα
    للمعارض المعارض لتجهيز معارض للديكور للفعاليات اكسبو
    """
    ).split()
)
# Of two whole names, in letters; never enough to be the same.
_NEARLY_ONE = 86
_VOWELS = re.compile(r"[aeiou]+")
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_SHORTEST_PLURAL = 4
_SHORTEST_MISSPELT = 5
_TWO_SLIPS_FROM = 9
# Of two names in different scripts, by their consonants: transliterations agree on those.
_ONE_SOUND = 82
_SHORTEST_SOUND = 3
_SHORTEST_INITIALS = 3
# Some initials count them, some do not.
_SMALL_WORDS = frozenset("d l de del della der des di do du for fur la le les of the".split())
# From here on a sign is a syllable or a word, and another one is another name: Chinese, Japanese, Korean.
_FIRST_WHOLE_SIGN = "\u2e80"


def compare_names(first: str, second: str) -> Comparison:
    """Compare two keys, as `builders.folding.name_key` makes them."""
    if not first or not second:
        return Comparison(Likeness.OTHER, 0)
    if first == second:
        return Comparison(Likeness.SAME, 100)
    return _compared(*sorted((first, second)))


@lru_cache(maxsize=32768)
def _compared(first: str, second: str) -> Comparison:
    score = round(fuzz.token_sort_ratio(first, second))
    words, others = first.split(), second.split()
    if _numbers(words) != _numbers(others):
        return Comparison(Likeness.OTHER, min(score, 70))
    if first.isascii() != second.isascii():
        return _by_sound(first, second, score)
    if "".join(words) == "".join(others):
        return Comparison(Likeness.SAME, 99)
    left, right, shared, slips = _aligned(_joined(words, others), _joined(others, words))
    # "Expo Design" and "Design Expo" are what firms of the trade are called, and no order of a name.
    if not any(word not in _TRADE for word in shared):
        return _without_spaces(first, second, score)
    if not left and not right:
        return _spelt(slips) if len(slips) < len(shared) or len(shared) == 1 else _alike(score)
    # One says more than the other, or both say what they do in other words.
    if not left or not right or all(word in _TRADE for word in (*left, *right)) or score >= _NEARLY_ONE:
        return _alike(max(score, 75))
    return _without_spaces(first, second, score)


def _spelt(slips: list[Likeness]) -> Comparison:
    """Return what two names are that differ in the order and the spelling of their words."""
    return Comparison(min(slips, default=Likeness.SAME), 98 - len(slips))


def _joined(words: list[str], others: list[str]) -> list[str]:
    """Join two words that are one in the other name: "De Vries" and "DeVries"."""
    joined: list[str] = []
    for word in words:
        if joined and word not in others and joined[-1] + word in others:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _aligned(words: list[str], others: list[str]) -> tuple[list[str], list[str], list[str], list[Likeness]]:
    """Return the words of each name that the other has not, those that both have, and of the misspelt ones how far."""
    left, right, shared = [], list(others), []
    for word in words:
        if word in right:
            right.remove(word)
            shared.append(word)
        else:
            left.append(word)
    slips = []
    for word in list(left):
        twin = next((other for other in right if _spelling(word, other) >= Likeness.MISSPELT), None)
        if twin is not None:
            left.remove(word)
            right.remove(twin)
            shared.append(word)
            slips.append(_spelling(word, twin))
    return left, right, shared, slips


def _spelling(first: str, second: str) -> Likeness:
    """Tell whether two words differ in spelling alone: umlauts, a plural, a slip behind the first letter.

    A letter that is lost, doubled or swapped within a word is a slip. Another letter, or another ending, may make
    another word: *Print* and *Paint*, *Daniel* and *Daniela*.
    """
    shorter = min(len(first), len(second))
    if _plain(first) == _plain(second):
        return Likeness.SAME
    if shorter >= _SHORTEST_PLURAL and (f"{first}s" == second or f"{second}s" == first):
        return Likeness.SAME
    if first[0] != second[0] or shorter < _SHORTEST_MISSPELT or max(first + second) >= _FIRST_WHOLE_SIGN:
        return Likeness.OTHER
    distance = OSA.distance(first, second)
    is_within = first[-1] == second[-1] and (len(first) != len(second) or sorted(first) == sorted(second))
    if distance == 1 and is_within:
        return Likeness.SAME
    return Likeness.MISSPELT if distance <= (2 if shorter >= _TWO_SLIPS_FROM else 1) else Likeness.OTHER


def _plain(word: str) -> str:
    for long, short in _UMLAUTS:
        word = word.replace(long, short)
    return word


def _without_spaces(first: str, second: str, score: int) -> Comparison:
    """Compare what has no words: Chinese and Japanese names, initials, and "ExpoDesign" that others write in two."""
    if _are_initials(first.split(), second.split()):
        return _alike(max(score, 75))
    shorter, longer = sorted((first.replace(" ", ""), second.replace(" ", "")), key=len)
    if not shorter.isascii() and " " not in first + second and len(shorter) >= 3 and longer.startswith(shorter):
        return _alike(max(score, 75))
    # Two names of as many words were compared word by word: nothing is won by their letters.
    if first.count(" ") != second.count(" ") and len(shorter) > _TWO_SLIPS_FROM:
        spelling = _spelling(shorter, longer)
        if spelling >= Likeness.MISSPELT:
            return Comparison(spelling, 96)
    return Comparison(Likeness.OTHER, min(score, 74))


def _are_initials(words: list[str], others: list[str]) -> bool:
    """Tell whether the first word of one name is made of the first letters of the other: IMG, BAM Messebau."""
    shorter, longer = sorted((words, others), key=lambda name: len(name[0]))
    initials = shorter[0]
    if len(initials) < _SHORTEST_INITIALS or len(longer) < len(initials):
        return False
    counted = [word for word in longer if word not in _SMALL_WORDS]
    return initials in ("".join(word[0] for word in longer), "".join(word[0] for word in counted))


def _by_sound(first: str, second: str, score: int) -> Comparison:
    """Compare names in two scripts by what is heard of them in Latin letters, word for word or in all."""
    names = [[_sound(word) for word in slug_of(name).split("-")] for name in (first, second)]
    whole = fuzz.ratio("".join(names[0]), "".join(names[1]))
    # The first word is the name; what follows is translated as often as spelt. Chinese and Thai have no spaces.
    shorter, longer = sorted((words[0] for words in names), key=len)
    heads = longer[: len(shorter)] if _has_no_spaces(first, second) else longer
    is_one_head = len(shorter) >= _SHORTEST_SOUND and fuzz.ratio(shorter, heads) >= _ONE_SOUND
    if whole >= _ONE_SOUND or is_one_head:
        return _alike(max(score, round(whole)))
    return Comparison(Likeness.UNREADABLE, min(score, 74))


def _has_no_spaces(first: str, second: str) -> bool:
    return any(not name.isascii() and " " not in name for name in (first, second))


def _sound(word: str) -> str:
    return _VOWELS.sub("", word.replace("ph", "f").replace("ch", "k").replace("c", "k").replace("w", "v"))


def _alike(score: int) -> Comparison:
    return Comparison(Likeness.ALIKE, min(score, 90))


def _numbers(words: list[str]) -> list[str]:
    return sorted(word for word in words if any(character.isdigit() for character in word))
