"""`/ws/`: joining, leaving and coming back to rooms."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from chat.models import Ban, Membership, Room
from chat.services.entering import leave_room
from tests.rig import (
    fill,
    in_db,
    make_guest,
    open_room,
    post,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
