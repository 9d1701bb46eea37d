"""Rows become a preview: found among the builders, compared, counted, and nothing written."""

from __future__ import annotations

import msgspec
import pytest

from builders.importing import lease
from builders.importing.sharing import Crew
from builders.importing.staging import stage
from builders.models import Builder, ImportJob, ImportRow, Rank, SourceKey
from builders.record import Place
from builders.services.builders import create_builder
from builders.services.stored import Key
from tests.builders.firms import Rows, cells, staged, understood, write
from tests.rig import statements

pytestmark = pytest.mark.django_db(transaction=True)
Outcome = ImportRow.Outcome


def written(rows: list[list[str]], **fields) -> ImportJob:
    job = write(staged(rows, **fields))
    assert job.state == ImportJob.State.COMMITTED, job.error_message
    return job


def test_new_rows_are_shown_and_not_written():
    job = staged([cells(n) for n in range(3)])
    assert (job.state, job.counts, job.total) == ("staged", {"created": 3}, 3)
    assert not Builder.objects.exists()
    row = ImportRow.objects.get(job=job, number=2)
    assert (row.cells, row.values["name"], row.source_key) == (cells(0), "Stände 0 & Söhne GmbH", "F-0")


def test_row_that_came_before_is_recognised_without_being_read():
    written([cells(n) for n in range(3)])
    again = Rows([cells(n) for n in range(3)])
    job = staged(again)
    assert (job.counts, again.reads) == ({"unchanged": 3}, 0)
    assert not ImportRow.objects.filter(job=job).exists()


def test_changed_row_shows_what_it_changes():
    written([cells(1), cells(2)])
    job = staged([cells(1, phone="+4940555555"), cells(2)])
    assert job.counts == {"updated": 1, "unchanged": 1}
    [row] = ImportRow.objects.filter(job=job)
    assert row.difference == {"phones": [["+49301000001"], ["+49301000001", "+4940555555"]]}
    assert (row.builder_id, row.builder_rev, row.reason) == (
        Builder.objects.get(name__contains=" 1 ").pk,
        1,
        "source key",
    )


def test_same_key_twice_in_a_file_counts_once():
    job = staged([cells(1), cells(1, city="Berlin"), cells(1)])
    assert job.counts == {"created": 1, "duplicate": 2}


def test_duplicate_of_an_unchanged_row_is_a_duplicate():
    written([cells(1)])
    job = staged([cells(1), cells(1, city="Berlin"), cells(1)])
    assert job.counts == {"unchanged": 1, "duplicate": 2}


def test_bad_row_stops_no_other():
    job = staged([cells(1), cells(2, team="many"), cells(3, name=""), cells(4)])
    assert job.counts == {"created": 2, "error": 2}
    bad = ImportRow.objects.get(job=job, number=3)
    assert bad.problems == [
        {"column": "Team Size", "code": "no_number", "message": "No number.", "cell": "many", "is_error": True}
    ]
    assert bad.cells == cells(2, team="many")


def test_row_that_breaks_the_reader_is_an_error(caplog):
    job = staged([["1"], cells(2)])
    assert job.counts == {"error": 1, "created": 1}
    assert ImportRow.objects.get(job=job, number=2).problems[0]["code"] == "unreadable"


def test_telephone_street_and_name_are_the_same_firm():
    create_builder(actor=None, values=understood(cells(1)))
    job = staged([cells(1, name="STAENDE 1 und Soehne", key="other")], rank=Rank.STAFF)
    row = ImportRow.objects.get(job=job)
    assert row.reason in ("telephone, street and name", "telephone and street")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"name": "Stände 1 und Söhne"}, Outcome.UNCHANGED),
        ({"street": "Weg 5"}, Outcome.REVIEW),
        ({"phone": "+4940555555"}, Outcome.REVIEW),
        ({"name": "Ganz Anders AG"}, Outcome.REVIEW),
        ({"street": "Weg 5", "phone": "+4940555555", "city": "Berlin"}, Outcome.CREATED),
        ({"street": "Weg 5", "name": "Ganz Anders AG"}, Outcome.CREATED),
        ({"city": "Wien"}, Outcome.REVIEW),
        ({"city": "Wien", "phone": "+4940555555"}, Outcome.CREATED),
        ({"city": "Linz", "street": "Hafen 9"}, Outcome.UNCHANGED),
    ],
    ids=[
        *("all agree", "not the street", "not the phone", "not the name", "a branch", "only the phone"),
        *("its street in a city that it serves", "its name there", "its office"),
    ],
)
def test_firm_of_another_source_is_found_by_what_agrees(changes, outcome):
    served, office = Place(country="AT", city="Wien"), Place(country="AT", city="Linz", street="Hafen 9")
    values = msgspec.structs.replace(understood(cells(1)), service_places=[served, office])
    create_builder(actor=None, values=values)
    job = staged([cells(1, key="", **changes)])
    row = ImportRow.objects.get(job=job)
    assert row.outcome == outcome, row.reason


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [({}, Outcome.UPDATED), ({"name": "Shop der Stände"}, Outcome.REVIEW), ({"city": "Berlin"}, Outcome.REVIEW)],
    ids=["the firm itself", "another name", "a branch of the franchise"],
)
def test_claimed_domain_is_the_firm_itself(changes, outcome):
    values = {"name": "Stände 1 & Söhne", "website": "https://firm1.co.uk/"}
    builder = create_builder(actor=None, values={**values, "headquarters": understood(cells(1)).headquarters})
    Builder.objects.filter(pk=builder.pk).update(claim_state="claimed")
    job = staged([cells(1, website="http://shop.firm1.co.uk/de", **changes)])
    row = ImportRow.objects.get(job=job)
    assert (row.outcome, row.reason) == (outcome, "claimed domain")


