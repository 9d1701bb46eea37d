"""`/ws/`: reading, presence, moderation, and what the server does by itself."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.db import OperationalError

from accounts import services as accounts
from chat.live import parts_of
from chat.models import Membership, Message, Room, RoomCursor, new_epoch
from chat.services.bans import ban_user
from tests.rig import (
    PATIENCE_SECONDS,
    Socket,
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

    monkeypatch.setattr(parts_of(runtime).newcomers, "get", away)
    socket = Socket(key)
    await socket.communicator.connect(PATIENCE_SECONDS)
    assert await socket.closed() == 4000
    assert socket.bye["reconnect"] is True


async def test_private_room_is_open_to_who_came_with_its_code(runtime, sit_down, ada):
    room = await in_db(open_room, owner=ada, kind=Room.Kind.PRIVATE)
    friend = await in_db(make_guest)
    await in_db(join, friend, room)
    assert (await (await sit_down(friend)).join(room))["mode"] == "snapshot"
