"""The HTTP API of rooms: every route and every refusal. Errors are problems (RFC 9457) with a code of the protocol."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db import DatabaseError, OperationalError, connections
from django.test import AsyncClient, Client

from chat.models import Ban, Membership, Message, Room
from chat.services import entering, rooms
from chat.services.bans import ban_user
from operations.models import ActivityEvent
from tests.rig import client_of, fill, in_db, join, log_in, make_guest, make_member, make_staff, open_room, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db):
    return make_guest("Bob")


@pytest.fixture
def ada(db):
    return make_member("Ada")


@pytest.fixture
def room(ada, bob):
    return open_room(bob, owner=ada)


@pytest.fixture
def client(bob):
    return client_of(bob)


@pytest.fixture
def owner(ada):
    return client_of(ada)


def send(client, method: str, path: str, body=None, **headers: str):
    data = body if isinstance(body, str) else json.dumps(body)
    content = {} if body is None else {"data": data, "content_type": "application/json"}
    return getattr(client, method)(f"/api{path}", headers=headers, **content)


def problem(answer) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body.keys() >= {"type", "title", "status", "code", "detail", "errors"}
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


ROUTES = [
    ("post", "/rooms", {"name": "Tent"}),
    ("get", "/rooms/{uid}", None),
    ("patch", "/rooms/{uid}", {"name": "Tent"}),
    ("post", "/rooms/{uid}/leave", {}),
    ("get", "/rooms/{uid}/qr.svg", None),
    ("get", "/rooms/{uid}/messages", None),
    ("post", "/rooms/{uid}/messages", {"client_id": str(uuid.UUID(int=1)), "text": "hi"}),
    ("get", "/rooms/{uid}/changes?since=0", None),
    ("post", "/room-codes/resolve", {"code": "blue-stage-0000"}),
    ("get", "/me", None),
]
WRITES = [route for route in ROUTES if route[0] != "get"]
IN_ROOMS = [route for route in ROUTES if "{uid}" in route[1] and "leave" not in route[1]]


# --- who may ask ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_route_without_a_session_is_unauthenticated(room, method, path, body):
    assert problem(send(Client(), method, path.format(uid=room.uid), body)) == (401, "unauthenticated")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_route_that_writes_needs_the_csrf_token(room, bob, method, path, body):
    client = client_of(bob, enforce_csrf_checks=True)
    assert problem(send(client, method, path.format(uid=room.uid), body)) == (403, "forbidden")
    assert not Message.objects.exists()


def test_route_that_writes_is_open_with_the_csrf_token(room, bob):
    client = client_of(bob, enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32
    headers = {"X-CSRFToken": "x" * 32, "Origin": django_settings.PUBLIC_ORIGIN}
    assert send(client, "post", "/rooms", {"name": "Tent"}, **headers).status_code == 201


@pytest.mark.parametrize(("method", "path", "body"), IN_ROOMS)
@pytest.mark.parametrize("uid", ["nosuchroom", "a%00b", "%F0%9F%98%80"])
def test_route_of_no_room_is_not_found(client, method, path, body, uid):
    assert problem(send(client, method, path.format(uid=uid), body)) == (404, "not_found")


@pytest.mark.parametrize(("method", "path", "body"), IN_ROOMS)
@pytest.mark.parametrize("kind", [Room.Kind.PUBLIC, Room.Kind.PRIVATE])
def test_route_of_a_room_one_is_not_in_is_not_found(room, method, path, body, kind):
    Room.objects.update(kind=kind)
    assert problem(send(client_of(make_guest()), method, path.format(uid=room.uid), body)) == (404, "not_found")


@pytest.mark.parametrize(("method", "path", "body"), IN_ROOMS)
def test_route_of_a_room_one_is_banned_from_is_not_found(client, bob, room, method, path, body):
    Ban.objects.create(user=bob, room=room)
    assert problem(send(client, method, path.format(uid=room.uid), body)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "/rooms", "GET, POST"),
        ("delete", "/rooms/x", "GET, PATCH"),
        ("get", "/rooms/x/leave", "POST"),
        ("get", "/guests", "POST"),
        ("post", "/me", "GET"),
        ("delete", "/rooms/x/messages", "GET, POST"),
        ("options", "/rooms", "GET, POST"),
    ],
)
def test_route_with_another_method_is_refused(client, method, path, allowed):
    answer = send(client, method, path)
    assert problem(answer) == (405, "bad_request")
    assert ", ".join(sorted(answer["Allow"].split(", "))) == allowed


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/rooms/", "/rooms/x/nothing", "/me/name/x", "/nothing/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_route_that_is_none_is_not_found(client, method, path):
    for visitor in (client, Client()):
        answer = send(visitor, method, path or "/?")
        assert problem(answer) == (404, "not_found")


# --- what is malformed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), [route for route in WRITES if route[2]])
@pytest.mark.parametrize("content", ["", "{", "null", "[]", "7", '"x"', "\x00", "[" * 100_000, '{"name":"\\ud800"}'])
def test_body_that_is_no_object_is_refused(client, owner, room, method, path, body, content):
    status, code = problem(send(owner, method, path.format(uid=room.uid), content))
    assert (status, code) in {(400, "bad_request"), (422, "invalid")}


@pytest.mark.parametrize(("method", "path", "body"), [route for route in WRITES if route[2]])
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ""],
)
def test_body_of_another_kind_is_refused(owner, room, method, path, body, kind):
    answer = getattr(owner, method)(f"/api{path.format(uid=room.uid)}", json.dumps(body), content_type=kind)
    assert problem(answer) == (415, "unsupported")
    assert not Message.objects.exists()


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_body_of_json_is_taken_however_it_is_named(owner, kind):
    assert owner.post("/api/rooms", json.dumps({"name": "Tent 😀"}), content_type=kind).status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/rooms", {}, "name"),
        ("/rooms", {"name": 7}, "name"),
        ("/rooms", {"name": "Tent", "kind": "direct"}, "kind"),
        ("/rooms", {"name": "x"}, "name"),
        ("/rooms", {"name": "x" * 61}, "name"),
        ("/rooms", {"name": "bad\u202ename"}, "name"),
        ("/room-codes/resolve", {"code": None}, "code"),
        ("/rooms/{uid}/messages", {"text": "hi"}, "client_id"),
        ("/rooms/{uid}/messages", {"client_id": "x", "text": "hi"}, "client_id"),
        ("/rooms/{uid}/messages", {"client_id": str(uuid.UUID(int=1)), "text": ["hi"]}, "text"),
        ("/rooms/{uid}/messages", {"client_id": str(uuid.UUID(int=1)), "text": "  "}, "text"),
    ],
)
def test_input_that_is_wrong_is_named(client, room, path, body, pointer):
    answer = send(client, "post", path.format(uid=room.uid), body)
    assert problem(answer) == (422, "invalid")
    assert [error["pointer"].rpartition("/")[2] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "nonsense"},
        {"slow_seconds": -1},
        {"slow_seconds": 86_401},
        {"slow_seconds": 10**12},
        {"slow_seconds": "x"},
        {"name": "x"},
        {"name": "x\x00y"},
    ],
)
def test_change_to_what_is_not_accepted_is_refused(owner, room, body):
    assert problem(send(owner, "patch", f"/rooms/{room.uid}", body)) == (422, "invalid")
    room.refresh_from_db()
    assert (room.mode, room.slow_seconds, room.rev) == ("open", 0, 0)


@pytest.mark.parametrize(
    "query",
    [
        "since=x",
        "",
        "since=1.5",
        "since=0&wait=x",
        "since=0&wait=nan",
        "since=0&wait=inf",
        "since=0&wait=-inf",
    ],
)
def test_changes_with_a_wrong_position_are_refused(client, room, query):
    assert problem(send(client, "get", f"/rooms/{room.uid}/changes?{query}")) == (422, "invalid")


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30, -(10**30)])
@pytest.mark.parametrize("field", ["before", "after", "around", "limit"])
def test_history_at_any_number_is_a_page(client, ada, room, number, field):
    fill(ada, room, 3)
    answer = send(client, "get", f"/rooms/{room.uid}/messages?{field}={number}")
    assert answer.status_code == 200
    assert len(answer.json()["items"]) <= 3


def test_body_too_large_is_refused(client, room):
    body = {"client_id": str(uuid.uuid4()), "text": "x" * (3 * 1024 * 1024)}
    assert problem(send(client, "post", f"/rooms/{room.uid}/messages", body)) == (413, "too_large")


def test_text_too_long_is_refused(client, room):
    body = {"client_id": str(uuid.uuid4()), "text": "x" * 4001}
    assert problem(send(client, "post", f"/rooms/{room.uid}/messages", body)) == (413, "too_large")


# --- rooms ------------------------------------------------------------------------------------------------------


def test_rooms_that_are_listed_are_shown_to_everybody(db):
    named = [open_room(name=name, is_listed=True, position=n).uid for n, name in enumerate(["Stage", "Food", "Ride"])]
    open_room(name="Hidden")
    open_room(name="Closed", is_listed=True, mode=Room.Mode.CLOSED)
    answer = send(Client(), "get", "/rooms")
    assert [item["uid"] for item in answer.json()["items"]] == named
    expected = {"uid": named[0], "name": "Stage", "kind": "public", "mode": "open", "online": 0, "unread": 0}
    assert answer.json()["items"][0] == expected


def test_rooms_are_paged_by_cursor(db):
    named = [open_room(name=f"Room {n}", is_listed=True, position=n).uid for n in range(5)]
    seen, cursor = [], ""
    while True:
        page = send(Client(), "get", f"/rooms?limit=2&cursor={cursor}").json()
        seen += [item["uid"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == named


def test_room_is_made_with_codes_and_its_owner(client, bob):
    answer = send(client, "post", "/rooms", {"name": "  My   Tent ", "kind": "private"})
    room = Room.objects.get()
    assert answer.status_code == 201
    assert (answer.json()["uid"], answer.json()["name"], answer.json()["kind"]) == (room.uid, "My Tent", "private")
    assert (answer.json()["code"], answer.json()["short_code"]) == (room.code, room.short_code)
    assert Membership.objects.get(room=room, user=bob).role == "owner"
    assert ActivityEvent.objects.get(kind="chat.room.created").target == room.uid


def test_room_is_made_once_however_often_it_is_asked_for(client):
    key = {"Idempotency-Key": "abc"}
    first = send(client, "post", "/rooms", {"name": "Tent"}, **key)
    again = send(client, "post", "/rooms", {"name": "Tent"}, **key)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert problem(send(client, "post", "/rooms", {"name": "Other"}, **key)) == (422, "idempotency_conflict")
    assert Room.objects.count() == 1


def test_idempotency_keys_belong_to_the_person(client, owner):
    key = {"Idempotency-Key": "abc"}
    for who in (client, owner):
        assert send(who, "post", "/rooms", {"name": "Tent"}, **key).status_code == 201
    assert Room.objects.count() == 2


def test_idempotency_key_too_long_is_invalid(client):
    answer = send(client, "post", "/rooms", {"name": "Tent"}, **{"Idempotency-Key": "x" * 101})
    assert problem(answer) == (422, "invalid")


def test_rooms_too_many_are_refused_for_now(client, monkeypatch):
    monkeypatch.setattr(rooms, "_ROOMS_PER_PERSON", "1/hour")
    assert send(client, "post", "/rooms", {"name": "Tent"}).status_code == 201
    answer = send(client, "post", "/rooms", {"name": "Tent"})
    assert problem(answer) == (429, "rate_limited")
    assert int(answer["Retry-After"]) * 1000 >= answer.json()["retry_after_ms"] > 0


def test_room_is_shown_to_who_is_in_it(client, room):
    body = send(client, "get", f"/rooms/{room.uid}").json()
    assert (body["uid"], body["code"], body["online"]) == (room.uid, room.code, 0)
    assert body["me"] == {"role": "member", "read_seq": 0}


def test_room_is_changed_by_its_owner(owner, room):
    answer = send(owner, "patch", f"/rooms/{room.uid}", {"mode": "slow", "slow_seconds": 30})
    assert (answer.status_code, answer.json()["mode"], answer.json()["slow_seconds"]) == (200, "slow", 30)
    room.refresh_from_db()
    assert (room.slow_seconds, room.rev) == (30, 1)


def test_room_is_not_changed_by_its_visitors(client, room):
    assert problem(send(client, "patch", f"/rooms/{room.uid}", {"mode": "closed"})) == (403, "forbidden")


def test_code_opens_the_room(client, bob):
    room = open_room(name="Tent", kind=Room.Kind.PRIVATE)
    answer = send(client, "post", "/room-codes/resolve", {"code": room.code.upper()})
    assert (answer.status_code, answer.json()) == (200, {"room": room.uid, "name": "Tent"})
    assert Membership.objects.present().filter(room=room, user=bob).exists()


def test_code_unknown_or_closed_is_one_answer(client):
    closed = open_room(mode=Room.Mode.CLOSED)
    answers = [send(client, "post", "/room-codes/resolve", {"code": code}) for code in (closed.code, "nothing", "")]
    assert {problem(answer) for answer in answers} == {(404, "not_found")}
    assert len({answer.content for answer in answers}) == 1


def test_codes_are_not_guessed_for_long(client, monkeypatch):
    monkeypatch.setattr(entering, "_WRONG_PER_SESSION", "2/minute")
    guesses = [send(client, "post", "/room-codes/resolve", {"code": "blue-stage-0000"}) for _ in range(3)]
    assert [answer.status_code for answer in guesses] == [404, 404, 429]
    assert int(guesses[-1]["Retry-After"]) > 0


def test_leave_ends_the_membership(client, bob, room):
    for _ in range(2):
        assert send(client, "post", f"/rooms/{room.uid}/leave", {}).status_code == 204
    assert not Membership.objects.present().filter(user=bob).exists()


def test_leave_of_no_room_is_no_error(client):
    assert send(client, "post", "/rooms/nosuchroom/leave", {}).status_code == 204


def test_leave_of_a_room_that_no_database_takes_is_no_bug(client):
    assert send(client, "post", "/rooms/a%00b/leave", {}).status_code in (204, 422)


def test_qr_code_is_a_picture_of_the_invite_link(client, room):
    answer = send(client, "get", f"/rooms/{room.uid}/qr.svg")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    assert answer.content.startswith(b"<svg")
    assert "private" in answer["Cache-Control"]


def test_me_says_who_one_is_and_what_is_unread(client, ada, bob, room):
    fill(ada, room, 2)
    body = send(client, "get", "/me").json()
    assert body == {
        "uid": bob.uid,
        "name": "Bob",
        "guest": True,
        "staff": False,
        "unread": {"rooms": 1, "messages": 2},
    }


# --- messages ---------------------------------------------------------------------------------------------------


def test_history_comes_in_pages_newest_first_items_ascending(client, ada, room):
    fill(ada, room, 5)
    newest = send(client, "get", f"/rooms/{room.uid}/messages?limit=2").json()
    assert ([item["seq"] for item in newest["items"]], newest["next"]) == ([4, 5], "4")
    older = send(client, "get", f"/rooms/{room.uid}/messages?limit=3&before={newest['next']}").json()
    assert ([item["seq"] for item in older["items"]], older["next"]) == ([1, 2, 3], None)


def test_history_shows_client_ids_to_their_author_alone(client, owner, bob, room):
    post(bob, room)
    [own] = send(client, "get", f"/rooms/{room.uid}/messages").json()["items"]
    [other] = send(owner, "get", f"/rooms/{room.uid}/messages").json()["items"]
    assert own["client_id"]
    assert "client_id" not in other


def test_message_is_stored_once_however_often_it_is_sent(client, bob, room):
    body = {"client_id": str(uuid.uuid4()), "text": "hi"}
    first = send(client, "post", f"/rooms/{room.uid}/messages", body)
    again = send(client, "post", f"/rooms/{room.uid}/messages", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["seq"], first.json()["state"]) == (1, "stored")
    assert again.json() == first.json() | {"duplicate": True}
    other = send(client, "post", f"/rooms/{room.uid}/messages", body | {"text": "other"})
    assert problem(other) == (422, "idempotency_conflict")
    assert Message.objects.get().sender == bob


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"mode": Room.Mode.PAUSED}, 423, "room_paused"),
        ({"mode": Room.Mode.CLOSED}, 410, "room_closed"),
        ({"mode": Room.Mode.MEMBERS}, 403, "forbidden"),
        ({"slow_seconds": 60}, 429, "slow_mode"),
    ],
)
def test_message_that_the_room_refuses(client, bob, room, fields, status, code):
    post(bob, room)
    Room.objects.update(**fields)
    answer = send(client, "post", f"/rooms/{room.uid}/messages", {"client_id": str(uuid.uuid4()), "text": "hi"})
    assert problem(answer) == (status, code)
    assert answer.has_header("Retry-After") == (status == 429)


def test_outage_is_overloaded(client, room, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("away")

    monkeypatch.setattr("chat.queries.message_page", away)
    answer = send(client, "get", f"/rooms/{room.uid}/messages")
    assert problem(answer) == (503, "overloaded")
    assert int(answer["Retry-After"]) > 0


def test_bug_is_internal_and_tells_nothing(client, room, monkeypatch):
    def broken(*args, **kwargs):
        raise DatabaseError("secret words")

    monkeypatch.setattr("chat.queries.message_page", broken)
    answer = send(client, "get", f"/rooms/{room.uid}/messages")
    assert problem(answer) == (500, "internal")
    assert b"secret" not in answer.content


# --- changes (a real event loop and a running server) -------------------------------------------------------------


@pytest.fixture
async def caller(transactional_db, runtime):
    """Return `await get(person, room, query)`, which asks for changes as a browser would."""

    async def get(person, room, query: str):
        client = AsyncClient()
        client.cookies[django_settings.SESSION_COOKIE_NAME] = await in_db(log_in, person)
        return await client.get(f"/api/rooms/{room.uid}/changes?{query}")

    yield get
    # The test client leaves the worker thread's connection open, and PostgreSQL drops no database that is in use.
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db(transaction=True)
async def test_changes_are_answered_like_a_resume(caller):
    bob = await in_db(make_guest)
    room = await in_db(open_room, bob)
    await in_db(fill, bob, room, 2)
    body = (await caller(bob, room, "since=1")).json()
    assert (body["mode"], body["from"], body["head"]) == ("resumed", 1, 2)
    assert [(event["ev"], event["seq"]) for event in body["events"]] == [("message.created", 2)]
    assert body["events"][0]["d"]["client_id"]


@pytest.mark.django_db(transaction=True)
async def test_changes_wake_with_the_next_one(caller):
    bob = await in_db(make_guest)
    room = await in_db(open_room, bob)
    began = time.monotonic()
    waiting = asyncio.create_task(caller(bob, room, "since=0&wait=20"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await in_db(post, bob, room, "wake up")
    body = (await asyncio.wait_for(waiting, 5)).json()
    assert [event["d"]["text"] for event in body["events"]] == ["wake up"]
    assert time.monotonic() - began < 5


@pytest.mark.django_db(transaction=True)
async def test_changes_time_out_with_nothing(caller):
    bob = await in_db(make_guest)
    room = await in_db(open_room, bob)
    began = time.monotonic()
    body = (await caller(bob, room, "since=0&wait=0.2")).json()
    assert (body["mode"], body["events"], body["head"]) == ("resumed", [], 0)
    assert 0.2 <= time.monotonic() - began < 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("query", "reason"), [("since=0&epoch=another", "epoch_changed"), ("since=99", "too_old")])
async def test_changes_since_a_place_that_is_none_are_a_reset(caller, query, reason):
    bob = await in_db(make_guest)
    room = await in_db(open_room, bob)
    await in_db(fill, bob, room, 1)
    body = (await caller(bob, room, query)).json()
    assert (body["mode"], body["reason"], len(body["messages"])) == ("reset", reason, 1)


@pytest.mark.django_db(transaction=True)
async def test_changes_tell_nothing_to_who_was_banned_while_waiting(caller):
    ada, bob = await in_db(make_member), await in_db(make_guest)
    room = await in_db(open_room, bob, owner=ada)
    waiting = asyncio.create_task(caller(bob, room, "since=0&wait=20"))
    await asyncio.sleep(0.3)
    await in_db(ban_user, actor=ada, user=bob, room=room)
    answer = await asyncio.wait_for(waiting, 5)
    assert problem(answer) == (403, "banned")


@pytest.mark.django_db(transaction=True)
async def test_changes_do_not_let_in_again_who_left_while_waiting(caller):
    ada, bob = await in_db(make_member), await in_db(make_guest)
    room = await in_db(open_room, bob, owner=ada)
    waiting = asyncio.create_task(caller(bob, room, "since=0&wait=20"))
    await asyncio.sleep(0.3)
    await in_db(entering.leave_room, actor=bob, room_uid=room.uid)
    await in_db(post, ada, room, "not for Bob")
    assert problem(await asyncio.wait_for(waiting, 5)) == (404, "not_found")
    assert not await in_db(lambda: Membership.objects.present().filter(user=bob).exists())


def test_changes_without_a_running_server_are_overloaded(client, room):
    assert problem(send(client, "get", f"/rooms/{room.uid}/changes?since=0")) == (503, "overloaded")


def test_private_room_is_found_after_coming_in(bob):
    room = open_room(kind=Room.Kind.PRIVATE)
    client = client_of(bob)
    assert send(client, "get", f"/rooms/{room.uid}").status_code == 404
    join(bob, room)
    assert send(client, "get", f"/rooms/{room.uid}").status_code == 200


def test_staff_change_rooms_they_are_in(room):
    chief = make_staff()
    join(chief, room)
    assert send(client_of(chief), "patch", f"/rooms/{room.uid}", {"mode": "paused"}).status_code == 200