@pytest.mark.parametrize("name", ["Stände 2 & Söhne GmbH", "Stande 1 & Töchter GmbH"])
def test_like_name_at_one_telephone_and_street_is_asked_about(name):
    create_builder(actor=None, values=understood(cells(1)))
    assert ImportRow.objects.get(job=staged([cells(1, key="", name=name)])).outcome == Outcome.REVIEW


def test_telephone_of_many_links_nobody():
    for name in ("Ast", "Birke", "Esche", "Fichte"):
        create_builder(actor=None, values={"name": f"{name} Messen", "phones": ["+49301000001"]})
    create_builder(actor=None, values=understood(cells(1)))
    assert ImportRow.objects.get(job=staged([cells(1, key="")])).outcome == Outcome.REVIEW


def test_row_without_a_key_is_known_by_name_and_place_again():
    written([cells(1, key="")])
    job = staged([cells(1, key="", phone="+4940555555")])
    assert job.counts == {"updated": 1}
    assert SourceKey.objects.get().key.startswith("~")


def test_hand_edited_and_outranked_fields_are_not_touched():
    builder = create_builder(actor=None, values={"name": "By hand"}, keys=[Key(source="fair", key="F-1")])
    job = staged([cells(1)])
    difference = ImportRow.objects.get(job=job).difference
    assert "name" not in difference
    assert difference["website"] == [None, "https://www.firm1.example/"]
    assert ImportRow.objects.get(job=job).builder_id == builder.pk


def test_word_of_a_lower_rank_only_fills_what_is_empty():
    written([cells(1, website="")], rank=Rank.REGISTER)
    job = staged([cells(1, name="Scraped")], rank=Rank.SCRAPER)
    assert set(ImportRow.objects.get(job=job).difference) == {"website"}


@pytest.mark.parametrize(
    ("policy", "phones"),
    [
        ("add", ["+49301000001", "+4940555555"]),
        ("replace", ["+4940555555"]),
        ("fill", None),
        ("keep", None),
    ],
)
def test_policy_says_what_becomes_of_a_field(policy, phones):
    written([cells(1)])
    job = staged([cells(1, phone="+4940555555", name="Neu")], policy={"phones": policy})
    difference = ImportRow.objects.get(job=job).difference
    assert difference["name"] == ["Stände 1 & Söhne GmbH", "Neu"]
    assert difference.get("phones", [None, None])[1] == phones


def test_kept_field_is_not_even_filled():
    written([cells(1, website="")])
    job = staged([cells(1, name="Neu")], policy={"website": "keep"})
    assert set(ImportRow.objects.get(job=job).difference) == {"name"}


@pytest.mark.parametrize("count", [10, 300])
def test_statements_do_not_grow_with_the_rows(count):
    written([cells(n) for n in range(count)])
    rows = [cells(n, name=f"Neu {n}") for n in range(count)]
    # Fewer than 40 for a chunk of any size, with claiming and finishing the job.
    assert statements(lambda: staged(rows)) < 40


def test_cancelled_while_reading_ends_without_a_preview():
    job = staged([cells(1)])
    job.state, job.wants_cancel = "staging", True
    job.save()
    worker = lease.new_worker()
    assert lease.claim(job.pk, worker)
    with pytest.raises(lease.Cancelled):
        stage(job, Rows([cells(1)]), worker, Crew())
