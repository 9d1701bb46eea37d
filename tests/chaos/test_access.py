"""Who may hold a socket, and who may say what: from outside, over real sockets, on two servers without Redis."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest

from chat.consumers import ChatConsumer
from tests.chaos.client import Client
from tests.chaos.crowd import Crowd, eventually
from tests.chaos.pages import page_of
from tests.chaos.people import Cast, Person, invite
from tests.chaos.raw_line import LineClosed, RawLine, greeted_line, raw_line
from tests.chaos.staff import do_to_people
from tests.chaos.stored import stored_head, stored_messages
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

REVOKED, BANNED, AUTH_REQUIRED = 4502, 4503, 4501
LONGEST_SECONDS = 5.0

# Each act with the close code of the open socket, and that of the next one; None where only the room is closed to them.
ACTS: dict[str, tuple[int, int | None]] = {
    "log_out": (REVOKED, AUTH_REQUIRED),
    "delete_session": (REVOKED, AUTH_REQUIRED),
    "disable": (REVOKED, AUTH_REQUIRED),
    "ban_from_room": (BANNED, None),
    "ban_everywhere": (BANNED, BANNED),
}


async def test_only_our_own_pages_get_a_socket(live_server_process: StartServer) -> None:
    server = live_server_process()
    person = invite(server, people=1).people[0]
    for origin in (
        "",
        "null",
        "https://evil.example",
        server.origin + ".evil.example",
        "http://127.0.0.1:1",
        "file://",
    ):
        async with raw_line(server, cookie=person.cookie, origin=origin) as line:
            assert line.status == 403, origin
    # A name that was pointed at this server: the Host header agrees with the Origin, and is not ours.
    async with raw_line(server, cookie=person.cookie, origin="http://evil.example", host="evil.example") as line:
        assert line.status == 403
    async with greeted_line(server, person.cookie):
        pass


async def test_strangers_are_told_to_log_in(live_server_process: StartServer) -> None:
    server = live_server_process()
    for cookie in ("", "sessionid=", "sessionid=" + "a" * 32, "sessionid=" + "z" * 5000, "=;=;;é"):
        async with raw_line(server, cookie=cookie) as line:
            if line.status == 400:
                continue  # the web server itself did not take the header
            assert await read_bye(line) == AUTH_REQUIRED, cookie


@pytest.mark.grown
async def test_the_removed_lose_their_sockets_on_every_server(
    live_server_process: StartServer, postgres_env: dict[str, str]
) -> None:
    first = live_server_process(postgres_env)
    servers = [first, live_server_process(postgres_env, migrate=False)]
    # One of each kind on each server, and two who stay and have the names of two who go.
    cast = invite(first, people=2 * len(ACTS) + 2)
    await call_alike(first, cast.people[0], cast.people[-2])
    await call_alike(first, cast.people[1], cast.people[-1])
    crowd = Crowd(cast.rooms[0], cast.people, servers)
    leaving, staying = crowd.clients[:-2], crowd.clients[-2:]
    acts = [act for act in ACTS for _ in servers]
    async with crowd.present(), crowd.talking(staying, per_second=5):
        await asyncio.to_thread(do_to_people, first, dict(zip(uids(leaving), acts, strict=True)), cast.rooms[0])
        done = time.monotonic()
        await eventually(lambda: all(c.closes for c in leaving), LONGEST_SECONDS, "the closes", crowd.describe)
        print(f"all closed {time.monotonic() - done:.1f} s after the last act")
        for client, act in zip(leaving, acts, strict=True):
            assert [bye["code"] for bye in client.byes] == [ACTS[act][0]], act
            assert not client.byes[0]["reconnect"]
            assert client.closes == [ACTS[act][0]], act
        for server in servers:
            await asyncio.gather(*(check_return(server, *case) for case in zip(leaving, acts, strict=True)))
    assert [rule for client in crowd.clients for rule in client.broken_rules] == []
    assert all(client.connections == 1 for client in staying)


async def test_nobody_speaks_where_they_are_not_nor_as_somebody_else(live_server_process: StartServer) -> None:
    server = live_server_process()
    cast = invite(server, rooms=2, people=2)
    mallory, victim = cast.people
    async with page_of(server, victim) as page:
        made = await page.post("/api/rooms", json={"name": "Back room", "kind": "private"})
        assert made.status_code == 201, made.text
        private = made.json()["uid"]
        told = await page.post(f"/api/rooms/{private}/messages", json=draft())
        assert told.status_code == 201, told.text
    before = stored_messages(server, private)
    async with greeted_line(server, mallory.cookie) as line:
        for room in (private, "nosuchroom"):
            await check_closed_doors(line, room, victim)
        await check_public_room(line, cast.rooms[0], victim)
        await check_own_name(line, server, cast, victim)
    async with page_of(server, mallory) as page:
        for room in (private, "nosuchroom"):
            await check_closed_pages(page, room)
    assert stored_messages(server, private) == before
    assert stored_head(server, private) == 1
    async with page_of(server, victim) as page:
        room_as_seen = (await page.get(f"/api/rooms/{private}")).json()
        history = (await page.get(f"/api/rooms/{private}/messages")).json()
    assert (room_as_seen["name"], room_as_seen["mode"]) == ("Back room", "open")
    assert [message["text"] for message in history["items"]] == ["hello"]


# What each command is told about a room that one may not see, which is what it is told about one that is not there:
# `d`, and the refusal, or the whole answer where there is nothing to refuse.
CLOSED_DOORS: dict[str, tuple[dict[str, Any], str | dict[str, Any]]] = {
    "room.join": ({}, "not_found"),
    "room.sync": ({"since": 0}, "forbidden"),
    "room.leave": ({}, {}),
    "room.clear": ({}, "not_found"),
    "history.fetch": ({}, "forbidden"),
    "message.send": ({"client_id": str(uuid.uuid4()), "text": "hello"}, "forbidden"),
    "message.edit": ({"seq": 1, "text": "x"}, "not_found"),
    "message.delete": ({"seq": 1}, "not_found"),
    "read.set": ({"seq": 1}, "forbidden"),
    "presence.list": ({}, "forbidden"),
    "member.ban": ({"user": "{victim}"}, "not_found"),
}
# These name their rooms in `d`.
ROOMLESS = {"rooms.join", "heartbeat"}


def test_every_command_is_tried_at_a_closed_door() -> None:
    assert CLOSED_DOORS.keys() | ROOMLESS == ChatConsumer.commands.keys()


async def check_closed_doors(line: RawLine, room: str, victim: Person) -> None:
    """Whatever is asked of a room that one is not in and may not see: no answer tells that it is there."""
    for number, (op, (d, expected)) in enumerate(CLOSED_DOORS.items(), start=1):
        d = {name: victim.uid if value == "{victim}" else value for name, value in d.items()}
        answer = await line.ask({"id": number, "op": op, "room": room, "d": d})
        assert (answer["ok"] if "ok" in answer else answer["err"]["code"]) == expected, (op, answer)
    joined = await line.ask({"id": 40, "op": "rooms.join", "d": {"rooms": [{"room": room}]}})
    assert [(item["room_uid"], item["err"]["code"]) for item in joined["ok"]] == [(room, "not_found")]
    beat = await line.ask({"id": 41, "op": "heartbeat", "d": {"rooms": {room: 0}}})
    assert beat["ok"] == {"heads": {}}


async def check_public_room(line: RawLine, room: str, victim: Person) -> None:
    """In a room that is open to all, but was not joined on this socket, or where one is a member like the others."""
    for number, (op, d, code) in enumerate(
        (
            ("message.send", draft(), "forbidden"),
            ("history.fetch", {}, "forbidden"),
            ("presence.list", {}, "forbidden"),
            ("read.set", {"seq": 1}, "forbidden"),
            ("room.sync", {"since": 0}, "forbidden"),
            ("room.clear", {}, "forbidden"),
            ("member.ban", {"user": victim.uid}, "forbidden"),
        ),
        start=42,
    ):
        answer = await line.ask({"id": number, "op": op, "room": room, "d": d})
        assert answer["err"]["code"] == code, (op, answer)


async def check_closed_pages(page: httpx.AsyncClient, room: str) -> None:
    """The same over HTTP, for every route that names a room, and the page of the room."""
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine", "mode": "closed"}),
        ("GET", "/qr.svg", None),
        ("GET", "/messages", None),
        ("POST", "/messages", draft()),
        ("GET", "/changes?since=0", None),
    ):
        answer = await page.request(method, f"/api/rooms/{room}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path, answer.text)
    assert (await page.post(f"/api/rooms/{room}/leave")).status_code == 204
    assert (await page.get(f"/r/{room}/")).status_code == 404
    assert (await page.post(f"/r/{room}/join/", data={"name": "Mallory"})).status_code == 404


async def check_own_name(line: RawLine, server: LiveServer, cast: Cast, victim: Person) -> None:
    """Whatever a client says about the sender, the message is the session's own."""
    mallory, room = cast.people[0], cast.rooms[0]
    assert "ok" in await line.ask({"id": 50, "op": "room.join", "room": room})
    claims = {
        "sender": victim.uid,
        "user": victim.uid,
        "uid": victim.uid,
        "seq": 7,
        "kind": "system",
        "is_accepted": True,
    }
    answer = await line.ask({"id": 51, "op": "message.send", "room": room, "sender": victim.uid, "d": draft() | claims})
    assert answer["ok"]["seq"] == 1
    [message] = stored_messages(server, room)
    assert message.sender == mallory.uid
    assert message.uid == answer["ok"]["uid"] != victim.uid
    async with greeted_line(server, victim.cookie) as other:
        assert "ok" in await other.ask({"id": 1, "op": "room.join", "room": room})
        edit = await other.ask({"id": 2, "op": "message.edit", "room": room, "d": {"seq": 1, "text": "x"}})
        delete = await other.ask({"id": 3, "op": "message.delete", "room": room, "d": {"seq": 1}})
        # The same client_id from somebody else is another message, not an answer about the first.
        again = await other.ask({"id": 4, "op": "message.send", "room": room, "d": draft(message.client_id)})
    assert edit["err"]["code"] == delete["err"]["code"] == "forbidden"
    assert (again["ok"]["seq"], again["ok"]["duplicate"]) == (2, False)


