"""Texts brought to a form in which the same things are equal: names, streets, slugs.

A folded text is for comparing and searching, never for showing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from anyascii import anyascii

# Letters that no normal form takes apart, as the people who use them write them on a foreign keyboard.
_LETTERS = {"ø": "o", "ł": "l", "ı": "i", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t"}
# Marks that change how a letter sounds. Those of other scripts are part of the letter itself: a Thai or Hindi word
# without its vowel signs, or a Japanese one without its dots, is another word.
_DROPPED_MARKS = (
    range(0x0300, 0x0370),  # Latin, Greek, Cyrillic
    range(0x0591, 0x05C8),  # Hebrew points
    range(0x0610, 0x061B),  # Arabic signs
    range(0x064B, 0x0660),  # Arabic vowels, hamza on or under a letter
    range(0x0670, 0x0671),
    range(0x1DC0, 0x1E00),
    range(0x20D0, 0x2100),
)
_TATWEEL = 0x0640
_ARABIC_HAMZA_CARRIERS = {"ٱ": "ا"}
_KEPT_CATEGORIES = frozenset("LMN")


class _FoldingTable(dict[int, str | None]):
    """What becomes of each character, worked out when it comes up first. Grows to one entry per character in use."""

    def __missing__(self, code: int) -> str | None:
        self[code] = result = self._result(code)
        return result

    @staticmethod
    def _result(code: int) -> str | None:
        character = chr(code)
        if character in _LETTERS:
            return _LETTERS[character]
        if character in _ARABIC_HAMZA_CARRIERS:
            return _ARABIC_HAMZA_CARRIERS[character]
        if code == _TATWEEL or any(code in marks for marks in _DROPPED_MARKS):
            return None
        category = unicodedata.category(character)
        if category == "Cf":
            # Soft hyphens, joiners and directions stand inside words and are not seen.
            return None
        return character if category[0] in _KEPT_CATEGORIES else " "


_table = _FoldingTable()
# The same for the letters of ASCII as bytes, which takes a third of the time.
_ascii_table = "".join(_table[ord(chr(code).lower())] or "" for code in range(128)).encode().ljust(256)


def fold(text: str) -> str:
    """Return `text` without case, accents and punctuation, with single spaces; in any script.

    >>> fold("  Müller & Søn, GmbH ")
    'muller son gmbh'
    """
    if text.isascii():
        return b" ".join(text.encode().translate(_ascii_table).split()).decode()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Composed again, because Korean syllables and dotted Japanese letters came apart as well.
    return unicodedata.normalize("NFC", " ".join(decomposed.translate(_table).split()))


# For what many records have in common: services, cities, countries.
fold_often = lru_cache(maxsize=8192)(fold)


# Legal forms, folded. What is short is found with its letters apart, too: "S.r.l." folds to "s r l".
_LEGAL_FORMS = """
    ltd, limited, llc, llp, plc, inc, incorporated, corp, corporation, co, co ltd, company limited, company ltd,
company llc,
    company inc, pty, pty ltd, pty limited, pvt, pvt ltd, private limited, pte, pte ltd, limited liability company,
lllp, pllc,
    gmbh, mbh, gesmbh, ges m b h, ag, kg, ohg, ug, ug haftungsbeschrankt, ug haftungsbeschraenkt, gbr, kgaa, se,
eg, ek, ev,
    gmbh co kg, gmbh co kgaa, gmbh co ohg, ug co kg, ag co kg, gmbh u co kg, gmbh und co kg, co kg, co ohg,
und co kg, u co kg,
    gesellschaft mit beschrankter haftung, aktiengesellschaft, eingetragener kaufmann, e u, kommanditgesellschaft,
    sa, sarl, sas, sasu, eurl, snc, scop, scs, sprl, srl, bvba, asbl, vzw, societe anonyme,
    societe a responsabilite limitee, et cie, cie,
    sl, slu, sau, sll, slne, sociedad limitada, sociedad anonima, sa de cv, s a de c v, s de rl, s de r l,
s de rl de cv, s de r l de c v, sapi de cv, ltda, eirl,
    srls, spa, sapa, soc coop, scarl, c snc, c sas, e c snc, e c sas, unipersonale,
    societa a responsabilita limitata, societa per azioni,
    bv, nv, vof, besloten vennootschap, naamloze vennootschap, cvba,
    lda, unipessoal lda, limitada, ltda me, ltda epp, eireli, epp, sociedade limitada, sgps,
    as, a s, ltd sti, limited sirketi, anonim sirketi, sti, san tic ltd sti, san tic as, san ve tic ltd sti,
