"""Builders over HTTP for staff: one or many, each with its own result, none twice, and nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from builders.models import Builder
from builders.services.builders import update_builder
from operations.models import ActivityEvent
from tests.builders.admin.staff import builder, client_with, staff_with
from tests.rig import client_of, make_guest, make_member, make_staff, statements

pytestmark = pytest.mark.django_db
URL, BULK = "/api/admin/builders", "/api/admin/builders/bulk"
FULL: dict[str, Any] = {
    "name": "Stände Müller GmbH",
    "description": "one\n\ntwo",
    "website": "www.Mueller-Stand.de",
    "emails": ["Info@mueller-stand.de"],
    "phones": ["+49 30 1234567"],
    "headquarters": {
        "country": "de",
        "city": "Düsseldorf",
        "street": "Messeallee 1",
        "latitude": 51.2,
        "longitude": 6.7,
    },
    "service_places": [{"country": "AT", "city": "Graz"}],
    "services": [{"name": "Rental", "category": "rental", "price_from": 12.5, "currency": "eur"}],
    "people": [{"name": "Ada Weiß"}],
    "languages": ["German", "en"],
    "team": [3, 9],
    "rating": ["4.5", 12],
    "plan": "basic",
}


@pytest.fixture
def boss(db) -> Client:
    return client_of(make_staff())


def send(client: Client, method: str, url: str, body: Any = None, **headers: str) -> Any:
    return client.generic(method, url, "" if body is None else json.dumps(body), "application/json", **headers)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# --- who may ----------------------------------------------------------------------------------------------------


def requests(uid: str) -> list[tuple[str, str, Any]]:
    return [
        ("GET", URL, None),
        ("POST", URL, {"values": {"name": "Mine"}}),
        ("PATCH", f"{URL}/{uid}", {"values": {"name": "Mine"}}),
        ("DELETE", f"{URL}/{uid}", None),
        ("POST", BULK, {"rows": [{"op": "delete", "uid": uid}]}),
    ]


def test_routes_are_for_staff_alone() -> None:
    row = builder()
    for client, status in ((Client(), 401), (client_of(make_guest()), 403), (client_of(make_member()), 403)):
        answers = [send(client, *request) for request in requests(row.uid)]
        assert [answer.status_code for answer in answers] == [status] * 5
    assert list(Builder.objects.values_list("name", flat=True)) == ["Stände Müller"]


def test_staff_without_the_right_are_refused() -> None:
    row = builder()
    client = client_with("run_imports")
    for request in requests(row.uid)[:4]:
        assert code(send(client, *request)) == (403, "forbidden")
    [result] = send(client, "POST", BULK, {"rows": [{"op": "delete", "uid": row.uid}]}).json()["results"]
    assert (result["status"], result["code"]) == (403, "forbidden")
    assert list(Builder.objects.values_list("name", flat=True)) == ["Stände Müller"]


def test_staff_without_a_second_factor_are_refused_where_one_is_required(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = True
    client = client_of(staff_with("view_builder"))
    assert code(send(client, "GET", URL)) == (403, "forbidden")


def test_writes_need_the_token_of_the_page(boss: Client) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = boss.cookies
    assert send(client, "POST", URL, {"values": {"name": "Mine"}}).status_code == 403
    assert not Builder.objects.exists()


# --- one --------------------------------------------------------------------------------------------------------


def test_builder_is_added_whole_and_read_back(boss: Client) -> None:
    answer = send(boss, "POST", URL, {"values": FULL, "keys": [{"source": "crm", "key": "17"}], "is_featured": True})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    values = made["values"]
    assert values["website"] == "https://www.mueller-stand.de"
    assert (values["emails"], values["phones"]) == (["info@mueller-stand.de"], ["+49301234567"])
    assert values["headquarters"]["country"] == "DE"
    assert (values["team"], values["rating"], values["languages"]) == ([3, 9], ["4.5", 12], ["de", "en"])
    assert values["services"][0]["price_from"] == "12.50"
    assert (made["keys"], made["is_featured"], made["is_active"]) == ([{"source": "crm", "key": "17"}], True, True)
    assert send(boss, "GET", URL).json() == {"items": [made], "next": None}


def test_what_was_read_can_be_sent_back_and_changes_nothing(boss: Client) -> None:
    made = send(boss, "POST", URL, {"values": FULL}).json()
    again = send(boss, "PATCH", f"{URL}/{made['uid']}", {"values": made["values"], "rev": made["rev"]}).json()
    assert again == made


def test_fields_are_changed_emptied_and_locked(boss: Client) -> None:
    made = send(boss, "POST", URL, {"values": FULL}).json()
    update = {"values": {"name": "New", "team": None, "people": []}, "is_active": False, "rev": made["rev"]}
    answer = send(boss, "PATCH", f"{URL}/{made['uid']}", update)
    changed = answer.json()
    assert (changed["values"]["name"], changed["is_active"], changed["rev"]) == ("New", False, made["rev"] + 1)
    assert {"team", "people"}.isdisjoint(changed["values"])
    assert {"team", "people", "name"} <= set(changed["locked_fields"])
    assert ActivityEvent.objects.filter(kind="builders.builder.changed").count() == 1


def test_change_of_something_older_is_a_conflict(boss: Client) -> None:
    row = builder()
    update_builder(actor=None, builder=row.pk, values={"founded": 1999})
    answer = send(boss, "PATCH", f"{URL}/{row.uid}", {"values": {"name": "New"}, "rev": row.rev})
    assert code(answer) == (409, "conflict")
    assert answer.json()["errors"][0]["pointer"] == "/expected_rev"
    assert send(boss, "DELETE", f"{URL}/{row.uid}?rev={row.rev}").status_code == 409
    assert Builder.objects.get().name == "Stände Müller"


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "A", "colour": "red"}, "/colour"),
        ({"name": "A", "website": "javascript:alert(1)"}, "/website"),
        ({"name": "A", "emails": ["x"]}, "/emails"),
        ({"name": "A", "team": [9, 1]}, "/team_min"),
        ({"name": "A", "rating": ["1E+99999", 3]}, "/rating"),
        ({"name": "A", "founded": 10**30}, "/founded"),
        ({"name": "A", "plan": "gold"}, "/plan"),
        ({"name": "A", "team": 5}, None),
        ({"name": "A", "services": ["Rental"]}, None),
        ({"name": 5}, None),
    ],
)
def test_values_that_make_no_builder_are_refused_with_their_field(
    boss: Client, values: dict[str, Any], pointer: str | None
) -> None:
    answer = send(boss, "POST", URL, {"values": values})
    assert code(answer) == (422, "invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == ([pointer] if pointer else [])
    assert not Builder.objects.exists()


def test_builder_that_is_there_is_not_added_again(boss: Client) -> None:
    made = send(boss, "POST", URL, {"values": FULL}).json()
    answer = send(boss, "POST", URL, {"values": FULL | {"name": "Stände Mueller"}})
    assert code(answer) == (409, "conflict")
    assert made["uid"] in answer.json()["detail"]
    assert "telephone, street and name" in answer.json()["detail"]
    allowed = send(boss, "POST", URL, {"values": FULL, "allow_duplicate": True})
    assert allowed.status_code == 201
    assert allowed.json()["slug"] != made["slug"]


def test_key_of_another_builder_is_refused(boss: Client) -> None:
    body = {"values": {"name": "A"}, "keys": [{"source": "crm", "key": "17"}]}
    assert send(boss, "POST", URL, body).status_code == 201
    assert code(send(boss, "POST", URL, body | {"values": {"name": "Z"}})) == (409, "conflict")


def test_repeat_with_a_key_adds_nothing_twice(boss: Client) -> None:
    body = {"values": {"name": "A"}}
    first = send(boss, "POST", URL, body, HTTP_IDEMPOTENCY_KEY="k1")
    again = send(boss, "POST", URL, body, HTTP_IDEMPOTENCY_KEY="k1")
    assert first.json() == again.json()
    assert Builder.objects.count() == 1
    other = send(boss, "POST", URL, {"values": {"name": "B"}}, HTTP_IDEMPOTENCY_KEY="k1")
    assert code(other) == (422, "idempotency_conflict")


def test_builder_is_deleted(boss: Client) -> None:
    row = builder()
    assert send(boss, "DELETE", f"{URL}/{row.uid}?rev={row.rev}").status_code == 204
    assert code(send(boss, "DELETE", f"{URL}/{row.uid}")) == (404, "not_found")
    assert code(send(boss, "PATCH", f"{URL}/{row.uid}", {"values": {}})) == (404, "not_found")


def test_merged_builder_is_neither_listed_nor_changed(boss: Client) -> None:
    first, second = builder("A"), builder("B")
    Builder.objects.filter(pk=second.pk).update(merged_into=first)
    assert [item["uid"] for item in send(boss, "GET", URL).json()["items"]] == [first.uid]
    assert send(boss, "PATCH", f"{URL}/{second.uid}", {"values": {"founded": 1999}}).status_code == 404


# --- the list ---------------------------------------------------------------------------------------------------


def test_list_comes_in_pages_and_is_searched(boss: Client) -> None:
    uids = [builder(f"Firm {n}").uid for n in range(3)]
    first = send(boss, "GET", f"{URL}?limit=2").json()
    assert [item["uid"] for item in first["items"]] == uids[:2]
    rest = send(boss, "GET", f"{URL}?limit=2&cursor={first['next']}").json()
    assert ([item["uid"] for item in rest["items"]], rest["next"]) == (uids[2:], None)
    assert [item["uid"] for item in send(boss, "GET", f"{URL}?q=firm+1").json()["items"]] == [uids[1]]
    assert code(send(boss, "GET", f"{URL}?cursor=unknown")) == (404, "not_found")


def test_list_takes_as_many_statements_whatever_its_length(boss: Client) -> None:
    builder("Firm")
    one = statements(lambda: boss.get(URL))
    for number in range(3):
        builder(f"Firm {number}", emails=[f"a{number}@b.de"])
    assert statements(lambda: boss.get(URL)) == one


# --- many -------------------------------------------------------------------------------------------------------


def test_each_of_many_has_its_own_result(boss: Client) -> None:
    changed, deleted, old = builder("Changed"), builder("Deleted"), builder("Old")
    rows = [
        {"op": "add", "values": {"name": "New"}, "is_active": False},
        {"op": "add", "values": {"name": ""}},
        {"op": "update", "uid": changed.uid, "rev": changed.rev, "values": {"founded": 1999}},
        {"op": "update", "uid": old.uid, "rev": 99, "values": {"founded": 1999}},
        {"op": "update", "uid": "unknown", "values": {"founded": 1999}},
        {"op": "delete", "uid": deleted.uid},
        {"op": "add", "values": {"name": "Bad", "extra": {"x": "\x00"}}},
    ]
    answer = send(boss, "POST", BULK, {"rows": rows})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results[:6]] == [201, 422, 200, 409, 404, 204]
    # PostgreSQL stores no NUL; SQLite does.
    assert results[6]["status"] in (201, 422)
    assert results[1]["errors"][0]["pointer"] == "/name"
    assert (results[2]["uid"], results[2]["rev"]) == (changed.uid, changed.rev + 1)
    assert results[3]["code"] == "conflict"
    assert {"New", "Changed", "Old"} <= set(Builder.objects.values_list("name", flat=True))
    assert not Builder.objects.filter(pk=deleted.pk).exists()
    assert Builder.objects.get(name="New").is_active is False


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("rows", [[], [{"op": "burn"}], [{"op": "add"}] * 501, "all"])
def test_rows_that_are_none_are_refused(boss: Client, rows: Any) -> None:
    assert code(send(boss, "POST", BULK, {"rows": rows})) == (422, "invalid")
    assert not Builder.objects.exists()