async def check_return(server: LiveServer, client: Client, act: str) -> None:
    """Nobody who was removed comes back, through either server."""
    async with raw_line(server, cookie=client.person.cookie) as line:
        if ACTS[act][1] is not None:
            assert await read_bye(line) == ACTS[act][1], act
            return
        answer = await line.ask({"id": 1, "op": "room.join", "room": client.room})
        assert answer["err"]["code"] == "banned", (act, answer)


async def call_alike(server: LiveServer, one: Person, other: Person) -> None:
    """Give `other` the name of `one`."""
    async with page_of(server, other) as page:
        answer = await page.post("/api/me/name", json={"display_name": one.name})
        assert answer.status_code == 200, answer.text


async def read_bye(line: RawLine) -> int:
    """Return the code of the `bye` that is all this line gets, checked against that of its close."""
    [bye] = await line.receive()
    assert bye["ev"] == "bye"
    with pytest.raises(LineClosed) as closed:
        await line.receive()
    assert closed.value.code == bye["d"]["code"]
    return int(bye["d"]["code"])


def draft(client_id: str | None = None) -> dict[str, Any]:
    return {"client_id": client_id or str(uuid.uuid4()), "text": "hello"}


def uids(clients: list[Client]) -> list[str]:
    return [client.person.uid for client in clients]
