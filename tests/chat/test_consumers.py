"""`/ws/`: every command and every refusal, as a client sees them."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import services as accounts
from chat.models import Ban, Membership, Message, Room, RoomCursor, new_epoch
from chat.services import posting
from chat.services.bans import ban_user
from chat.services.entering import leave_room
from tests.rig import (
    Socket,
    communicator,
    fill,
    in_db,
    join,
    log_in,
    make_guest,
    make_staff,
    open_room,
    post,
)

pytestmark = pytest.mark.django_db(transaction=True)


# --- opening ----------------------------------------------------------------------------------------------------


async def test_hello_says_who_one_is_and_what_is_allowed(runtime, sit_down, bob):
    socket = Socket(await in_db(log_in, bob))
    hello = await socket.open()
    assert hello["protocol"] == 1
    assert hello["me"] == {"uid": bob.uid, "name": "Bob", "guest": True}
    assert hello["heartbeat_ms"] == 25_000
    assert hello["limits"]["text"] == 4000
    assert hello["limits"]["frame"] == 65_536
    assert {"rate_per_second", "burst"} <= hello["limits"].keys()
    await socket.leave()


@pytest.mark.parametrize("offered", [["pavilion.chat.v1"], ["other", "pavilion.chat.v1"]])
async def test_subprotocol_offered_is_taken(runtime, bob, offered):
    line = communicator(await in_db(log_in, bob), subprotocols=offered)
    assert await line.connect() == (True, "pavilion.chat.v1")
    await line.disconnect()


async def test_subprotocol_unknown_is_closed_with_4505(runtime, bob):
    socket = Socket(await in_db(log_in, bob), subprotocols=["pavilion.chat.v9"])
    await socket.communicator.connect()
    assert await socket.closed() == 4505
    assert (socket.bye["reason"], socket.bye["reconnect"]) == ("unsupported_version", False)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "https://evil.example",
        "https://127.0.0.1:8000.evil.example",
        "http://127.0.0.1:9000",
        "file://127.0.0.1:8000",
        "http://[broken",
        "http://127.0.0.1:port",
    ],
)
async def test_origin_foreign_or_missing_is_refused_before_accept(runtime, bob, origin):
    line = communicator(await in_db(log_in, bob), origin=origin)
    connected, _ = await line.connect()
    assert not connected


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://LOCALHOST:8000", "http://localhost:8000"])
async def test_origin_of_our_own_is_let_in(runtime, bob, origin):
    host = origin.partition("//")[2].lower()
    line = communicator(await in_db(log_in, bob), origin=origin, host=host)
    connected, _ = await line.connect()
    assert connected
    await line.disconnect()


async def test_origin_of_an_unknown_host_is_refused_though_it_matches_the_host_header(runtime, bob):
    line = communicator(await in_db(log_in, bob), origin="http://rebound.example", host="rebound.example")
    assert (await line.connect())[0] is False


async def test_origin_missing_is_let_in_where_the_setting_allows_it(runtime, bob, settings):
    settings.WS_ALLOW_MISSING_ORIGIN = True
    line = communicator(await in_db(log_in, bob), origin=None)
    assert (await line.connect())[0] is True
    await line.disconnect()


async def test_path_without_a_socket_is_refused(runtime, bob):
    line = communicator(await in_db(log_in, bob), path="/ws/elsewhere/")
    assert (await line.connect())[0] is False


@pytest.mark.parametrize(
    "cookie",
    ["", "sessionid=unknown", "sessionid=", "other=1", "sessionid", ";;;", "sessionid=\x00", "sessionid=" + "x" * 3000],
)
async def test_nobody_is_closed_with_4501(runtime, cookie):
    socket = Socket(cookie=cookie)
    await socket.communicator.connect()
    assert await socket.closed() == 4501
    assert (socket.bye["reason"], socket.bye["reconnect"]) == ("auth_required", False)


@pytest.mark.parametrize("before", ['prefs={"a":1}; ', "a[b]=c; ", 'x="unclosed; ', "=; ", "naïve=1; "])
async def test_session_is_found_behind_cookies_of_other_programs(runtime, bob, before):
    socket = Socket(cookie=f"{before}sessionid={await in_db(log_in, bob)}")
    assert (await socket.open())["me"]["uid"] == bob.uid
    await socket.leave()


async def test_disabled_person_is_closed_with_4501(runtime, ada):
    key = await in_db(log_in, ada)
    ada.is_active = False
    await in_db(ada.save)
    socket = Socket(key)
    await socket.communicator.connect()
    assert await socket.closed() == 4501


async def test_connection_too_many_is_closed_with_4504(runtime, sit_down, bob, settings):
    settings.WS_CONNECTIONS_PER_USER = 2
    await sit_down(bob)
    await sit_down(bob)
    third = Socket(await in_db(log_in, bob))
    await third.communicator.connect()
    assert await third.closed() == 4504
    assert third.bye["reconnect"] is False


async def test_connection_slot_is_free_again_after_leaving(runtime, sit_down, bob, settings):
    settings.WS_CONNECTIONS_PER_USER = 1
    first = await sit_down(bob)
    await first.leave()
    assert runtime.hub.connections_of(bob.pk) == 0
    await sit_down(bob)


async def test_socket_without_a_running_server_is_asked_to_come_back(bob):
    socket = Socket(await in_db(log_in, bob))
    await socket.communicator.connect()
    assert await socket.closed() == 4000
    assert socket.bye["reconnect"] is True
    assert socket.bye["retry_after_ms"] > 0


# --- frames that are no commands (docs/protocol.md: the socket stays open) ----------------------------------------

DEEP = "[" * 100 + "]" * 100
VERY_DEEP = "[" * 20_000 + "]" * 20_000


@pytest.mark.parametrize(
    ("frame", "answered_id"),
    [
        ("null", None),
        ("true", None),
        ("7", None),
        ("-1.5e300", None),
        ('""', None),
        ("[]", None),
        ("{}", None),
        ("{", None),
        (" ", None),
        ("hello", None),
        ('{"id":1}', 1),
        ('{"op":"heartbeat"}', None),
        ('{"id":null,"op":"heartbeat"}', None),
        ('{"id":true,"op":"heartbeat"}', None),
        ('{"id":"1","op":"heartbeat"}', None),
        ('{"id":1.5,"op":"heartbeat"}', None),
        ('{"id":0,"op":"heartbeat"}', None),
        ('{"id":-1,"op":"heartbeat"}', None),
        ('{"id":1,"op":null}', 1),
        ('{"id":1,"op":7}', 1),
        ('{"id":1,"op":["heartbeat"]}', 1),
        ('{"id":1,"op":"heartbeat","room":7}', 1),
        ('{"id":1,"op":"heartbeat","d":}', None),
        ('{"id":1,"op":"heartbeat","d":{}', None),
        ('{"id":1,"op":"heartbeat","d":null}', 1),
        ('{"id":1,"op":"heartbeat","d":[]}', 1),
        ('{"id":1,"op":"heartbeat","d":"x"}', 1),
        ('{"id":1,"op":"heartbeat","d":{"rooms":[]}}', 1),
        ('{"id":1,"op":"heartbeat","d":{"rooms":{"r":"1"}}}', 1),
        ('{"id":1,"op":"heartbeat","d":{"rooms":' + DEEP + "}}", 1),
        ('{"id":1,"op":"heartbeat","d":' + VERY_DEEP + "}", None),
        (DEEP, None),
        (VERY_DEEP, None),
        ('{"id":1,"op":"\\ud800"}', None),
        ('{"id":1,"op":"heartbeat"}{"id":2,"op":"heartbeat"}', None),
        ("\ufeff{}", None),
        ("\ud800", None),
        ("\x00", None),
    ],
)
async def test_frame_malformed_is_answered_and_the_socket_stays_open(runtime, sit_down, bob, frame, answered_id):
    socket = await sit_down(bob)
    await socket.communicator.send_to(frame)
    envelope = await socket.reply(answered_id)
    assert envelope["err"]["code"] == "bad_request"
    assert await socket.ask("heartbeat") == {"heads": {}}


async def test_frame_binary_is_answered_with_its_id(runtime, sit_down, bob):
    socket = await sit_down(bob)
    for content, answered_id in ((b'{"id":7,"op":"heartbeat"}', 7), (b"\xff\xfe", None), (b"\x00" * 100, None)):
        await socket.communicator.send_to(bytes_data=content)
        assert (await socket.reply(answered_id))["err"]["code"] == "bad_request"
    assert await socket.ask("heartbeat") == {"heads": {}}


async def test_frame_with_a_huge_number_is_answered(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    for number in (2**63, 10**30, -(10**30)):
        assert (await socket.refused("message.delete", {"seq": number}, room))["code"] in ("bad_request", "not_found")
        assert await socket.ask("history.fetch", {"before": number}, room)
    assert await socket.ask("heartbeat")


async def test_command_unknown_is_unsupported(runtime, sit_down, bob):
    socket = await sit_down(bob)
    for op in ("", "message", "message.send2", "__init__", "x" * 60_000):
        assert (await socket.refused(op))["code"] == "unsupported"


async def test_command_field_wrong_is_named(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    error = await socket.refused("message.send", {"client_id": str(uuid.uuid4()), "text": 7}, room)
    assert (error["code"], error["field"]) == ("bad_request", "text")
    error = await socket.refused("message.send", {"client_id": "no uuid", "text": "hi"}, room)
    assert (error["code"], error["field"]) == ("bad_request", "client_id")


async def test_command_id_still_pending_is_refused(runtime, sit_down, bob, room, monkeypatch):
    socket = await sit_down(bob, room)
    held = []
    monkeypatch.setattr(type(socket_parts(runtime).messages), "submit", lambda self, item, done: held.append(done))
    d = {"client_id": str(uuid.uuid4()), "text": "first"}
    await socket.send("message.send", d, room, id=9)
    await socket.send("message.send", d, room, id=9)
    assert (await socket.reply(9))["err"]["code"] == "bad_request"
    held[0](RuntimeError("lost"))
    assert (await socket.reply(9))["err"]["code"] == "internal"


def socket_parts(runtime):
    return runtime.parts["chat"]


async def test_command_unknown_fields_are_ignored(runtime, sit_down, bob, room):
    socket = await sit_down(bob)
    await socket.communicator.send_json_to({"id": 5, "op": "heartbeat", "later": 1, "d": {"rooms": {}, "later": DEEP}})
    assert (await socket.reply(5))["ok"] == {"heads": {}}


async def test_command_flood_is_rate_limited(runtime, sit_down, bob, monkeypatch):
    monkeypatch.setattr("realtime.consumer.COMMANDS_BURST", 3.0)
    monkeypatch.setattr("realtime.consumer.COMMANDS_PER_SECOND", 1.0)
    socket = await sit_down(bob)
    for _ in range(3):
        await socket.ask("heartbeat")
    error = await socket.refused("heartbeat")
    assert error["code"] == "rate_limited"
    assert 0 < error["retry_after_ms"] <= 1001


async def test_command_flood_passes_without_limits(runtime, sit_down, bob, settings, monkeypatch):
    settings.RATE_LIMITS_ENABLED = False
    monkeypatch.setattr("realtime.consumer.COMMANDS_BURST", 1.0)
    socket = await sit_down(bob)
    for _ in range(5):
        await socket.ask("heartbeat")


async def test_frame_flood_is_read_more_slowly_and_neighbours_are_not(runtime, sit_down, ada, bob, room, monkeypatch):
    monkeypatch.setattr("realtime.consumer.FRAMES_BURST", 5.0)
    monkeypatch.setattr("realtime.consumer.FRAMES_PER_SECOND", 20.0)
    noisy, neighbour = await sit_down(bob), await sit_down(ada, room)
    began = asyncio.get_running_loop().time()
    for _ in range(15):
        await noisy.communicator.send_to("null")
    assert (await neighbour.say(room, "undisturbed"))["state"] == "stored"
    for _ in range(15):
        assert (await noisy.reply(None))["err"]["code"] == "bad_request"
    assert asyncio.get_running_loop().time() - began > 0.4
    assert noisy.code is None


# --- joining ----------------------------------------------------------------------------------------------------


async def test_join_answers_with_a_snapshot(runtime, sit_down, ada, bob, room):
    await in_db(post, ada, room, "welcome")
    socket = await sit_down(bob)
    answer = await socket.join(room)
    assert (answer["mode"], answer["head"], answer["has_more"], answer["pins"]) == ("snapshot", 1, False, [])
    assert answer["room"]["uid"] == room.uid
    assert answer["room"]["code"] == room.code
    assert answer["room"]["invite_url"].endswith(f"/j/{room.invite_token}/")
    assert answer["me"] == {"role": "member", "read_seq": 0, "muted_until": None}
    [message] = answer["messages"]
    assert message["text"] == "welcome"
    assert message["sender"] == {"uid": ada.uid, "name": "Ada", "guest": False, "role": "owner"}
    assert "client_id" not in message


async def test_join_makes_a_visitor_of_a_public_room_its_member(runtime, sit_down, room):
    stranger = await in_db(make_guest, "Stranger")
    socket = await sit_down(stranger, room)
    assert (await socket.say(room, "here I am"))["seq"] == 1
    assert await in_db(Membership.objects.present().filter(user=stranger, room=room).count) == 1


async def test_join_with_a_position_is_resumed(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob)
    answer = await socket.join(room)
    await in_db(post, ada, room, "one")
    await in_db(post, ada, room, "two")
    again = await socket.join(room, {"epoch": answer["epoch"], "seq": answer["head"]})
    assert (again["mode"], again["from"], again["head"]) == ("resumed", 0, 2)
    assert [event["d"]["text"] for event in again["events"]] == ["one", "two"]
    assert [event["seq"] for event in again["events"]] == [1, 2]
    assert again["online"] == 1
    neighbour = await sit_down(ada, room)
    assert (await neighbour.join(room, {"epoch": answer["epoch"], "seq": 1}))["online"] == 2


async def test_join_at_the_head_is_resumed_with_nothing(runtime, sit_down, ada, bob, room):
    await in_db(post, ada, room)
    socket = await sit_down(bob)
    answer = await socket.join(room)
    again = await socket.join(room, {"epoch": answer["epoch"], "seq": 1})
    assert (again["mode"], again["events"]) == ("resumed", [])


async def test_join_of_another_epoch_is_reset(runtime, sit_down, ada, bob, room):
    await in_db(post, ada, room)
    answer = await (await sit_down(bob)).join(room, {"epoch": "another", "seq": 1})
    assert (answer["mode"], answer["reason"], len(answer["messages"])) == ("reset", "epoch_changed", 1)


@pytest.mark.parametrize("seq", [-1, 400, 10**12])
async def test_join_from_a_place_that_is_none_is_reset(runtime, sit_down, ada, bob, room, seq):
    await in_db(post, ada, room)
    socket = await sit_down(bob)
    epoch = (await socket.join(room))["epoch"]
    answer = await socket.join(room, {"epoch": epoch, "seq": seq})
    assert (answer["mode"], answer["reason"]) == ("reset", "too_old")


async def test_join_from_300_behind_is_resumed_and_from_301_is_reset(runtime, sit_down, ada, bob, room):
    await in_db(fill, ada, room, 301)
    socket = await sit_down(bob)
    epoch = (await socket.join(room))["epoch"]
    answer = await socket.join(room, {"epoch": epoch, "seq": 1})
    assert (answer["mode"], len(answer["events"])) == ("resumed", 300)
    answer = await socket.join(room, {"epoch": epoch, "seq": 0})
    assert (answer["mode"], answer["reason"], len(answer["messages"])) == ("reset", "too_old", 100)


async def test_join_twice_brings_each_event_once(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    await socket.join(room)
    await in_db(post, ada, room)
    await socket.event("message.created")
    assert await socket.communicator.receive_nothing()


async def test_join_unknown_room_is_not_found(runtime, sit_down, bob):
    socket = await sit_down(bob)
    for uid in ("nosuchroom", "", "x" * 5000, "☃"):
        assert (await socket.refused("room.join", {}, uid))["code"] == "not_found"


async def test_room_that_no_database_takes_spoils_nothing_for_others(runtime, sit_down, ada, bob, room):
    villain, neighbour = await sit_down(bob), await sit_down(ada)
    await villain.send("rooms.join", {"rooms": [{"room": "a\x00b"}] * 10})
    assert (await neighbour.join(room))["mode"] == "snapshot"
    assert [answer["err"]["code"] for answer in (await villain.reply(1))["ok"]] == ["not_found"] * 10
    assert (await villain.refused("room.join", {}, "a\x00b"))["code"] == "bad_request"
    assert (await villain.refused("member.ban", {"user": "a\x00b"}, room))["code"] == "not_found"


async def test_join_private_room_without_a_key_is_not_found(runtime, sit_down, ada):
    room = await in_db(open_room, owner=ada, kind=Room.Kind.PRIVATE)
    stranger = await in_db(make_guest)
    assert (await (await sit_down(stranger)).refused("room.join", {}, room))["code"] == "not_found"


async def test_join_closed_room_is_refused(runtime, sit_down):
    room = await in_db(open_room, mode=Room.Mode.CLOSED)
    stranger = await in_db(make_guest)
    assert (await (await sit_down(stranger)).refused("room.join", {}, room))["code"] == "room_closed"


async def test_join_archived_room_is_refused(runtime, sit_down):
    room = await in_db(open_room, archived_at=timezone.now())
    stranger = await in_db(make_guest)
    assert (await (await sit_down(stranger)).refused("room.join", {}, room))["code"] == "room_closed"


@pytest.mark.parametrize("everywhere", [True, False])
async def test_join_by_the_banned_is_refused(runtime, sit_down, bob, room, everywhere):
    socket = await sit_down(bob)
    await in_db(Ban.objects.create, user=bob, room=None if everywhere else room)
    assert (await socket.refused("room.join", {}, room))["code"] == "banned"


async def test_joins_of_many_rooms_are_answered_in_order(runtime, sit_down, ada, bob, room):
    other = await in_db(open_room, bob)
    await in_db(post, bob, other, "elsewhere")
    socket = await sit_down(bob)
    wanted = [{"room": other.uid}, {"room": "nosuchroom"}, {"room": room.uid, "limit": 1}]
    answers = await socket.ask("rooms.join", {"rooms": wanted})
    assert [answer.get("mode") for answer in answers] == ["snapshot", None, "snapshot"]
    assert answers[0]["room"]["uid"] == other.uid
    assert answers[1]["room_uid"] == "nosuchroom"
    assert answers[1]["err"]["code"] == "not_found"
    await in_db(post, ada, room, "heard")
    assert (await socket.event("message.created"))["room"] == room.uid


async def test_joins_of_too_many_rooms_are_refused(runtime, sit_down, bob):
    socket = await sit_down(bob)
    error = await socket.refused("rooms.join", {"rooms": [{"room": "r"}] * 51})
    assert (error["code"], error["field"]) == ("too_large", "rooms")


async def test_leave_ends_the_events_and_keeps_the_membership(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    assert await socket.ask("room.leave", {}, room) == {}
    await in_db(post, ada, room)
    assert await socket.communicator.receive_nothing()
    error = await socket.refused("message.send", {"client_id": str(uuid.uuid4()), "text": "x"}, room)
    assert error["code"] == "forbidden"
    assert await in_db(Membership.objects.present().filter(user=bob, room=room).count) == 1


async def test_leave_of_a_room_one_is_not_in_is_no_error(runtime, sit_down, bob):
    assert await (await sit_down(bob)).ask("room.leave", {}, "nosuchroom") == {}


async def test_sync_is_answered_like_a_join(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    await in_db(post, ada, room, "missed")
    answer = await socket.ask("room.sync", {"since": 0}, room)
    assert (answer["mode"], [event["seq"] for event in answer["events"]]) == ("resumed", [1])


async def test_sync_does_not_undo_a_leaving_elsewhere(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    await in_db(leave_room, actor=bob, room_uid=room.uid)
    assert (await socket.refused("room.sync", {"since": 0}, room))["code"] == "not_found"
    assert not (await in_db(lambda: list(Membership.objects.present().filter(user=bob))))


async def test_sync_outside_is_refused(runtime, sit_down, bob, room):
    assert (await (await sit_down(bob)).refused("room.sync", {"since": 0}, room))["code"] == "forbidden"


# --- messages ---------------------------------------------------------------------------------------------------


async def test_send_reaches_everybody_and_answers_its_author(runtime, sit_down, ada, bob, room):
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    client_id = str(uuid.uuid4())
    answer = await author.say(room, "  hi\r\nthere ", client_id)
    assert (answer["seq"], answer["duplicate"], answer["state"]) == (1, False, "stored")
    event = await reader.event("message.created")
    assert (event["room"], event["seq"], event["at"]) == (room.uid, 1, answer["at"])
    assert event["d"] == {
        "seq": 1,
        "rev": 1,
        "uid": answer["uid"],
        "kind": "chat",
        "sender": {"uid": bob.uid, "name": "Bob", "guest": True, "role": "member"},
        "text": "hi\nthere",
        "at": answer["at"],
        "edited_at": None,
        "reply_to": None,
        "reactions": {},
        "mentions": [],
        "pinned": False,
        "deleted": False,
    }
    own = (await author.event("message.created"))["d"]
    assert (own["client_id"], own["mine"]) == (client_id, [])


async def test_send_names_no_sender(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    d = {"client_id": str(uuid.uuid4()), "text": "me", "sender": ada.uid, "uid": "mine", "seq": 99, "kind": "system"}
    assert (await socket.ask("message.send", d, room))["seq"] == 1
    message = await in_db(Message.objects.get)
    assert (message.sender_id, message.kind, message.uid == "mine") == (bob.pk, "chat", False)


async def test_send_again_is_answered_as_before(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    client_id = str(uuid.uuid4())
    first = await socket.say(room, "once", client_id)
    again = await socket.say(room, "once", client_id)
    assert again == first | {"duplicate": True}
    error = await socket.refused("message.send", {"client_id": client_id, "text": "twice"}, room)
    assert (error["code"], error["field"]) == ("idempotency_conflict", "client_id")


async def test_send_many_at_once_are_numbered_in_the_order_of_sending(runtime, sit_down, ada, bob, room):
    socket, reader = await sit_down(bob, room), await sit_down(ada, room)
    ids = [await socket.send("message.send", {"client_id": str(uuid.uuid4()), "text": str(n)}, room) for n in range(40)]
    assert [(await socket.reply(command_id))["ok"]["seq"] for command_id in ids] == list(range(1, 41))
    assert [(await reader.event("message.created"))["d"]["text"] for _ in range(40)] == [str(n) for n in range(40)]


@pytest.mark.parametrize("text", ["", "   ", "\n\t\r\n", "\x00\x07", "\u2028 \u3000"])
async def test_send_nothing_is_invalid(runtime, sit_down, bob, room, text):
    socket = await sit_down(bob, room)
    error = await socket.refused("message.send", {"client_id": str(uuid.uuid4()), "text": text}, room)
    assert (error["code"], error["field"]) == ("invalid", "text")


@pytest.mark.parametrize("length", [4001, 16_001, 1_000_000])
async def test_send_too_long_is_refused(runtime, sit_down, bob, room, length):
    socket = await sit_down(bob, room)
    error = await socket.refused("message.send", {"client_id": str(uuid.uuid4()), "text": "x" * length}, room)
    assert (error["code"], error["field"]) == ("too_large", "text")


async def test_send_outside_is_refused(runtime, sit_down, bob, room):
    socket = await sit_down(bob)
    for uid in (room.uid, "nosuchroom", ""):
        d = {"client_id": str(uuid.uuid4()), "text": "x"}
        assert (await socket.refused("message.send", d, uid))["code"] == "forbidden"
    assert await in_db(Message.objects.count) == 0


async def test_send_by_the_muted_is_refused(runtime, sit_down, bob, room):
    until = timezone.now() + dt.timedelta(minutes=5)
    await in_db(Membership.objects.filter(user=bob, room=room).update, muted_until=until)
    socket = await sit_down(bob, room)
    error = await socket.refused("message.send", {"client_id": str(uuid.uuid4()), "text": "x"}, room)
    assert error["code"] == "muted"
    assert 0 < error["retry_after_ms"] <= 300_000


async def test_send_into_a_database_that_is_away_is_journaled_and_shown(runtime, sit_down, ada, bob, room, monkeypatch):
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    working = posting.statements.lock_rooms

    def away(rooms):
        raise OperationalError("away")

    monkeypatch.setattr(posting.statements, "lock_rooms", away)
    answer = await author.say(room, "kept")
    assert (answer["state"], answer["seq"]) == ("journaled", None)
    shown = await reader.event("message.provisional")
    assert (shown["d"]["uid"], shown["d"]["text"], shown["d"]["sender"]["uid"]) == (answer["uid"], "kept", bob.uid)
    monkeypatch.setattr(posting.statements, "lock_rooms", working)
    stored = await reader.event("message.created")
    assert (stored["d"]["uid"], stored["seq"]) == (answer["uid"], 1)
    assert "message.provisional" not in [thing["ev"] for thing in author.drain()]


async def test_edit_shows_the_new_text_to_everybody(runtime, sit_down, ada, bob, room):
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    await author.say(room, "teh")
    assert await author.ask("message.edit", {"seq": 1, "text": "the"}, room) == {"rev": 2}
    event = await reader.event("message.updated")
    assert (event["seq"], event["d"]["seq"], event["d"]["rev"], event["d"]["text"]) == (2, 1, 2, "the")
    assert event["d"]["edited_at"] is not None


async def test_edit_of_another_persons_message_is_refused(runtime, sit_down, ada, bob, room):
    await in_db(post, bob, room)
    socket = await sit_down(ada, room)
    assert (await socket.refused("message.edit", {"seq": 1, "text": "x"}, room))["code"] == "forbidden"


async def test_edit_of_no_message_is_not_found(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    assert (await socket.refused("message.edit", {"seq": 9, "text": "x"}, room))["code"] == "not_found"


async def test_delete_leaves_a_tombstone(runtime, sit_down, ada, bob, room):
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    await author.say(room, "regrettable")
    assert await author.ask("message.delete", {"seq": 1}, room) == {"rev": 2}
    event = await reader.event("message.deleted")
    assert (event["seq"], event["d"]["text"], event["d"]["deleted"]) == (2, "", True)


async def test_delete_by_a_neighbour_is_refused(runtime, sit_down, ada, bob, room):
    await in_db(post, ada, room)
    socket = await sit_down(bob, room)
    assert (await socket.refused("message.delete", {"seq": 1}, room))["code"] == "forbidden"


async def test_history_pages_back(runtime, sit_down, ada, bob, room):
    await in_db(fill, ada, room, 5)
    socket = await sit_down(bob, room)
    page = await socket.ask("history.fetch", {"before": 4, "limit": 2}, room)
    assert ([message["seq"] for message in page["messages"]], page["has_more"]) == ([2, 3], True)
    page = await socket.ask("history.fetch", {"after": 3, "limit": 2}, room)
    assert ([message["seq"] for message in page["messages"]], page["has_more"]) == ([4, 5], False)
    page = await socket.ask("history.fetch", {"around": 3, "limit": 3}, room)
    assert [message["seq"] for message in page["messages"]] == [2, 3, 4]


async def test_history_outside_is_refused(runtime, sit_down, bob, room):
    assert (await (await sit_down(bob)).refused("history.fetch", {}, room))["code"] == "forbidden"


# --- reading, presence, heartbeat -------------------------------------------------------------------------------


async def test_read_moves_forward_and_never_back(runtime, sit_down, ada, bob, room):
    await in_db(fill, ada, room, 3)
    socket = await sit_down(bob, room)
    assert await socket.ask("read.set", {"seq": 2}, room) == {"read_seq": 2, "unread": 1}
    assert await socket.ask("read.set", {"seq": 1}, room) == {"read_seq": 2, "unread": 1}
    assert (await socket.ask("read.set", {"seq": 99}, room))["read_seq"] == 3
    assert (await in_db(Membership.objects.get, user=bob, room=room)).read_seq == 3


async def test_read_outside_is_refused(runtime, sit_down, bob, room):
    assert (await (await sit_down(bob)).refused("read.set", {"seq": 1}, room))["code"] == "forbidden"


async def test_people_are_counted_once_however_many_tabs(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    await sit_down(bob, room)
    await sit_down(ada, room)
    answer = await socket.ask("presence.list", {}, room)
    assert answer["online"] == 2
    assert answer["people"] == [
        {"uid": ada.uid, "name": "Ada", "guest": False},
        {"uid": bob.uid, "name": "Bob", "guest": True},
    ]


async def test_people_outside_are_not_shown(runtime, sit_down, bob, room):
    assert (await (await sit_down(bob)).refused("presence.list", {}, room))["code"] == "forbidden"


async def test_presence_count_is_told_when_it_changes(runtime_of, sit_down, ada, bob, room, monkeypatch):
    monkeypatch.setattr("realtime.runtime.PRESENCE_SECONDS", 0.02)
    async with runtime_of():
        socket = await sit_down(bob, room)
        assert (await socket.event("presence.count"))["d"] == {"online": 1}
        other = await sit_down(ada, room)
        assert (await socket.event("presence.count"))["d"] == {"online": 2}
        await other.leave()
        assert (await socket.event("presence.count"))["d"] == {"online": 1}


async def test_heartbeat_shows_the_heads_of_followed_rooms_alone(runtime, sit_down, ada, bob, room):
    other = await in_db(open_room, ada)
    await in_db(post, ada, other)
    socket = await sit_down(bob, room)
    await in_db(post, ada, room)
    await socket.event("message.created")
    answer = await socket.ask("heartbeat", {"rooms": {room.uid: 0, other.uid: 0, "nosuchroom": 5}})
    assert answer == {"heads": {room.uid: 1}}


# --- moderation and the guard -----------------------------------------------------------------------------------


async def test_clear_hides_everything_before_it(runtime, sit_down, ada, bob, room):
    owner, reader = await sit_down(ada, room), await sit_down(bob, room)
    await owner.say(room, "gone soon")
    assert await owner.ask("room.clear", {}, room) == {"rev": 2}
    event = await reader.event("room.cleared")
    assert (event["seq"], event["d"]["cleared_seq"], event["d"]["uid"]) == (2, 2, room.uid)
    assert "code" not in event["d"]
    assert (await reader.join(room))["messages"] == []


async def test_clear_by_a_visitor_is_refused(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    assert (await socket.refused("room.clear", {}, room))["code"] == "forbidden"


async def test_clear_of_no_room_is_not_found(runtime, sit_down, bob):
    assert (await (await sit_down(bob)).refused("room.clear", {}, "nosuchroom"))["code"] == "not_found"


async def test_ban_tells_the_room_and_closes_the_banned_alone(runtime, sit_down, ada, bob, room):
    namesake = await in_db(make_guest, "Bob")
    owner, banned, tab = await sit_down(ada, room), await sit_down(bob, room), await sit_down(bob, room)
    other = await sit_down(namesake, room)
    assert await owner.ask("member.ban", {"user": bob.uid, "reason": "spam"}, room) == {}
    event = await other.event("member.changed")
    assert event["d"] == {"uid": bob.uid, "name": "Bob", "role": "member", "muted_until": None, "removed": True}
    assert (await banned.closed(), await tab.closed()) == (4503, 4503)
    assert (banned.bye["room"], banned.bye["reconnect"]) == (room.uid, False)
    await owner.say(room, "among us")
    assert (await other.event("message.created"))["d"]["text"] == "among us"
    assert "among us" not in "".join(banned.frames + tab.frames)


async def test_banned_person_gets_all_before_the_ban_and_nothing_after(runtime, sit_down, ada, bob, room):
    owner, banned = await sit_down(ada, room), await sit_down(bob, room)
    await owner.say(room, "before")
    await in_db(lambda: (ban_user(actor=ada, user=bob, room=room), post(ada, room, "after")))
    await banned.closed()
    numbers = [thing["seq"] for thing in banned.inbox if "seq" in thing]
    assert numbers == [1, 2]


async def test_ban_by_a_visitor_is_refused(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    assert (await socket.refused("member.ban", {"user": ada.uid}, room))["code"] == "forbidden"


async def test_ban_of_nobody_is_not_found(runtime, sit_down, ada, room):
    socket = await sit_down(ada, room)
    assert (await socket.refused("member.ban", {"user": "nosuchuser"}, room))["code"] == "not_found"


@pytest.fixture
async def guarded(runtime_of, monkeypatch):
    """A runtime that looks after its sockets twenty times a second instead of every five."""
    monkeypatch.setattr("realtime.runtime.GUARD_SECONDS", 0.05)
    async with runtime_of() as runtime:
        yield runtime


async def test_guard_closes_who_logged_out_and_nobody_else(guarded, sit_down, ada, bob, room):
    gone, stays = await sit_down(bob, room), await sit_down(ada, room)
    await in_db(accounts.end_sessions, user=bob)
    assert await gone.closed() == 4502
    assert gone.bye["reason"] == "revoked"
    await asyncio.sleep(0.12)
    assert await stays.ask("heartbeat")
    assert stays.code is None


async def test_guard_closes_the_one_session_that_ended(guarded, sit_down, ada, bob, room):
    first, second = await sit_down(bob, room), await sit_down(bob, room)
    key = first.communicator.scope["headers"][-1][1].decode().partition("=")[2]
    await in_db(accounts.end_session, key=key, actor=bob)
    assert await first.closed() == 4502
    assert await second.ask("heartbeat")


async def test_guard_closes_who_was_disabled(guarded, sit_down, ada):
    chief = await in_db(make_staff)
    socket = await sit_down(ada)
    await in_db(accounts.disable_user, actor=chief, user=ada)
    assert await socket.closed() == 4502


async def test_guard_closes_who_is_banned_from_everything(guarded, sit_down, bob):
    chief = await in_db(make_staff)
    socket = await sit_down(bob)
    await in_db(ban_user, actor=chief, user=bob)
    assert await socket.closed() == 4503


async def test_guard_closes_who_has_said_nothing_for_long(guarded, sit_down, bob, room, monkeypatch):
    monkeypatch.setattr("realtime.runtime._SILENCE_SECONDS", 0.2)
    socket = await sit_down(bob, room)
    assert await socket.closed() == 4003
    assert socket.bye["reconnect"] is True


async def test_server_that_stops_says_so(runtime_of, sit_down, bob, room):
    async with runtime_of():
        socket = await sit_down(bob, room)
    assert await socket.closed() == 4001
    assert socket.bye["reason"] == "restart"
    assert 500 <= socket.bye["retry_after_ms"] <= 5000


async def test_room_that_is_deleted_closes_its_sockets(quick_hub, runtime_of, sit_down, bob, room):
    async with runtime_of():
        socket = await sit_down(bob, room)
        await in_db(room.delete)
        assert await socket.closed() == 4502


async def test_history_wiped_sends_everybody_back_for_a_fresh_start(quick_hub, runtime_of, sit_down, ada, bob, room):
    async with runtime_of():
        await in_db(post, ada, room)
        socket = await sit_down(bob)
        answer = await socket.join(room)
        await in_db(restart_history, room)
        assert await socket.closed() == 4001
        again = await (await sit_down(bob)).join(room, {"epoch": answer["epoch"], "seq": answer["head"]})
        assert (again["mode"], again["reason"], again["head"]) == ("reset", "epoch_changed", 0)


def restart_history(room):
    Message.objects.filter(room=room).delete()
    RoomCursor.objects.filter(room=room).update(head=0, epoch=new_epoch())


async def test_bug_in_a_handler_is_answered_internal_and_the_socket_stays(runtime, sit_down, bob, room, monkeypatch):
    socket = await sit_down(bob, room)

    def broken(*args, **kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr("chat.consumers.message_page", broken)
    error = await socket.refused("history.fetch", {}, room)
    assert (error["code"], "a bug" in json.dumps(error)) == ("internal", False)
    assert await socket.ask("heartbeat")


async def test_outage_of_the_database_is_answered_overloaded(runtime, sit_down, bob, room, monkeypatch):
    socket = await sit_down(bob, room)

    def away(*args, **kwargs):
        raise OperationalError("away")

    monkeypatch.setattr("chat.consumers.message_page", away)
    error = await socket.refused("history.fetch", {}, room)
    assert error["code"] == "overloaded"
    assert error["retry_after_ms"] > 0


async def test_outage_while_connecting_asks_to_come_back(runtime, bob, monkeypatch):
    key = await in_db(log_in, bob)

    async def away(key):
        raise OperationalError("away")

    monkeypatch.setattr(socket_parts(runtime).newcomers, "get", away)
    socket = Socket(key)
    await socket.communicator.connect()
    assert await socket.closed() == 4000
    assert socket.bye["reconnect"] is True


async def test_private_room_is_open_to_who_came_with_its_code(runtime, sit_down, ada):
    room = await in_db(open_room, owner=ada, kind=Room.Kind.PRIVATE)
    friend = await in_db(make_guest)
    await in_db(join, friend, room)
    assert (await (await sit_down(friend)).join(room))["mode"] == "snapshot"
