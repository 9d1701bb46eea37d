"""The labelled fixture: records of invented firms, and what each pair of them is. The labels came before the rules.

`SAME` is one firm recorded twice, `BRANCH` two places of one firm, `DISTINCT` two firms.

`firms.csv` has firms of 28 countries in ten scripts as one source has them, and what others make of them: `_again` is
another spelling, `sign` the name on the sign, `renamed` that after the firm was sold, `rival` a firm of like name in
the same city. Every one is varied in the ways below, each of which says what it stands for. What a variation adds is in
a directory together with the other firms, never with all variations at once: a firm that is there twenty times under
ten names is no hard case, it is none at all.

`families.csv` has records that are easily confused, written one by one; within a family, every two are a pair. Two of
one `entity` are one firm, those of one `group` are its branches.

`strangers.csv` has pairs by another hand, who knew what the rules are for and not what they are; then those that were
written to break them. Every pair is a directory of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from builders.record import Place, Record

SAME, BRANCH, DISTINCT = "same", "branch", "distinct"


class Base(NamedTuple):
    """A row of `firms.csv`."""

    key: str
    country: str
    city: str
    city_again: str
    postcode: str
    street: str
    street_again: str
    phone: str
    domain: str
    name: str
    name_again: str
    sign: str
    renamed: str
    rival: str


class Firm(NamedTuple):
    """`entity` is the firm that the record is truly about; records of branches have one `group`."""

    entity: str
    group: str
    record: Record


class Labelled(NamedTuple):
    first: Firm
    second: Firm
    label: str
    why: str


class Directory(NamedTuple):
    """`pairs` are the labelled ones. Of any two firms in it, `label_of` knows what they are."""

    firms: list[Firm]
    pairs: list[Labelled]


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


BASES = [Base(**row) for row in _rows("firms.csv")]


def label_of(first: Firm, second: Firm) -> str:
    if first.entity == second.entity:
        return SAME
    return BRANCH if first.group and first.group == second.group else DISTINCT


def firm(
    entity: str,
    name: str,
    *,
    group: str = "",
    phone: str = "",
    street: str = "",
    postcode: str = "",
    city: str = "",
    country: str = "",
    domain: str = "",
    email: str = "",
) -> Firm:
    record = Record(
        name=name,
        phones=[phone] if phone else [],
        emails=[email] if email else [],
        website=f"https://www.{domain}/" if domain else "",
        headquarters=Place(country=country, city=city, street=street, postcode=postcode),
    )
    return Firm(entity, group, record)


def original(base: Base) -> Firm:
    return firm(
        base.key,
        base.name,
        group=base.key,
        phone=base.phone,
        street=base.street,
        postcode=base.postcode,
        city=base.city,
        country=base.country,
        domain=base.domain,
        email=f"info@{base.domain}",
    )


# --- one firm, recorded again --------------------------------------------------------------------------------------


def register(base: Base) -> Firm:
    """The trade register: other spellings of everything, and no website."""
    return same(base, base.name_again, phone=base.phone, street=base.street_again, city=base.city_again)


def misspelt(base: Base) -> Firm:
    """Typed in from a business card, one letter lost; the street is missing."""
    longest = max(base.name.split(), key=len)
    middle = len(longest) // 2
    wrong = base.name.replace(longest, longest[:middle] + longest[middle + 1 :], 1)
    return same(base, wrong, phone=base.phone)


def without_telephone(base: Base) -> Firm:
    """A membership list with postal addresses alone."""
    return same(base, base.name, street=base.street_again, postcode=base.postcode)


def exhibitor_list(base: Base) -> Firm:
    """The catalogue of a fair: the name on the sign, the website, the city."""
    return same(base, base.sign, domain=base.domain)


def renamed(base: Base) -> Firm:
    """Sold or renamed since: telephone and address stayed."""
    return same(base, base.renamed, phone=base.phone, street=base.street_again, postcode=base.postcode)


def moved(base: Base) -> Firm:
    """Moved within the city since."""
    return same(base, base.name_again, phone=base.phone, street=elsewhere(base), domain=base.domain)


def other_extension(base: Base) -> Firm:
    """Another extension of the same switchboard."""
    return same(base, base.name_again, phone=f"{base.phone[:-2]}47", street=base.street_again)


def mail_alone(base: Base) -> Firm:
    """A list of e-mail contacts."""
    return same(base, base.sign, email=f"info@{base.domain}")


def bare(base: Base) -> Firm:
    """The name and the city, and nothing else."""
    return same(base, base.name)


def city_of_the_neighbours(base: Base) -> Firm:
    """Under the name of the district, with the same postcode."""
    place = {"street": base.street_again, "postcode": base.postcode, "city": f"{base.city}-Ost"}
    return same(base, base.name_again, phone=base.phone, **place)


def renamed_on_the_web(base: Base) -> Firm:
    """A new name before the new website: telephone and domain are the old ones."""
    return same(base, base.renamed, phone=base.phone, domain=base.domain)


def own_profile(base: Base) -> Firm:
    """What the firm says of itself: the sign, the telephone, the full address, the website."""
    return same(base, base.sign, phone=base.phone, street=base.street, postcode=base.postcode, domain=base.domain)


# --- places of one firm --------------------------------------------------------------------------------------------


def branch(base: Base) -> Firm:
    """An office in another city, with a telephone of its own, on the same website."""
    there = other(base, 5)
    place = {"street": there.street, "postcode": there.postcode, "city": there.city, "country": there.country}
    return firm(f"{base.key}/branch", base.name, group=base.key, phone=near(there), domain=base.domain, **place)


def branch_with_hotline(base: Base) -> Firm:
    """An office in another city of the same country that gives the number of the headquarters."""
    place = {"street": elsewhere(base), "postcode": "99999", "city": f"Neu {base.city}", "country": base.country}
    return firm(f"{base.key}/hotline", base.name_again, group=base.key, phone=base.phone, domain=base.domain, **place)


def branch_in_a_street_of_the_same_name(base: Base) -> Firm:
    """The same, in a street that every town has, by chance at the same number."""
    place = {"street": base.street, "postcode": "88888", "city": f"Alt {base.city}", "country": base.country}
    return firm(f"{base.key}/street", base.name, group=base.key, phone=base.phone, **place)


# --- two firms -----------------------------------------------------------------------------------------------------


def neighbour(base: Base) -> Firm:
    """Another trade in the same house."""
    there = other(base, 7)
    return stranger(base, "neighbour", there.renamed, street=base.street_again, postcode=base.postcode)


def rival(base: Base) -> Firm:
    """A firm of like name in the same city."""
    return stranger(base, "rival", base.rival, street=elsewhere(base), domain=f"r-{base.domain}")


def rival_next_door(base: Base) -> Firm:
    """A firm of like name in the same house, with a telephone of its own."""
    return stranger(base, "next door", base.rival, street=base.street_again, postcode=base.postcode)


def namesake(base: Base) -> Firm:
    """The same name in another country."""
    there = other(base, 11)
    place = {"street": there.street, "postcode": there.postcode, "city": there.city, "country": there.country}
    return firm(f"{base.key}/namesake", base.name, phone=near(there), domain=f"n-{base.domain}", **place)


def sister(base: Base) -> Firm:
    """A firm of the same people for something else, at the same desk."""
    what = ("Immobilien", "Holding", "Catering", "Akademie")[BASES.index(base) % 4]
    name = f"{base.sign} {what}"
    return firm(
        f"{base.key}/sister",
        name,
        phone=base.phone,
        street=base.street,
        postcode=base.postcode,
        city=base.city,
        country=base.country,
    )


def tenant(base: Base) -> Firm:
    """Another firm in the same business centre, with the reception's telephone."""
    there = other(base, 13)
    shared = {"phone": base.phone, "street": base.street, "postcode": base.postcode}
    return firm(f"{base.key}/tenant", there.renamed, city=base.city, country=base.country, **shared)