san ve tic as,
    san ve tic a s, san tic a s, sanayi ve ticaret ltd sti, sanayi ve ticaret limited sirketi, sanayi ve ticaret as,
    sanayi ve ticaret a s, sanayi ve ticaret anonim sirketi, tic ltd sti, tic as, ve tic ltd sti,
    sp z oo, sp z o o, sp zoo, spzoo, sp k, sp j, spolka z o o, spolka z ograniczona odpowiedzialnoscia,
spolka akcyjna,
    spolka jawna, spolka komandytowa,
    sro, spol s r o, spol sro, kft, zrt, nyrt, bt, pfa,
    korlatolt felelossegu tarsasag, akciova spolecnost, spolecnost s rucenim omezenym,
    ab, hb, aktiebolag, asa, ans, aps, ivs, oy, oyj, ky, osakeyhtio, ehf, hf, ou, sia, uab, doo, jdoo, dd, ead,
eood, ood,
    ooo, zao, oao, pao, tov, pat, ooo,
    ооо, оао, зао, пао, ао, ип, тов, тзов, фоп, пп, оод, еоод, ад, еад, доо, αε, επε, ικε, οε, εε,
    sdn bhd, bhd, tbk, jsc, tnhh, kabushiki kaisha, kk, gk, yk, co ltd kk,
    fze, fzco, fz llc, fzc, wll, bsc, qsc, dmcc, est, spc, psc,
    ذ م م, ش م م, ش م ع, ش ذ م م, المحدوده, المحدودة, בעמ, בע מ
"""
# The same before the name.
_LEGAL_PREFIXES = """
    pt, cv, ooo, zao, oao, pao, uab, sia, ооо, оао, зао, пао, ао, ип, тов, тзов, фоп, пп, firma, fa, شركة, شركه,
m s, messrs,
    cong ty tnhh, cong ty co phan
