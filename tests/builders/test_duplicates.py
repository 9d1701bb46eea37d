"""The job that looks for builders that are there twice: what it finds, what it leaves alone, and what it costs."""

from __future__ import annotations

import json

import pytest
from django.db import transaction
from django.utils import timezone

from builders.models import Builder, DuplicateCandidate
from builders.record import Place
from builders.services import duplicates
from builders.services.builders import create_builder, delete_builder, update_builder
from builders.services.comparable import load_traits
from builders.services.duplicates import decide, propose, propose_job
from builders.services.merging import merge
from builders.services.stored import Stored
from builders.services.writing import insert
from operations.jobs import job_named, run_due, run_now
from realtime.errors import ClientError
from realtime.ids import new_uid
from tests.builders.duplicates.pairs import SAME, directories, label_of
from tests.builders.firms import cells, staged, write
from tests.rig import make_member, make_staff, statements

pytestmark = pytest.mark.django_db(transaction=True)


def builder(name: str = "Adler Standbau GmbH", street: str = "Ringstraße 4", city: str = "Mainz", **values) -> Builder:
    place = Place(country="DE", city=city, street=street, postcode="55116")
    return create_builder(actor=None, values={"name": name, "headquarters": place, "phones": ["+4969123456"], **values})


def open_pairs() -> list[tuple[int, int]]:
    return list(
        DuplicateCandidate.objects.filter(state="open").values_list("first", "second").order_by("first", "second")
    )


def test_pair_is_proposed_once_with_its_reasons():
    first, second = builder(), builder("ADLER STANDBAU", "Ringstr. 4")
    builder("Falke Messen", "Hafenweg 90", "Worms", phones=["+49624199999"])
    assert propose() == 1
    assert propose() == 0
    candidate = DuplicateCandidate.objects.get()
    assert (candidate.first, candidate.second, candidate.state) == (first, second, "open")
    assert candidate.score >= 95
    assert candidate.reasons["phone"] is True
    assert json.loads(json.dumps(candidate.reasons)) == candidate.reasons


def test_whole_fixture_goes_through_the_database(monkeypatch):
    monkeypatch.setattr(duplicates, "CHUNK", 40)
    directory, now = next(directories()), timezone.now()
    there = [
        Stored(record=firm.record, uid=new_uid(), slug=f"firm-{number}", created_at=now, updated_at=now)
        for number, firm in enumerate(directory.firms)
    ]
    with transaction.atomic():
        insert(there)
    made = {stored.id: firm for stored, firm in zip(there, directory.firms, strict=True)}
    ids = {id(firm): pk for pk, firm in made.items()}
    assert propose() == len(open_pairs())
    twice = [pair for pair in directory.pairs if pair.label == SAME]
    found = set(open_pairs())
    assert sum((ids[id(pair.first)], ids[id(pair.second)]) in found for pair in twice) >= 0.95 * len(twice)
    links = DuplicateCandidate.objects.filter(score__gte=95).values_list("first", "second")
    assert {label_of(made[first], made[second]) for first, second in links} == {SAME}


def test_job_runs_by_its_name():
    builder(), builder()
    run = run_now(job_named("builders.duplicates"))
    assert (run.is_ok, run.result) == (True, "1 new pairs")
    assert propose_job() == "0 new pairs"


def test_job_is_due_when_an_import_is_written():
    job = job_named("builders.duplicates")
    create_builder(actor=None, values={"name": "Stände 1 & Söhne", "headquarters": Place(country="AT", city="Graz")})
    run_now(job)
    assert run_due([job]) == []
    write(staged([cells(1)]))
    assert run_due([job]) == ["builders.duplicates"]
    assert len(open_pairs()) == 1
    assert run_due([job]) == []


@pytest.mark.parametrize("state", ["distinct", "branch"])
def test_pair_that_was_decided_is_not_proposed_again(state):
    builder(), builder()
    propose()
    actor = make_staff()
    decided = decide(actor=actor, candidate=DuplicateCandidate.objects.get(), state=state)
    assert (decided.state, decided.decided_by) == (state, actor)
    assert propose() == 0
    assert open_pairs() == []