def wrong_number(base: Base) -> Firm:
    """A firm of like name elsewhere in the city that a list gives the wrong telephone of."""
    return firm(
        f"{base.key}/wrong number",
        base.rival,
        phone=base.phone,
        street=elsewhere(base),
        city=base.city,
        country=base.country,
    )


# --- what the variations are made with -----------------------------------------------------------------------------


def same(base: Base, name: str, **fields: str) -> Firm:
    return firm(base.key, name, group=base.key, **{"city": base.city, "country": base.country, **fields})


def stranger(base: Base, what: str, name: str, **fields: str) -> Firm:
    place = {"city": base.city, "country": base.country}
    return firm(f"{base.key}/{what}", name, phone=near(base), **place, **fields)


def other(base: Base, step: int) -> Base:
    return BASES[(BASES.index(base) + step) % len(BASES)]


def elsewhere(base: Base) -> str:
    return f"{other(base, 3).sign.split()[0]} Park {BASES.index(base) + 200}"


def near(base: Base) -> str:
    """Return a telephone number of the same place that is not the firm's."""
    return f"{base.phone[:-4]}{9999 - int(base.phone[-4:]):04}"


Variation = Callable[[Base], Firm]
VARIATIONS: tuple[Variation, ...] = (
    register,
    misspelt,
    without_telephone,
    exhibitor_list,
    renamed,
    moved,
    other_extension,
    mail_alone,
    bare,
    city_of_the_neighbours,
    renamed_on_the_web,
    own_profile,
    branch,
    branch_with_hotline,
    branch_in_a_street_of_the_same_name,
    neighbour,
    rival,
    rival_next_door,
    namesake,
    sister,
    tenant,
    wrong_number,
)
# So many variations of each firm stand in one directory.
_AT_ONCE = 2


