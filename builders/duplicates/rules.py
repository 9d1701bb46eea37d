"""What two records are to each other.

Telephone, street and name agree: one firm, linked. Two of the three, or one of them with a domain or an address of
e-mail: a person decides; so it is where the names may be those of two relatives, or cannot be compared. The same name
elsewhere is a branch, or chance. What many firms of different names have (the telephone of a call centre, the street of
a fair ground, the domain of a franchise) is evidence for nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from rapidfuzz import fuzz

from builders.duplicates.blocks import SHARED_BY_NAMES, trace_keys
from builders.duplicates.names import Comparison, Likeness, compare_names
from builders.duplicates.traits import Street, Traits

# Of the letters of two streets with the same numbers in the same place.
_ONE_STREET = 80
# A street may be called by less than its whole name.
_SHORTEST_STREET = 4
_WEIGHTS = {"phone": 28, "street": 24, "domain": 14, "email": 14, "place": 6}
_NAME_WEIGHT = {
    Likeness.SAME: 28,
    Likeness.MISSPELT: 24,
    Likeness.ALIKE: 16,
    Likeness.UNREADABLE: 4,
    Likeness.OTHER: 0,
}
# Towns of one name lie in different parts of a country, whose postcodes begin differently.
_POSTAL_REGION = 2
_CONTRARY = 5
# A record that has another telephone and another street is another firm, whatever it is called.
_MOST_CONTRARY = 1
LINKED_FROM = 95


# Country and city.
City = tuple[str, str]


class Verdict(enum.StrEnum):
    LINK = "link"
    REVIEW = "review"
    DISTINCT = "distinct"


class Decision(NamedTuple):
    """`reasons` is plain: a number for the name, for all else whether it agrees, or None where one does not say it.

    `{"name": 96, "phone": true, "street": true, "domain": null, "email": null, "place": true, "shared": ["phone"]}`;
    `shared` lists what agrees and counts for nothing because many have it.
    """

    verdict: Verdict
    score: int
    reasons: dict[str, Any]


class _Evidence(NamedTuple):
    name: Comparison
    phone: bool | None
    street: bool | None
    domain: bool | None
    email: bool | None
    place: bool | None
    shared: list[str]
    is_claimed: bool

    @property
    def contrary(self) -> int:
        return [self.phone, self.street, self.domain].count(False)


def decide(first: Traits, second: Traits, shared: Collection[str] = frozenset()) -> Decision:
    """Say what two records are to each other. `shared` are block keys (see `blocks`) that many firms have."""
    evidence = _evidence(first, second, shared)
    verdict = _verdict(evidence)
    return Decision(verdict, _score(evidence, verdict), _reasons(evidence))


def is_certain(first: Traits, second: Traits, neighbours: Iterable[Traits]) -> bool:
    """Tell whether two are linked without asking anybody; `neighbours` are those that share something with `first`."""
    names: dict[str, set[str]] = {key: {first.name} for key in trace_keys(first)}
    for neighbour in neighbours:
        for key in trace_keys(neighbour):
            if key in names:
                names[key].add(neighbour.name)
    shared = {key for key, found in names.items() if len(found) >= SHARED_BY_NAMES}
    return decide(first, second, shared).verdict is Verdict.LINK


def _verdict(found: _Evidence) -> Verdict:
    likeness = found.name.likeness
    if likeness is Likeness.SAME and found.phone and found.street:
        return Verdict.LINK
    # The branches of a franchise have its domain and its name; where they sit tells them apart.
    if found.is_claimed and found.domain and likeness is Likeness.SAME and found.place is not False:
        return Verdict.LINK
    return Verdict.REVIEW if _is_to_be_asked(found) else Verdict.DISTINCT


def _is_to_be_asked(found: _Evidence) -> bool:
    """Tell whether a person should look at two that are not linked."""
    likeness = found.name.likeness
    has_name = likeness >= Likeness.ALIKE
    if (found.phone and found.street) or (has_name and (found.phone or found.street)):
        return True
    is_one_name = likeness >= Likeness.MISSPELT
    # A mailbox at a free host is one firm's own, wherever it has moved to.
    if is_one_name and found.email and not found.domain:
        return True
    if found.place is False:
        return False
    if likeness is Likeness.UNREADABLE and (found.phone or found.domain or found.email):
        return True
    if _is_reached_alike(found, has_name=has_name):
        return True
    return is_one_name and bool(found.place) and found.contrary <= _MOST_CONTRARY


def _is_reached_alike(found: _Evidence, *, has_name: bool) -> bool:
    """Tell whether one writes to both at the same place, and something else agrees."""
    return bool((found.domain or found.email) and (has_name or found.phone or found.street))


def _score(found: _Evidence, verdict: Verdict) -> int:
    weights = sum(weight for name, weight in _WEIGHTS.items() if getattr(found, name))
    score = weights + _NAME_WEIGHT[found.name.likeness] - _CONTRARY * found.contrary
    if verdict is Verdict.LINK:
        return min(100, max(LINKED_FROM, score))
    return max(0, min(LINKED_FROM - 1, score))


def _reasons(found: _Evidence) -> dict[str, Any]:
    names = ("phone", "street", "domain", "email", "place")
    reasons: dict[str, Any] = {"name": found.name.score, **{name: getattr(found, name) for name in names}}
    if found.shared:
        reasons["shared"] = found.shared
    return reasons


def _evidence(first: Traits, second: Traits, shared: Collection[str]) -> _Evidence:
    place = _is_one_place(first, second)
    counted = {}
    many = []
    for name, mark, values, others in (
        ("phone", "p", first.phones, second.phones),
        ("domain", "d", first.domains, second.domains),
        ("email", "m", first.emails, second.emails),
    ):
        common = values & others
        own = {value for value in common if f"{mark}:{value}" not in shared}
        counted[name] = True if own else (None if common or not values or not others else False)
        if common and not own:
            many.append(name)
    if counted["domain"] is False and _labels(first.domains) & _labels(second.domains):
        counted["domain"] = None
    return _Evidence(
        name=compare_names(first.name, second.name),
        street=_is_one_street(first, second),
        place=place,
        shared=many,
        is_claimed=first.is_claimed or second.is_claimed,
        **counted,
    )


def _labels(domains: Iterable[str]) -> set[str]:
    """Return domains without their endings: many firms have theirs in more than one country."""
    return {domain.partition(".")[0] for domain in domains}


def _is_one_place(first: Traits, second: Traits) -> bool | None:
    """Tell whether two firms sit in one city; a postcode in common counts for a suburb under its own name."""
    if first.postcodes & second.postcodes:
        return True
    return _is_one_of_cities(first.cities, second.cities)


def _is_one_of_cities(cities: Collection[City], others: Collection[City]) -> bool | None:
    if not cities or not others:
        return None
    if any(_is_one_city(city, other) for city in cities for other in others):
        return True
    # "Frankfurt" may be "Frankfurt am Main".
    if any(_may_be_one_city(city, other) for city in cities for other in others):
        return None
    return False


def _is_one_city(first: City, second: City) -> bool:
    return first[1] == second[1] and ("" in (first[0], second[0]) or first[0] == second[0])


def _may_be_one_city(first: City, second: City) -> bool:
    # In two scripts, names of cities can be compared only where the list of places has both.
    if first[1].isascii() != second[1].isascii():
        return "" in (first[0], second[0]) or first[0] == second[0]
    shorter, longer = sorted((first[1], second[1]), key=len)
    return f"{longer} ".startswith(f"{shorter} ") and ("" in (first[0], second[0]) or first[0] == second[0])


def _is_one_street(first: Traits, second: Traits) -> bool | None:
    """Tell whether two share a street and number. The same in two cities is two addresses; without one, unknown."""
    if not first.streets or not second.streets:
        return None
    pairs = ((street, other) for street in first.streets for other in second.streets)
    found = {_is_one_town(street, other) for street, other in pairs if _are_alike(street, other)}
    return next((answer for answer in (True, None) if answer in found), False)


def _is_one_town(first: Street, second: Street) -> bool | None:
    postcodes = {(street.country, street.postcode) for street in (first, second) if street.postcode}
    if first.postcode and second.postcode and len(postcodes) == 1:
        return True
    if len({postcode[:_POSTAL_REGION] for _, postcode in postcodes}) > 1:
        return None
    cities = [[(street.country, street.city)] if street.city else [] for street in (first, second)]
    return _is_one_of_cities(*cities)


def _are_alike(first: Street, second: Street) -> bool:
    if first.numbers != second.numbers:
        return False
    shorter, longer = sorted((first.words, second.words), key=len)
    return (len(shorter) >= _SHORTEST_STREET and shorter in longer) or fuzz.ratio(shorter, longer) >= _ONE_STREET


_WORDS = {"phone": "telephone", "street": "street", "domain": "domain", "email": "e-mail address", "place": "city"}
_NAME_SCORES = ((95, "the same name"), (75, "a like name"), (0, "another name"))


def explain(reasons: Mapping[str, Any]) -> list[str]:
    """Return the reasons of a decision in words, for staff."""
    score = int(reasons.get("name", 0))
    said = [next(words for least, words in _NAME_SCORES if score >= least)]
    for name, word in _WORDS.items():
        if reasons.get(name) is not None:
            said.append(f"{'the same' if reasons[name] else 'another'} {word}")
    said += [
        f"{'an' if name == 'email' else 'a'} {_WORDS[name]} that many firms have" for name in reasons.get("shared", ())
    ]
    return said
