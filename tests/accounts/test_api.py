"""Coming in as a guest and changing the own name over HTTP."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client

from accounts import services
from accounts.models import User


def enter(client: Client, name: str = "Visitor", **headers: str):
    return client.post("/api/guests", {"display_name": name}, content_type="application/json", headers=headers)


def test_guests_makes_a_guest_and_logs_in(client, db):
    answer = enter(client)
    guest = User.objects.get()
    assert (answer.status_code, answer.json()) == (201, {"uid": guest.uid, "name": "Visitor"})
    assert client.session["_auth_user_id"] == str(guest.pk)
    assert answer.cookies["sessionid"]["httponly"]


def test_guests_again_answers_with_the_same_guest(client, db):
    first = enter(client)
    second = enter(client, "Wanderer")
    assert second.status_code == 200
    assert second.json() == {"uid": first.json()["uid"], "name": "Wanderer"}
    assert User.objects.count() == 1


def test_guests_of_a_member_answers_with_the_member(client, member):
    client.force_login(member)
    answer = enter(client)
    assert (answer.status_code, answer.json()) == (200, {"uid": member.uid, "name": "Ada"})


def test_guests_needs_no_csrf_token(db):
    assert enter(Client(enforce_csrf_checks=True)).status_code == 201


@pytest.mark.parametrize("origin", ["http://testserver", "HTTP://TestServer", "http://127.0.0.1:8000"])
def test_guests_from_our_own_origin_is_accepted(client, db, origin):
    assert enter(client, origin=origin).status_code == 201


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://testserver.evil.example", "https://testserver", "http://[broken", "x"],
)
def test_guests_from_a_foreign_origin_is_refused(client, db, origin):
    answer = enter(client, origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert not User.objects.exists()


def test_guests_with_a_refused_name_names_the_field(client, db):
    answer = enter(client, "Admin")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer["Content-Type"].startswith("application/problem+json")
    assert "display_name" in str(answer.json()["errors"])


@pytest.mark.parametrize("body", ["", "null", "[]", "{", '{"display_name": 7}', "{}"])
def test_guests_with_a_malformed_body_is_refused(client, db, body):
    answer = client.post("/api/guests", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert not User.objects.exists()


def test_guests_with_another_method_is_refused(client, db):
    assert client.get("/api/guests").status_code == 405


def test_guests_too_often_is_refused(db, monkeypatch):
    monkeypatch.setattr(services, "GUESTS_PER_ADDRESS", "1/minute")
    assert enter(Client()).status_code == 201
    answer = enter(Client())
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0


def test_guests_too_often_elsewhere_does_not_matter(db, monkeypatch):
    monkeypatch.setattr(services, "GUESTS_PER_ADDRESS", "1/minute")
    assert enter(Client(REMOTE_ADDR="192.0.2.1")).status_code == 201
    assert enter(Client(REMOTE_ADDR="192.0.2.2")).status_code == 201
    assert enter(Client(REMOTE_ADDR="2001:db8::1")).status_code == 201
    assert enter(Client(REMOTE_ADDR="2001:db8::2")).status_code == 429


@pytest.mark.django_db(transaction=True)
async def test_guests_works_under_asgi():
    answer = await AsyncClient().post("/api/guests", {"display_name": "Visitor"}, content_type="application/json")
    assert answer.status_code == 201
    # The test client leaves the worker thread's connection open, and PostgreSQL drops no database that is in use.
    await sync_to_async(connections.close_all)()


def test_name_changes_the_own_name(guest_client):
    answer = guest_client.post("/api/me/name", {"display_name": "Wanderer"}, content_type="application/json")
    guest_client.guest.refresh_from_db()
    assert (answer.status_code, guest_client.guest.display_name) == (200, "Wanderer")


def test_name_of_nobody_is_refused(client, db):
    answer = client.post("/api/me/name", {"display_name": "Wanderer"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_name_without_csrf_token_is_refused(member):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    answer = client.post("/api/me/name", {"display_name": "Wanderer"}, content_type="application/json")
    member.refresh_from_db()
    assert (answer.status_code, member.display_name) == (403, "Ada")


def test_name_refused_names_the_field(guest_client):
    answer = guest_client.post("/api/me/name", {"display_name": "\u202eX"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
