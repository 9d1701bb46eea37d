"""Duplicates in the admin site: the queue, two builders side by side, a merge, and its end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from builders.models import Builder, DuplicateCandidate, MergeRecord
from builders.record import Place
from builders.services.builders import update_builder
from operations.models import ActivityEvent
from tests.builders.admin.staff import LIST as BUILDERS
from tests.builders.admin.staff import act, builder, client_with, confirm, messages_of
from tests.rig import client_of, make_guest, make_staff, statements

pytestmark = pytest.mark.django_db
LIST, MERGES = "/admin/builders/duplicatecandidate/", "/admin/builders/mergerecord/"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def boss(db) -> Client:
    return client_of(make_staff())


@pytest.fixture
def pair(db) -> DuplicateCandidate:
    first = builder(
        "Stände Müller",
        phones=["+49301234567"],
        founded=1999,
        headquarters=Place(country="DE", city="Berlin"),
        emails=["a@mueller.de"],
    )
    second = builder("Stände Mueller GmbH", phones=["+49301234567"], founded=2001, emails=["b@mueller.de"])
    return candidate(first, second)


def candidate(first: Builder, second: Builder, **fields: Any) -> DuplicateCandidate:
    reasons = {"name": 96, "phone": True, "street": None, "domain": None, "email": False, "place": None}
    return DuplicateCandidate.objects.create(first=first, second=second, **{"score": 80, "reasons": reasons, **fields})


def url(kept: Builder, dropped: Builder) -> str:
    return f"{LIST}compare/{kept.uid}/{dropped.uid}/"


def answers(client: Client, page: str, **changes: str) -> dict[str, str]:
    """Return what the page sends when *Merge* is pressed."""
    html = client.get(page).content.decode()
    fields = dict(re.findall(r'name="(take-\w+)" value="(\w+)" checked', html))
    revs = re.search(r'name="revs" value="([^"]+)"', html)
    assert revs
    return {**fields, "revs": revs[1], "act": "merge", **changes}


def test_pages_take_the_right_to_merge(boss: Client, pair: DuplicateCandidate) -> None:
    page = url(pair.first, pair.second)
    for client, status in ((Client(), 302), (client_of(make_guest()), 302), (client_with("change_builder"), 403)):
        assert [client.get(p).status_code for p in (LIST, MERGES, page, f"{LIST}{pair.pk}/change/")] == [status] * 4
        assert client.post(page, {"act": "merge"}).status_code == status
        confirm(client, "two_firms", pair, page=LIST)
    pair.refresh_from_db()
    assert (pair.state, MergeRecord.objects.count()) == ("open", 0)
    client = client_with("merge_builders")
    assert [client.get(p).status_code for p in (LIST, MERGES, page)] == [200] * 3


def test_queue_shows_what_is_open_and_why(boss: Client, pair: DuplicateCandidate) -> None:
    decided = candidate(builder("A"), builder("B"), state="distinct")
    html = " ".join(boss.get(LIST).content.decode().split())
    assert "Stände Mueller GmbH" in html
    assert "the same telephone" in html
    assert url(pair.first, pair.second) in html
    assert list(boss.get(LIST).context["cl"].queryset) == [pair]
    assert list(boss.get(LIST, {"state": "distinct"}).context["cl"].queryset) == [decided]
    assert boss.get(f"{LIST}{pair.pk}/change/").url == url(pair.first, pair.second)


def test_queue_takes_as_many_statements_whatever_its_length(boss: Client, pair: DuplicateCandidate) -> None:
    one = statements(lambda: boss.get(LIST))
    for number in range(3):
        candidate(builder(f"A{number}"), builder(f"B{number}"))
    assert statements(lambda: boss.get(LIST)) == one


def test_verified_builder_stands_where_it_stays(boss: Client, pair: DuplicateCandidate) -> None:
    update_builder(actor=None, builder=pair.second_id, values={"is_verified": True})
    assert boss.get(f"{LIST}{pair.pk}/change/").url == url(pair.second, pair.first)


def test_both_stand_side_by_side_with_what_would_be_taken(boss: Client, pair: DuplicateCandidate) -> None:
    page = url(pair.first, pair.second)
    chosen = answers(boss, page)
    assert (chosen["take-founded"], chosen["take-emails"]) == ("kept", "both")
    # Only one of them says it, or both the same: there is nothing to choose.
    assert {"take-headquarters", "take-phones"}.isdisjoint(chosen)
    assert "80 of 100" in boss.get(page).content.decode()
    assert url(pair.second, pair.first) in boss.get(page).content.decode()


def test_two_are_merged_field_by_field(boss: Client, pair: DuplicateCandidate) -> None:
    page = url(pair.first, pair.second)
    chosen = answers(boss, page, **{"take-founded": "dropped", "take-emails": "dropped"})
    response = boss.post(page, chosen, follow=True)
    assert "is part of Stände Müller now" in messages_of(response)[0]
    kept = Builder.objects.get(pk=pair.first_id)
    assert (kept.name, kept.founded) == ("Stände Müller", 2001)
    assert list(kept.contact_points.filter(kind="email").values_list("value", flat=True)) == ["b@mueller.de"]
    assert Builder.objects.get(pk=pair.second_id).merged_into == kept
    pair.refresh_from_db()
    assert pair.state == "merged"
    assert ActivityEvent.objects.filter(kind="builders.builder.merged").count() == 1
    record = MergeRecord.objects.get()
    assert (record.choices["founded"], record.choices["name"]) == ("dropped", "kept")


def test_only_what_was_chosen_otherwise_is_locked(boss: Client, pair: DuplicateCandidate) -> None:
    Builder.objects.update(locked_fields=[])
    page = url(pair.first, pair.second)
    boss.post(page, answers(boss, page, **{"take-founded": "dropped"}))
    assert Builder.objects.get(pk=pair.first_id).locked_fields == ["founded"]


def test_merge_is_taken_back(boss: Client, pair: DuplicateCandidate) -> None:
    page = url(pair.first, pair.second)
    boss.post(page, answers(boss, page))
    record = MergeRecord.objects.get()
    asked = act(boss, "take_back", record, page=MERGES)
    assert "Stände Mueller GmbH out of Stände Müller" in asked.content.decode()
    confirm(boss, "take_back", record, page=MERGES)
    assert Builder.objects.filter(merged_into=None).count() == 2
    record.refresh_from_db()
    assert record.undone_at is not None
    for choice, count in (("no", 0), ("yes", 1)):
        assert boss.get(f"{MERGES}?taken_back={choice}").context["cl"].result_count == count


def test_merge_that_was_built_upon_stays_and_says_why(boss: Client, pair: DuplicateCandidate) -> None:
    page = url(pair.first, pair.second)
    boss.post(page, answers(boss, page))
    update_builder(actor=None, builder=pair.first_id, values={"founded": 1888})
    response = confirm(boss, "take_back", MergeRecord.objects.get(), page=MERGES)
    assert "Changed since the merge: founded" in messages_of(response)[-1]
    assert Builder.objects.filter(merged_into=None).count() == 1


def test_builder_that_was_changed_meanwhile_is_not_merged(boss: Client, pair: DuplicateCandidate) -> None:
    page = url(pair.first, pair.second)
    chosen = answers(boss, page)
    update_builder(actor=None, builder=pair.second_id, values={"founded": 1888})
    response = boss.post(page, chosen)
    assert "was changed meanwhile" in response.content.decode()
    assert not MergeRecord.objects.exists()


@pytest.mark.parametrize(("act_name", "state"), [("distinct", "distinct"), ("branch", "branch")])
def test_pair_is_decided_side_by_side(boss: Client, pair: DuplicateCandidate, act_name: str, state: str) -> None:
    page = url(pair.first, pair.second)
    boss.post(page, answers(boss, page, act=act_name))
    pair.refresh_from_db()
    assert (pair.state, MergeRecord.objects.count()) == (state, 0)


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    "fields",
    [{}, {"act": "burn"}, {"act": "merge"}, {"act": "merge", "revs": "1"}, {"act": "merge", "revs": "a,b"}],
)
def test_answer_that_makes_no_sense_changes_nothing(
    boss: Client, pair: DuplicateCandidate, fields: dict[str, str]
) -> None:
    response = boss.post(url(pair.first, pair.second), fields)
    assert response.status_code == 200
    assert messages_of(response)
    assert Builder.objects.filter(merged_into=None).count() == 2


@pytest.mark.parametrize(
    ("action", "state"), [("two_firms", "distinct"), ("branches", "branch"), ("open_again", "open")]
)
def test_many_pairs_are_decided_after_a_question(
    boss: Client, pair: DuplicateCandidate, action: str, state: str
) -> None:
    if action == "open_again":
        DuplicateCandidate.objects.update(state="distinct")
    page = f"{LIST}?state=distinct" if action == "open_again" else LIST
    assert "Stände Müller and Stände Mueller GmbH" in act(boss, action, pair, page=page).content.decode()
    confirm(boss, action, pair, page=page)
    pair.refresh_from_db()
    assert pair.state == state


def test_two_of_the_list_are_merged_by_hand(boss: Client) -> None:
    first, second, third = builder("A"), builder("B"), builder("C")
    response = act(boss, "merge", first, second)
    assert response.redirect_chain == [(url(first, second), 302)]
    assert b'value="distinct"' not in response.content
    for rows in ((first,), (first, second, third)):
        assert messages_of(act(boss, "merge", *rows)) == ["Choose exactly two builders to merge."]
    boss.post(url(second, first), answers(boss, url(second, first)))
    assert Builder.objects.get(pk=first.pk).merged_into == second


def test_builders_that_there_are_not_or_that_are_one_are_not_compared(boss: Client) -> None:
    first, second = builder("A"), builder("B")
    assert boss.get(f"{LIST}compare/{first.uid}/unknown/").status_code == 404
    assert boss.get(f"{LIST}compare/{first.uid}/{first.uid}/").status_code == 404
    Builder.objects.filter(pk=second.pk).update(merged_into=first)
    response = boss.get(url(first, second), follow=True)
    assert response.redirect_chain == [(MERGES, 302)]
    assert boss.get(BUILDERS).status_code == 200


def test_names_and_texts_are_shown_as_text(boss: Client) -> None:
    first, second = (builder(f"{SCRIPT}{n}", description=f"{SCRIPT}{n}") for n in range(2))
    candidate(first, second)
    page = url(first, second)
    pages = [boss.get(LIST), boss.get(page)]
    pages += [boss.post(page, answers(boss, page), follow=True), boss.get(MERGES)]
    for response in pages:
        assert SCRIPT not in response.content.decode()
        assert "&lt;script&gt;" in response.content.decode()
