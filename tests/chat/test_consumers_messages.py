"""`/ws/`: sending, editing, deleting and paging."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import OperationalError
from django.utils import timezone

from chat.models import Membership, Message
from chat.services import posting
from tests.rig import (
    fill,
    in_db,
    post,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
