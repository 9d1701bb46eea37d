"""Sending while the database is away: what is answered, what others see, and what is stored in the end."""

from __future__ import annotations

import uuid

import pytest
from django.db import OperationalError

from chat.models import Message
from chat.services import posting
from tests.rig import in_db, make_guest, make_member, numbers_of, open_room, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(transactional_db):
    return make_member("Ada")


@pytest.fixture
def bob(transactional_db):
    return make_guest("Bob")


@pytest.fixture
def room(ada, bob):
    return open_room(bob, owner=ada)


@pytest.fixture
def database(monkeypatch):
    """Takes the database away from those who post, and gives it back."""
    working = posting.statements.lock_rooms

    def away(rooms):
        raise OperationalError("away")

    class Database:
        def leave(self):
            monkeypatch.setattr(posting.statements, "lock_rooms", away)

        def come_back(self):
            monkeypatch.setattr(posting.statements, "lock_rooms", working)

    return Database()


async def test_send_again_into_a_database_that_is_away_is_journaled_once(runtime, sit_down, ada, bob, room, database):
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    client_id = str(uuid.uuid4())
    database.leave()
    first = await author.say(room, "once", client_id)
    # From another tab: the line was lost, and with it the answer.
    again = await (await sit_down(bob, room)).say(room, "once", client_id)
    assert again == first | {"duplicate": True}
    other = await author.refused("message.send", {"client_id": client_id, "text": "other"}, room)
    assert (other["code"], other["field"]) == ("idempotency_conflict", "client_id")
    assert (await (await sit_down(ada, room)).say(room, "hers", client_id))["duplicate"] is False
    database.come_back()
    created = [(await reader.event("message.created"))["d"] for _ in range(2)]
    assert [(message["uid"] == first["uid"], message["text"]) for message in created] == [
        (True, "once"),
        (False, "hers"),
    ]
    assert (await author.say(room, "once", client_id))["seq"] == 1
    assert await in_db(Message.objects.count) == 2


async def test_send_again_shows_others_one_provisional(runtime, sit_down, ada, bob, room, database):
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    client_id = str(uuid.uuid4())
    database.leave()
    uid = (await author.say(room, "once", client_id))["uid"]
    for _ in range(3):
        await author.say(room, "once", client_id)
    await author.say(room, "last")
    shown = [(await reader.event("message.provisional"))["d"] for _ in range(2)]
    assert [(message["uid"] == uid, message["text"]) for message in shown] == [(True, "once"), (False, "last")]
    database.come_back()


async def test_send_again_of_what_was_stored_before_the_outage_is_answered_from_memory(
    runtime, sit_down, ada, bob, room, database
):
    author = await sit_down(bob, room)
    client_id = str(uuid.uuid4())
    first = await author.say(room, "once", client_id)
    database.leave()
    assert await author.say(room, "once", client_id) == first | {"duplicate": True}
    assert (await author.say(room, "next"))["state"] == "journaled"
    database.come_back()
    await until(lambda: not runtime.writers["messages"].is_database_away)
    assert await in_db(numbers_of, room) == [1, 2]