def directories() -> Iterator[Directory]:
    """Yield the directories; the families written by hand are one of them."""
    yield _families()
    for start in range(0, len(VARIATIONS), _AT_ONCE):
        yield _varied(VARIATIONS[start : start + _AT_ONCE])


def _varied(variations: tuple[Variation, ...]) -> Directory:
    firms, pairs = [], []
    for base in BASES:
        first = original(base)
        firms.append(first)
        for variation in variations:
            second = variation(base)
            firms.append(second)
            pairs.append(Labelled(first, second, label_of(first, second), f"{base.key}: {variation.__name__}"))
    return Directory(firms, pairs)


def _families() -> Directory:
    families: dict[str, list[Firm]] = {}
    for row in _rows("families.csv"):
        family = row.pop("family")
        families.setdefault(family, []).append(firm(**row))
    pairs = [
        Labelled(first, second, label_of(first, second), f"{name}: {first.record.name} / {second.record.name}")
        for name, members in families.items()
        for first, second in combinations(members, 2)
    ]
    return Directory([member for members in families.values() for member in members], pairs)


# In `strangers.csv`, what the second of a pair has as the first.
_AS_ABOVE = "="


def strangers() -> Iterator[Directory]:
    """Yield a directory for each pair of `strangers.csv`, whose rows stand two by two."""
    rows = _rows("strangers.csv")
    for number, (above, below) in enumerate(zip(rows, rows, strict=True)):
        label, why = above.pop("label"), above.pop("why")
        del below["label"], below["why"]
        below = {name: above[name] if value == _AS_ABOVE else value for name, value in below.items()}
        entities = (f"{number}", f"{number}" if label == SAME else f"{number}/other")
        first, second = (firm(entity, **row) for entity, row in zip(entities, (above, below), strict=True))
        names = f"{why}: {first.record.name} / {second.record.name}"
        yield Directory([first, second], [Labelled(first, second, label_of(first, second), names)])
