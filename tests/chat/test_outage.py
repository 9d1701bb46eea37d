"""Sending while the database is away: what is answered, what others see, and what is stored in the end."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from django.db import OperationalError

from chat.models import Message
from chat.services import posting
from tests.rig import held_cursor, in_db, numbers_of, until

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_send_refused_as_overloaded_may_be_stored_and_sent_again_is_stored_once(
    runtime, sit_down, ada, bob, room, monkeypatch
):
    """The database hangs on the message and the journal is full: nobody can say yet what becomes of it."""
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    writer = runtime.writers["messages"]
    monkeypatch.setattr(writer, "stall_seconds", 0.1)
    monkeypatch.setattr(writer.journal._spool, "_max_bytes", 10)
    client_id = str(uuid.uuid4())
    async with held_cursor(room):
        refusal = await author.refused("message.send", {"client_id": client_id, "text": "once"}, room)
        assert (refusal["code"], refusal["retry_after_ms"] > 0) == ("overloaded", True)
        again = await author.refused("message.send", {"client_id": client_id, "text": "once"}, room)
        assert again["code"] == "overloaded"
    await until(lambda: not writer.is_database_away)
    answer = await author.say(room, "once", client_id)
    assert (answer["seq"], answer["duplicate"], answer["state"]) == (1, True, "stored")
    assert [(m["seq"], m["text"]) for m in [(await reader.event("message.created"))["d"]]] == [(1, "once")]
    assert await in_db(numbers_of, room) == [1]


async def test_send_again_until_it_is_taken_ends_with_exactly_one(runtime, sit_down, ada, bob, room, monkeypatch):
    """A client's outbox against a database that hangs, answers, and hangs again."""
    author, reader = await sit_down(bob, room), await sit_down(ada, room)
    monkeypatch.setattr(runtime.writers["messages"], "stall_seconds", 0.1)
    client_id, answers = str(uuid.uuid4()), []
    for _ in range(3):
        async with held_cursor(room):
            answers.append(await author.say(room, "once", client_id))
            answers.append(await author.say(room, "once", client_id))
        await until(lambda: not runtime.writers["messages"].is_database_away)
        answers.append(await author.say(room, "once", client_id))
    assert {answer["uid"] for answer in answers} == {answers[0]["uid"]}
    assert [answer["duplicate"] for answer in answers] == [False] + [True] * 8
    assert (await reader.event("message.created"))["d"]["uid"] == answers[0]["uid"]
    await asyncio.sleep(0.05)
    assert [thing["ev"] for thing in reader.drain() if thing["ev"].startswith("message")] == []
    assert await in_db(numbers_of, room) == [1]