def test_merged_builder_is_not_proposed():
    first, second = builder(), builder()
    propose()
    merge(actor=None, kept=first, dropped=second, choices={}, expected_revs=(1, 1))
    third = builder()
    assert propose() == 1
    waiting = DuplicateCandidate.objects.waiting()
    assert list(waiting.values_list("first", "second")) == [(first.pk, third.pk)]


def test_pair_that_is_none_any_more_is_taken_out_and_a_score_follows():
    first, second = builder(), builder()
    propose()
    place = Place(country="DE", city="Worms", street="Hafenweg 90", postcode="67547")
    update_builder(actor=None, builder=second.pk, values={"headquarters": place})
    assert propose() == 0
    assert DuplicateCandidate.objects.get().score < 95
    update_builder(actor=None, builder=second.pk, values={"phones": ["+49624199999"], "name": "Falke Messen"})
    assert propose([first.pk]) == 0
    assert open_pairs() == []


def test_only_chosen_builders_are_looked_at():
    first, second, third = builder(), builder(), builder(name="Falke", street="Weg 1", phones=["+49624199999"])
    fourth = builder(name="Falke", street="Weg 1", phones=["+49624199999"])
    assert propose([]) == 0
    assert propose([fourth.pk]) == 1
    assert open_pairs() == [(third.pk, fourth.pk)]
    assert propose() == 1
    assert open_pairs() == [(first.pk, second.pk), (third.pk, fourth.pk)]


def test_block_of_a_call_centre_brings_nobody_together():
    names = "Adler Bergmann Cremer Dornfeld Ebert Fuhrmann".split()
    for number, name in enumerate(names * 12):
        values = {"phones": ["+49180550550"], "street": f"Weg {number}", "city": f"Ort {number}"}
        builder(f"{name} {'ABCDEFGHIJKL'[number // 6] * 4}", **values)
    propose()
    assert open_pairs() == []


def test_deleted_builder_takes_its_pairs_along():
    first, _ = builder(), builder()
    propose()
    delete_builder(actor=None, builder=first.pk)
    assert open_pairs() == []
    assert propose() == 0


def test_builder_deleted_while_it_is_compared_stops_nothing(monkeypatch):
    first, second, third = builder(), builder(), builder()
    looked = []

    def load_and_delete(ids):
        traits = load_traits(ids)
        looked.append(len(traits))
        if len(looked) == 2:  # the first time is the filing
            Builder.objects.filter(pk=third.pk).delete()
        return traits

    monkeypatch.setattr(duplicates, "load_traits", load_and_delete)
    assert propose() == 1
    assert open_pairs() == [(first.pk, second.pk)]


def test_decisions_are_refused_without_right_and_for_no_state():
    builder(), builder()
    propose()
    candidate = DuplicateCandidate.objects.get()
    with pytest.raises(ClientError) as error:
        decide(actor=make_member(), candidate=candidate, state="distinct")
    assert error.value.code == "forbidden"
    with pytest.raises(ClientError) as error:
        decide(actor=None, candidate=candidate, state="merged")
    assert (error.value.code, error.value.field) == ("invalid", "state")
    merge(actor=None, kept=candidate.first, dropped=candidate.second, choices={}, expected_revs=(1, 1))
    with pytest.raises(ClientError) as error:
        decide(actor=None, candidate=candidate, state="open")
    assert error.value.code == "conflict"
    # The job takes out what is no pair any more, also while somebody looks at it.
    DuplicateCandidate.objects.filter(pk=candidate.pk).delete()
    with pytest.raises(ClientError) as error:
        decide(actor=None, candidate=candidate, state="open")
    assert error.value.code == "not_found"


def test_decision_can_be_taken_back():
    builder(), builder()
    propose()
    candidate = DuplicateCandidate.objects.get()
    decide(actor=None, candidate=candidate, state="distinct")
    assert decide(actor=None, candidate=candidate, state="open").state == "open"


def test_statements_do_not_grow_with_the_directory():
    builder(), builder()
    few = statements(propose)
    for number in range(12):
        builder(f"Falke {number}", f"Weg {number}", phones=[f"+4962419999{number % 10}"])
    # What differs is the copying in, one statement for each chunk.
    assert statements(propose) <= few + 2
