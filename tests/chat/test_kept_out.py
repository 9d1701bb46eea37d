"""Somebody who is banned from everything: no socket, no command and no request of theirs changes anything.

The guard closes their sockets within seconds. These tests are about the seconds before.
"""

from __future__ import annotations

import uuid

import pytest
from django.urls import get_resolver, reverse

from accounts.models import User
from chat.consumers import ChatConsumer
from chat.models import Ban, Membership, Message, Room, RoomCursor
from config.api import api
from tests.rig import PATIENCE_SECONDS, Socket, client_of, in_db, join, log_in, make_guest, make_member, open_room, post

pytestmark = pytest.mark.django_db(transaction=True)

UID = str(uuid.UUID(int=7))
TEXTS = {"client_id": UID, "text": "hello"}


@pytest.fixture
def room(ada):
    """A room whose owner has everything to lose: she may clear it, change it, and ban people from it."""
    room = open_room(make_guest("Bob"), owner=ada)
    post(ada, room, "before")
    return room


@pytest.fixture
def everything():
    """Return a function that shows all that a banned person could have changed."""

    def look() -> list[object]:
        return [
            list(model.objects.order_by("pk").values()) for model in (Room, RoomCursor, Membership, Message, User, Ban)
        ]

    return look


def ban(person: User) -> None:
    Ban.objects.create(user=person)


# --- HTTP -------------------------------------------------------------------------------------------------------

# What each route that writes is sent; one that is missing here fails the test.
BODIES = {
    ("post", "/api/guests"): {"display_name": "Another"},
    ("post", "/api/me/name"): {"display_name": "Another"},
    ("post", "/api/rooms"): {"name": "Tent"},
    ("patch", "/api/rooms/{uid}"): {"name": "Tent"},
    ("post", "/api/room-codes/resolve"): {"code": "blue-stage-0000"},
    ("post", "/api/rooms/{uid}/leave"): {},
    ("post", "/api/rooms/{uid}/messages"): TEXTS,
}
OPEN_READS = {"/api/rooms", "/api/me"}


# What is no room's: the directory is open to everybody, and its staff routes have their own rights and tests.
DIRECTORY = ("/api/builders", "/api/admin/")


def operations(*methods: str) -> list[tuple[str, str]]:
    paths = api.get_openapi_schema()["paths"]
    return [
        (method, path)
        for path, found in paths.items()
        for method in found
        if method in methods and not path.startswith(DIRECTORY)
    ]


@pytest.mark.parametrize(("method", "path"), operations("post", "put", "patch", "delete"))
def test_route_that_writes_is_closed_to_the_banned(ada, room, everything, method, path):
    client, body = client_of(ada), BODIES[method, path]
    ban(ada)
    before = everything()
    answer = getattr(client, method)(path.format(uid=room.uid), body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert answer.json()["code"] == "banned"
    assert everything() == before


@pytest.mark.parametrize(("method", "path"), operations("get"))
def test_route_that_reads_shows_the_banned_no_room(ada, room, method, path):
    client = client_of(ada)
    ban(ada)
    answer = client.get(path.format(uid=room.uid), {"since": 0})
    if path in OPEN_READS:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def pages() -> list[str]:
    names = [pattern.name for pattern in get_resolver("chat.urls").url_patterns]
    return [name for name in names if name not in ("offline", "manifest", "service_worker")]


@pytest.mark.parametrize("name", pages())
def test_page_takes_nothing_from_the_banned(ada, room, everything, name):
    client = client_of(ada)
    ban(ada)
    before = everything()
    arguments = {"room": [room.uid], "join_room": [room.uid], "leave_room": [room.uid], "invite": [room.invite_token]}
    fields = TEXTS | {"name": "Tent", "kind": "public", "code": room.code, "display_name": "Another"}
    answer = client.post(reverse(f"chat:{name}", args=arguments.get(name, [])), fields)
    assert answer.status_code == 403
    assert "You have been banned" in answer.content.decode()
    assert everything() == before


def test_banned_person_may_log_out(ada):
    client = client_of(ada)
    ban(ada)
    assert client.post(reverse("account_logout")).status_code == 302
    assert client.get("/api/me").status_code == 401


def test_neighbour_of_a_banned_person_may_write(ada, room):
    client = client_of(ada)
    ban(make_guest())
    assert client.post("/api/rooms", {"name": "Tent"}, content_type="application/json").status_code == 201


# --- sockets ----------------------------------------------------------------------------------------------------

D = {
    "room.join": {},
    "rooms.join": {"rooms": []},
    "room.leave": {},
    "room.sync": {"since": 0},
    "room.clear": {},
    "history.fetch": {},
    "message.send": TEXTS,
    "message.edit": {"seq": 1, "text": "changed"},
    "message.delete": {"seq": 1},
    "read.set": {"seq": 1},
    "presence.list": {},
    "member.ban": {"user": "", "reason": ""},
    "heartbeat": {"rooms": {}},
}
# They change nothing and tell nothing but a number.
HARMLESS = {"room.leave", "heartbeat"}


@pytest.mark.parametrize("is_guest", [True, False])
async def test_socket_of_the_banned_is_refused(runtime, is_guest):
    person = await in_db(make_guest if is_guest else make_member)
    await in_db(ban, person)
    socket = Socket(await in_db(log_in, person))
    await socket.communicator.connect(PATIENCE_SECONDS)
    assert await socket.closed() == 4503
    assert (socket.bye["code"], socket.bye["reconnect"]) == (4503, False)
    assert [thing["ev"] for thing in socket.inbox] == ["bye"]
    assert runtime.hub.connections == set()


@pytest.mark.parametrize("op", sorted(ChatConsumer.commands))
async def test_command_of_the_banned_changes_nothing(runtime, sit_down, ada, room, everything, op):
    socket = await sit_down(ada, room)
    await in_db(ban, ada)
    before = await in_db(everything)
    d = D[op]
    if op == "member.ban":
        d = d | {"user": (await in_db(User.objects.exclude(pk=ada.pk).first)).uid}
    if op == "rooms.join":
        [answer] = await socket.ask(op, {"rooms": [{"room": room.uid}]})
        assert answer["err"]["code"] == "banned"
    elif op in HARMLESS:
        await socket.ask(op, d, room)
    else:
        assert (await socket.refused(op, d, room))["code"] in ("banned", "not_found")
    assert await in_db(everything) == before


async def test_newcomer_who_is_banned_learns_of_no_private_room(runtime, sit_down):
    person = await in_db(make_guest)
    hidden = await in_db(open_room, kind=Room.Kind.PRIVATE)
    socket = await sit_down(person)
    await in_db(ban, person)
    refused = [await socket.refused("room.join", {}, uid) for uid in (hidden.uid, "nosuchroomnosuch")]
    assert refused[0] == refused[1]


@pytest.mark.parametrize("op", ["room.clear", "member.ban", "message.edit", "message.delete", "history.fetch"])
async def test_command_in_a_private_room_one_is_not_in_is_as_in_no_room(runtime, sit_down, op):
    stranger, other = await in_db(make_guest), await in_db(make_guest)
    hidden = await in_db(open_room, kind=Room.Kind.PRIVATE)
    await in_db(join, other, hidden)
    await in_db(post, other, hidden)
    socket = await sit_down(stranger)
    d = D[op] | ({"user": other.uid} if op == "member.ban" else {})
    refused = [await socket.refused(op, d, uid) for uid in (hidden.uid, "nosuchroomnosuch")]
    assert refused[0] == refused[1]
