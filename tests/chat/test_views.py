"""The pages of chat: what they show to whom, what they refuse, and how many queries they take."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import create_guest
from chat.models import Membership, Message, Room
from chat.services.bans import ban_user
from chat.services.entering import join_room
from chat.services.messages import delete_message
from chat.services.posting import Draft, Posted, post_messages
from chat.services.rooms import clear_room, close_room, create_room, make_room
from realtime.ids import new_uid

pytestmark = pytest.mark.django_db

MakeMember = Callable[[Room], tuple[Client, User]]


@pytest.fixture
def owner() -> User:
    return create_guest(display_name="Olga")


@pytest.fixture
def room(owner: User) -> Room:
    return create_room(actor=owner, name="Tent 4")


@pytest.fixture
def private_room(owner: User) -> Room:
    return create_room(actor=owner, name="Back office", kind=Room.Kind.PRIVATE)


@pytest.fixture
def guest_client(client: Client) -> Client:
    client.force_login(create_guest(display_name="Guest"))
    return client


def user_of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def enter(client: Client, room: Room) -> User:
    user = user_of(client)
    join_room(actor=user, room_uid=room.uid, has_key=True)
    return user


def post(room: Room, author: User, text: str) -> Posted:
    draft = Draft(room.uid, author.pk, uuid.uuid4(), text, new_uid(), dt.datetime.now(dt.UTC))
    [posted] = post_messages([draft])
    assert isinstance(posted, Posted)
    return posted


def page_data(response: Any) -> dict[str, Any]:
    found = re.search(
        r'<script id="room-data" type="application/json">(.*?)</script>', response.content.decode(), re.DOTALL
    )
    assert found
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


# --- home -------------------------------------------------------------------------------------------------------


def test_home_lists_rooms_to_anybody(client: Client) -> None:
    make_room(name="Main Stage", is_listed=True)
    make_room(name="Nobody's business")
    html = client.get("/").content.decode()
    assert "Main Stage" in html
    assert "Nobody&#x27;s business" not in html
    assert 'name="display_name"' in html


def test_home_shows_recent_rooms_to_their_members(guest_client: Client, private_room: Room) -> None:
    enter(guest_client, private_room)
    html = guest_client.get("/").content.decode()
    assert "Back office" in html
    assert 'name="display_name"' not in html


@pytest.mark.parametrize("count", [1, 3])
def test_home_queries_do_not_grow_with_rooms(
    guest_client: Client, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        enter(guest_client, make_room(name=f"Listed {number}", is_listed=True))
    with django_assert_max_num_queries(5):
        assert guest_client.get("/").status_code == 200


def test_home_accepts_no_post(client: Client) -> None:
    assert client.post("/").status_code == 405


# --- entering ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [str.upper, lambda code: code.replace("-", " "), lambda code: code.replace("-", "")])
def test_enter_by_code_however_it_is_typed(client: Client, room: Room, change: Callable[[str], str]) -> None:
    assert room.code is not None
    response = client.post("/enter/", {"display_name": "Anna", "code": change(room.code)})
    assert response.status_code == 302
    assert response["Location"] == f"/r/{room.uid}/"
    assert user_of(client).display_name == "Anna"


def test_enter_by_poster_code(client: Client, private_room: Room) -> None:
    assert private_room.short_code is not None
    response = client.post("/enter/", {"display_name": "Anna", "code": private_room.short_code.lower()})
    assert response["Location"] == f"/r/{private_room.uid}/"


def test_enter_refuses_unknown_expired_and_closed_codes_alike(
    guest_client: Client, room: Room, private_room: Room, owner: User
) -> None:
    close_room(actor=owner, room=room)
    Room.objects.filter(pk=private_room.pk).update(code_expires_at=timezone.now())
    answers = set()
    for code in ("blue-stage-0000", room.code, private_room.code):
        response = guest_client.post("/enter/", {"code": code})
        body = re.sub(r'value="[^"]*"', "", response.content.decode())
        body = re.sub(r'nonce="[^"]*"', "", body)
        answers.add((response.status_code, body))
    assert len(answers) == 1
    assert answers.pop()[0] == 404


@pytest.mark.parametrize("fields", [{}, {"display_name": "Anna"}, {"code": "blue-stage-4207"}])
def test_enter_refuses_missing_fields(client: Client, fields: dict[str, str]) -> None:
    response = client.post("/enter/", fields)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()


def test_enter_refuses_a_reserved_name(client: Client, room: Room) -> None:
    response = client.post("/enter/", {"display_name": "Admin", "code": room.code})
    assert response.status_code == 422
    assert "_auth_user_id" not in client.session


def test_create_room_makes_its_maker_the_owner(client: Client) -> None:
    response = client.post("/rooms/", {"display_name": "Anna", "name": "Lost dogs", "kind": "private"})
    made = Room.objects.get(name="Lost dogs")
    assert response["Location"] == f"/r/{made.uid}/"
    assert made.kind == Room.Kind.PRIVATE
    assert made.memberships.get().role == Membership.Role.OWNER


@pytest.mark.parametrize("fields", [{"name": "x", "kind": "public"}, {"name": "Good name", "kind": "direct"}])
def test_create_room_refuses_what_it_may_not_be(guest_client: Client, fields: dict[str, str]) -> None:
    assert guest_client.post("/rooms/", fields).status_code == 422
    assert not Room.objects.exists()


# --- the door ---------------------------------------------------------------------------------------------------


def test_public_room_asks_strangers_for_a_name(client: Client, room: Room) -> None:
    response = client.get(f"/r/{room.uid}/")
    assert response.status_code == 200
    assert "room-data" not in response.content.decode()
    response = client.post(f"/r/{room.uid}/join/", {"display_name": "Anna"})
    assert response["Location"] == f"/r/{room.uid}/"
    assert client.get(f"/r/{room.uid}/").context["data"]["me"]["name"] == "Anna"


def test_private_room_does_not_exist_for_strangers(guest_client: Client, client: Client, private_room: Room) -> None:
    assert guest_client.get(f"/r/{private_room.uid}/").status_code == 404
    assert guest_client.post(f"/r/{private_room.uid}/join/").status_code == 404
    assert Client().get(f"/r/{private_room.uid}/").status_code == 404
    assert Client().get("/r/doesnotexist/").status_code == 404


def test_banned_person_stays_outside(guest_client: Client, room: Room, owner: User) -> None:
    user = enter(guest_client, room)
    ban_user(actor=owner, user=user, room=room)
    response = guest_client.get(f"/r/{room.uid}/")
    assert response.status_code == 403
    assert "banned" in response.content.decode()
    assert guest_client.post(f"/r/{room.uid}/join/").status_code == 403
    assert guest_client.get(f"/j/{room.invite_token}/").status_code == 200
    assert guest_client.post(f"/j/{room.invite_token}/").status_code == 403


def test_invite_link_opens_a_private_room(client: Client, private_room: Room) -> None:
    assert "Back office" in client.get(f"/j/{private_room.invite_token}/").content.decode()
    response = client.post(f"/j/{private_room.invite_token}/", {"display_name": "Anna"})
    assert response["Location"] == f"/r/{private_room.uid}/"
    assert client.get(response["Location"]).status_code == 200


def test_invite_link_asks_for_a_name(client: Client, private_room: Room) -> None:
    response = client.post(f"/j/{private_room.invite_token}/", {"display_name": ""})
    assert response.status_code == 422
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("fields", [{}, {"display_name": "Anna"}])
def test_unknown_invite_link_is_refused(client: Client, fields: dict[str, str]) -> None:
    assert client.get("/j/unknown/").status_code == 404
    assert client.post("/j/unknown/", fields).status_code == 404


def test_leaving_ends_the_membership(guest_client: Client, private_room: Room) -> None:
    enter(guest_client, private_room)
    assert guest_client.get(f"/r/{private_room.uid}/leave/").status_code == 405
    assert guest_client.post(f"/r/{private_room.uid}/leave/")["Location"] == "/"
    assert guest_client.get(f"/r/{private_room.uid}/").status_code == 404


# --- in the room ------------------------------------------------------------------------------------------------


def test_room_page_reads_without_scripts(guest_client: Client, room: Room, owner: User) -> None:
    enter(guest_client, room)
    post(room, owner, "<b>bold</b> & https://example.org/x")
    html = guest_client.get(f"/r/{room.uid}/").content.decode()
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; " in html
    assert '<a href="https://example.org/x" rel="nofollow">' in html
    assert 'class="unread"' in html


def test_room_data_starts_the_script_where_the_page_ends(guest_client: Client, room: Room, owner: User) -> None:
    user = enter(guest_client, room)
    post(room, owner, "</script><script>alert(1)</script>")
    own = post(room, user, "mine")
    data = page_data(guest_client.get(f"/r/{room.uid}/"))
    room.cursor.refresh_from_db()
    assert data["head"] == room.cursor.head
    assert data["epoch"] == room.cursor.epoch
    assert [message["seq"] for message in data["messages"]] == [own.seq - 1, own.seq]
    assert data["messages"][0]["text"] == "</script><script>alert(1)</script>"
    assert "client_id" not in data["messages"][0]
    assert data["messages"][1]["client_id"]
    assert data["room"]["code"] == room.code
    assert data["me"] == {"uid": user.uid, "name": "Guest", "guest": True, "staff": False}


def test_deleted_and_cleared_text_is_not_on_the_page(guest_client: Client, room: Room, owner: User) -> None:
    enter(guest_client, room)
    post(room, owner, "cleared secret")
    clear_room(actor=owner, room=room)
    posted = post(room, owner, "deleted secret")
    assert posted.seq is not None
    delete_message(actor=owner, room_uid=room.uid, seq=posted.seq)
    html = guest_client.get(f"/r/{room.uid}/").content.decode()
    assert "secret" not in html
    assert "Message deleted" in html


@pytest.mark.parametrize("count", [1, 3])
def test_room_page_queries_do_not_grow_with_messages(
    guest_client: Client, room: Room, owner: User, count: int, django_assert_max_num_queries: Any
) -> None:
    enter(guest_client, room)
    for number in range(count):
        post(room, owner, f"message {number}")
    with django_assert_max_num_queries(5):
        assert guest_client.get(f"/r/{room.uid}/").status_code == 200


def test_message_form_posts_once_however_often_it_is_sent(guest_client: Client, room: Room) -> None:
    enter(guest_client, room)
    fields = {"text": "hello", "client_id": str(uuid.uuid4())}
    for _ in range(2):
        response = guest_client.post(f"/r/{room.uid}/", fields)
        assert response["Location"] == f"/r/{room.uid}/#end"
    assert Message.objects.get().body == "hello"


@pytest.mark.parametrize(
    "fields",
    [{}, {"text": "hi"}, {"text": "hi", "client_id": "x"}, {"text": " ", "client_id": str(uuid.UUID(int=1))}],
)
def test_message_form_refuses_what_is_incomplete(guest_client: Client, room: Room, fields: dict[str, str]) -> None:
    enter(guest_client, room)
    assert guest_client.post(f"/r/{room.uid}/", fields).status_code == 422
    assert not Message.objects.exists()


def test_message_form_refuses_in_a_closed_room_and_keeps_the_text(
    guest_client: Client, room: Room, owner: User
) -> None:
    enter(guest_client, room)
    close_room(actor=owner, room=room)
    response = guest_client.post(f"/r/{room.uid}/", {"text": "too late", "client_id": str(uuid.uuid4())})
    assert response.status_code == 410
    assert "too late" in response.content.decode()
    assert not Message.objects.exists()


def test_nobody_posts_into_a_room_they_are_not_in(guest_client: Client, room: Room) -> None:
    guest_client.post(f"/r/{room.uid}/", {"text": "hi", "client_id": str(uuid.uuid4())})
    assert not Message.objects.exists()


# --- the shell --------------------------------------------------------------------------------------------------


def test_manifest_names_the_icons(client: Client) -> None:
    response = client.get("/manifest.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    assert {icon["sizes"] for icon in response.json()["icons"]} >= {"192x192", "512x512"}


def test_offline_page_names_nobody(guest_client: Client) -> None:
    html = guest_client.get("/offline/").content.decode()
    assert user_of(guest_client).display_name not in html
    assert "csrfmiddlewaretoken" not in html


def test_room_pages_are_never_stored(guest_client: Client, room: Room) -> None:
    enter(guest_client, room)
    for path in ("/", f"/r/{room.uid}/", f"/j/{room.invite_token}/"):
        assert "no-store" in guest_client.get(path)["Cache-Control"]
