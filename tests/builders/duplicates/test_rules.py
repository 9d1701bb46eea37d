"""The rules on the labelled fixture: links that are right, and few firms that are there twice and not seen."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.duplicates.blocks import SHARED_BY_NAMES, TRACES, block_keys, most_under
from builders.duplicates.names import Likeness, compare_names
from builders.duplicates.rules import LINKED_FROM, Decision, Verdict, decide, explain, is_certain
from builders.duplicates.traits import Traits, traits_of
from builders.folding import name_key
from builders.record import Place, Record
from tests.builders.duplicates.pairs import BRANCH, DISTINCT, SAME, Directory, directories, label_of, strangers

OTHER = "not labelled: "

pytestmark = pytest.mark.backend("sqlite")


def meeting(traits: list[Traits]) -> tuple[set[tuple[int, int]], set[str]]:
    """Return the pairs that meet under a key, and the keys that are shared by too many names to count."""
    blocks: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(traits):
        for key in block_keys(each):
            blocks[key].append(number)
    met = {
        pair for key, members in blocks.items() if len(members) <= most_under(key) for pair in combinations(members, 2)
    }
    names = {key: len({traits[number].name for number in members}) for key, members in blocks.items()}
    return met, {key for key, count in names.items() if key[0] in TRACES and count >= SHARED_BY_NAMES}


def judged(directory: Directory) -> dict[tuple[int, int], Decision]:
    traits = [traits_of(firm.record) for firm in directory.firms]
    met, shared = meeting(traits)
    return {pair: decide(traits[pair[0]], traits[pair[1]], shared) for pair in sorted(met)}


def outcomes(given: Iterable[Directory]) -> Iterator[tuple[str, str, str]]:
    """Yield (label, verdict, why) of every labelled pair, and of every other that the rules take for one firm.

    The others count for precision alone: how many there are is a matter of how the fixture is put together.
    """
    for directory in given:
        numbers = {id(firm): number for number, firm in enumerate(directory.firms)}
        decisions = judged(directory)
        for pair in directory.pairs:
            key = tuple(sorted((numbers[id(pair.first)], numbers[id(pair.second)])))
            decision = decisions.pop(key, None)
            yield pair.label, decision.verdict if decision else Verdict.DISTINCT, pair.why
        for (first, second), decision in decisions.items():
            if decision.verdict is not Verdict.DISTINCT:
                firms = directory.firms[first], directory.firms[second]
                yield label_of(*firms), decision.verdict, OTHER + " / ".join(firm.record.name for firm in firms)


def test_fixture_is_large_and_mixed():
    pairs = [pair for directory in directories() for pair in directory.pairs]
    labels = Counter(pair.label for pair in pairs)
    assert len(pairs) >= 500
    assert min(labels[SAME], labels[DISTINCT]) >= 400
    assert labels[BRANCH] >= 150
    countries = {firm.record.headquarters.country for directory in directories() for firm in directory.firms}
    assert len(countries) >= 28


@pytest.mark.parametrize("fixture", [directories, strangers])
def test_links_are_right_and_little_is_missed(fixture, capsys):
    found = list(outcomes(fixture()))
    table = Counter((label, verdict) for label, verdict, _ in found)
    linked = [label for label, verdict, _ in found if verdict is Verdict.LINK]
    twice = [verdict for label, verdict, why in found if label == SAME and not why.startswith(OTHER)]
    queued = [label for label, verdict, _ in found if verdict is not Verdict.DISTINCT]
    precision = linked.count(SAME) / len(linked)
    recall = 1 - twice.count(Verdict.DISTINCT) / len(twice)
    with capsys.disabled():
        print(
            f"\n{fixture.__name__}: {len(found)} pairs; {len(linked)} linked at precision {precision:.3f};"
            f" linked or queued at recall {recall:.3f}, precision {queued.count(SAME) / len(queued):.2f}; {dict(table)}"
        )
    assert precision >= 0.99
    assert recall >= 0.95


@pytest.mark.parametrize(
    ("first", "second", "likeness"),
    [
        ("Müller & Söhne Messebau GmbH", "MUELLER SOEHNE MESSEBAU", Likeness.SAME),
        ("Kröger Messebau", "Messebau Kröger GmbH", Likeness.SAME),
        ("ExpoPoint Berlin", "Expo Point Berlin", Likeness.SAME),
        ("Tameris Exhibits Ltd", "Tameris Exhibit Limited", Likeness.SAME),
        ("Hans Becker Messebau", "Hanna Becker Messebau", Likeness.ALIKE),
        ("Hartmann Messebau", "Messebau Hartman", Likeness.SAME),
        ("Hartmann Messebau", "Messebau Hartnann", Likeness.MISSPELT),
        ("Mario Rossi Allestimenti", "Maria Rossi Allestimenti", Likeness.MISSPELT),
        ("上海华展展览服务有限公司", "上海华美展览服务有限公司", Likeness.OTHER),
        ("株式会社桜ディスプレイ", "Sakura Display Co., Ltd.", Likeness.UNREADABLE),
        ("De Vries Standbouw", "Standbouw DeVries BV", Likeness.SAME),
        ("Compagnia Italiana Allestimenti Fieristici", "C.I.A.F. S.r.l.", Likeness.ALIKE),
        ("Société Française d'Agencement", "SFA", Likeness.ALIKE),
        ("Falkenried Messebau GmbH", "Falkenried", Likeness.ALIKE),
        ("Балтийский Павильон", "Baltiyskiy Pavilion", Likeness.ALIKE),
        ("浦汇展览服务有限公司", "浦汇展览", Likeness.ALIKE),
        ("Expo Design LLC", "Design Expo LLC", Likeness.OTHER),
        ("Halle 7 Design", "Halle 9 Design", Likeness.OTHER),
        ("Adler Standbau", "Bergmann Standbau", Likeness.OTHER),
        ("Falkenried A GmbH", "Falkenried B GmbH", Likeness.ALIKE),
        ("Hess Messebau", "He Messebau", Likeness.OTHER),
        ("", "Adler", Likeness.OTHER),
        ("", "", Likeness.OTHER),
    ],
)
def test_names_are_compared_word_by_word(first, second, likeness):
    assert compare_names(name_key(first), name_key(second)).likeness is likeness
    assert compare_names(name_key(second), name_key(first)).likeness is likeness


def record(name="Adler Standbau", **fields) -> Traits:
    fields = {"phones": ["+4969123456"], "website": "https://adler-standbau.de/", **fields}
    place = {"country": "DE", "city": "Mainz", "street": "Ringstraße 4", "postcode": "55116", **fields.pop("place", {})}
    is_claimed = fields.pop("is_claimed", False)
    return traits_of(Record(name=name, headquarters=Place(**place), **fields), is_claimed=is_claimed)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.LINK),
        ({"name": "Falke Messen"}, Verdict.REVIEW),
        ({"phones": ["+4969999999"]}, Verdict.REVIEW),
        ({"phones": []}, Verdict.REVIEW),
        ({"place": {"street": "Hafenweg 90"}}, Verdict.REVIEW),
        ({"place": {"city": "", "postcode": ""}}, Verdict.REVIEW),
        ({"name": "Adler Standbeu"}, Verdict.REVIEW),
        ({"place": {"postcode": "23730"}}, Verdict.REVIEW),
        # The same street and number in another town: a branch that gives the number of the headquarters.
        ({"place": {"city": "Worms", "postcode": "67547"}}, Verdict.REVIEW),
        ({"phones": [], "place": {"city": "Worms", "postcode": "67547"}}, Verdict.DISTINCT),
        ({"name": "Falke Messen", "phones": [], "website": ""}, Verdict.DISTINCT),
        ({"name": "Falke Messen", "phones": [], "place": {"street": ""}}, Verdict.DISTINCT),
    ],
)
def test_links_need_telephone_street_and_name(changes, verdict):
    decision = decide(record(), record(**changes))
    assert decision.verdict is verdict
    assert (decision.score >= LINKED_FROM) == (verdict is Verdict.LINK)
    assert decide(record(**changes), record()) == decision


def test_link_is_certain_unless_its_neighbours_share_the_telephone():
    neighbours = [record(name=f"{name} Messen", place={"street": f"{name}weg 1"}) for name in ("Ast", "Birke", "Esche")]
    assert is_certain(record(), record(website=""), neighbours)
    assert not is_certain(record(), record(website=""), [*neighbours, record(name="Fichte Messen")])
    assert not is_certain(record(), record(name="Falke Messen"), [])


def test_claimed_domain_links_the_firm_and_not_its_franchise():
    there = {"phones": ["+4930777777"], "place": {"street": "Hafenweg 90"}}
    assert decide(record(is_claimed=True), record(**there)).verdict is Verdict.LINK
    elsewhere = {"phones": ["+4930777777"], "place": {"street": "Hafenweg 90", "city": "Worms", "postcode": "67547"}}
    assert decide(record(is_claimed=True), record(**elsewhere)).verdict is Verdict.DISTINCT
    nowhere = {"phones": ["+4930777777"], "place": {"street": "", "city": "", "postcode": ""}}
    assert decide(record(is_claimed=True), record(**nowhere)).verdict is Verdict.LINK


def test_shared_telephone_counts_for_nothing():
    decision = decide(record(), record(website=""), shared={"p:+4969123456"})
    assert decision.verdict is Verdict.REVIEW
    assert decision.reasons["shared"] == ["phone"]
    assert decision.reasons["phone"] is None


def test_reasons_are_plain_and_said_in_words():
    decision = decide(record(), record("Adler Standbau GmbH", website=""))
    assert json.loads(json.dumps(decision.reasons)) == decision.reasons
    assert decision.reasons == {
        "name": 100, "phone": True, "street": True, "domain": None, "email": None, "place": True,
    }  # fmt: skip
    assert explain(decision.reasons) == ["the same name", "the same telephone", "the same street", "the same city"]
    other = explain({"name": 40, "phone": False, "street": None, "place": False, "shared": ["domain"]})
    assert other == ["another name", "another telephone", "another city", "a domain that many firms have"]


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_two_names_can_be_compared(first, second):
    there, back = compare_names(name_key(first), name_key(second)), compare_names(name_key(second), name_key(first))
    assert there == back
    assert 0 <= there.score <= 100