"""
# Written without a space before or after the name; simplified, traditional, Japanese, Korean, Thai.
_JOINED_FORMS = (
    "股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "株式会社", "株式會社", "有限会社", "合同会社",
    "주식회사", "유한회사",
    "บริษัท", "จำกัด",
)  # fmt: skip
_BRACKETED_FORM = re.compile(r"\((?:株|有|合|주|유)\)")
_LINKING_WORDS = frozenset({"and", "und", "et", "y", "e", "en", "ve", "og", "och", "i", "и", "та"})
# A form of this many letters or fewer is looked for letter by letter, too.
_SPELT_OUT_UP_TO = 5


_FIRST, _LAST = 0, -1
_Forms = dict[str, list[tuple[str, ...]]]


@cache
def _forms(words: str, end: int) -> _Forms:
    """Return the forms as tuples of words, by the word at one end of them, the longest first."""
    found: set[tuple[str, ...]] = set()
    for form in " ".join(words.split()).split(","):
        parts = tuple(form.split())
        found.add(parts)
        if len(parts[-1]) <= _SPELT_OUT_UP_TO:
            found.add((*parts[:-1], *parts[-1]))
    forms: _Forms = {}
    for parts in sorted(found, key=len, reverse=True):
        forms.setdefault(parts[end], []).append(parts)
    return forms


def _without_joined_forms(text: str) -> str:
    for form in _JOINED_FORMS:
        text = text.removeprefix(form).removesuffix(form).strip()
    return text


def _without_legal_forms(words: list[str]) -> list[str]:
    """Take legal forms off the end, then off the beginning; what remains is never empty."""
    while length := _length_of_form(words, _LEGAL_FORMS, _LAST):
        words = words[:-length]
    return words[_length_of_form(words, _LEGAL_PREFIXES, _FIRST) :]


def _length_of_form(words: list[str], forms: str, end: int) -> int:
    """Return how many words the longest form at one end has, where there are more words than those."""
    for form in _forms(forms, end).get(words[end], ()) if words else ():
        length = len(form)
        if length < len(words) and tuple(words[-length:] if end else words[:length]) == form:
            return length
    return 0


def _with_joined_initials(words: list[str]) -> list[str]:
    """Make one word of initials in a row: "A.B.C." and "ABC" are one name."""
    if 1 not in map(len, words):
        return words
    joined: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            joined.append(run)
        run = ""
        if word:
            joined.append(word)
    return joined


def name_key(text: str) -> str:
    """Return what two spellings of one firm's name have in common: folded, without the legal form.

    >>> name_key("Müller & Söhne Messebau GmbH & Co. KG") == name_key("MULLER UND SOHNE MESSEBAU")
    True
    """
    bare = _BRACKETED_FORM.sub(" ", unicodedata.normalize("NFKC", text)) if not text.isascii() else text
    folded = fold(bare) or fold(text)
    if not folded.isascii():
        folded = _without_joined_forms(folded) or folded
    words = _without_legal_forms(folded.split())
    if not _LINKING_WORDS.isdisjoint(words):
        threes = zip(words, words[1:], words[2:], strict=False)
        inner = [word for before, word, after in threes if not _is_linking(before, word, after)]
        words = [*words[:1], *inner, *words[1:][-1:]]
    return " ".join(_with_joined_initials(words))


def _is_linking(before: str, word: str, after: str) -> bool:
    """Tell whether a word only links two others. Among single letters, "i" and "y" are initials: "C.I.A.F."."""
    return word in _LINKING_WORDS and not len(before) == len(word) == len(after) == 1


_STREET_WORDS = {
    word: short
    for short, words in {
        "str": "str strasse straat",
        "st": "st street saint sankt sint",
        "av": "av ave avenue avenida avda avd",
        "blvd": "blvd bd boul boulevard bulvar bulvari bulv blv",
        "rd": "rd road",
        "dr": "dr drive",
        "ln": "ln lane",
        "sq": "sq square",
        "pl": "pl place platz plaza plac",
        "pza": "pza piazza pzza",
        "ct": "ct court",
        "pkwy": "pkwy parkway",
        "hwy": "hwy highway",
        "ste": "ste suite",
        "bldg": "bldg building",
        "fl": "fl floor",
        "c": "c calle",
        "ctra": "ctra carretera",
        "pol": "pol poligono",
        "ind": "ind industrial",
        "r": "r rue rua",
        "rte": "rte route",
        "vle": "vle viale",
        "cso": "cso corso",
        "lgo": "lgo largo",
        "tv": "tv travessa",
        "rod": "rod rodovia",
        "cd": "cd cad caddesi cadde",
        "sk": "sk sok sokak sokagi",
        "mh": "mh mah mahalle mahallesi",
        "": "ul ulica ulitsa улица ул",
        "gate": "gate gaten gata gatan",
    }.items()
    for word in words.split()
}
_STREET_ENDINGS = (("strasse", "str"), ("straat", "str"), ("platz", "pl"), ("plein", "pl"))
_NUMBER_WORDS = frozenset({"no", "nr", "num", "numero", "number", "hausnummer", "hausnr"})
_DIGITS_OR_LETTERS = re.compile(r"\d+|[^\d\s]+")


def street_key(text: str) -> str:
    """Return what two spellings of one street and number have in common: the words in order, then the numbers.

    >>> street_key("Haupt-Straße 5a") == street_key("Hauptstr. 5 A")
    True
    """
    words: list[str] = []
    numbers: list[str] = []
    for part in _DIGITS_OR_LETTERS.findall(fold(text)):
        if part.isdigit():
            numbers.append(part)
        elif numbers and len(part) == 1 and numbers[-1].isdigit():
            numbers[-1] += part
        elif part not in _NUMBER_WORDS:
            words.append(_short_street_word(part))
    return " ".join(filter(None, ["".join(words), *numbers]))


def _short_street_word(word: str) -> str:
    if word in _STREET_WORDS:
        return _STREET_WORDS[word]
    for ending, short in _STREET_ENDINGS:
        if word.endswith(ending):
            return word[: -len(ending)] + short
    return word


_APOSTROPHES = re.compile(r"['’ʼ`´]")
_NO_SLUG = re.compile(r"[^a-z0-9]+")
# The column takes 120; what is left over is for a number where two firms have one name.
_LONGEST_SLUG = 100


def slug_of(text: str) -> str:
    """Return the text in Latin letters, digits and hyphens, at most 100 of them; "" where nothing can be said so."""
    slug = _NO_SLUG.sub("-", anyascii(_APOSTROPHES.sub("", text)).lower()).strip("-")
    if len(slug) <= _LONGEST_SLUG:
        return slug
    cut, _, _ = slug[: _LONGEST_SLUG + 1].rpartition("-")
    return cut or slug[:_LONGEST_SLUG]
