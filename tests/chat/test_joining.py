"""Joining while the room changes: the answer and the events behind it together are always the present state."""

from __future__ import annotations

import pytest

from chat.joining import Position, join
from chat.models import Room
from chat.queries import accesses, message_page
from chat.services.bans import ban_user
from chat.services.rooms import change_room, clear_room
from realtime.errors import ClientError
from tests.rig import in_db, make_guest, make_member, open_room, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(transactional_db):
    return make_member("Olga")


@pytest.fixture
def bob(transactional_db):
    return make_guest("Bob")


@pytest.fixture
def room(bob, olga):
    return open_room(bob, owner=olga)


@pytest.mark.parametrize("is_live", [True, False], ids=["room in memory", "room not in memory"])
@pytest.mark.parametrize("change", ["clear", "rename"])
async def test_join_that_began_before_a_change_shows_the_room_after_it(
    runtime, monkeypatch, olga, bob, room, is_live, change
):
    """The right to come in is read, then the room changes, then the position and the page are read."""
    await in_db(post, olga, room, "before")
    if is_live:
        await runtime.hub.open(room.uid)
    loader = runtime.parts["chat"].accesses
    stale = (await in_db(accesses, [(bob.pk, room.uid)]))[bob.pk, room.uid]
    asked = []

    async def read_before_the_change(key):
        asked.append(key)
        if len(asked) > 1:
            return (await in_db(accesses, [key]))[key]
        fresh = await in_db(Room.objects.get, pk=room.pk)
        if change == "clear":
            await in_db(clear_room, actor=olga, room=fresh)
        else:
            await in_db(change_room, actor=olga, room=fresh, name="Tent")
        return stale

    monkeypatch.setattr(loader, "get", read_before_the_change)
    answer = (await join(runtime, bob.pk, room.uid, None, 50)).answer
    assert answer["head"] == 2
    expected = ("Main Stage", 2, 0) if change == "clear" else ("Tent", 0, 1)
    shown = answer["room"]
    assert (shown["name"], shown["cleared_seq"], len(answer["messages"])) == expected


@pytest.mark.parametrize("is_live", [True, False], ids=["room in memory", "room not in memory"])
@pytest.mark.parametrize("is_resume", [True, False], ids=["resume", "snapshot"])
async def test_join_that_began_before_a_ban_is_refused(runtime, monkeypatch, olga, bob, room, is_live, is_resume):
    await in_db(post, olga, room, "before")
    if is_live:
        await runtime.hub.open(room.uid)
    loader = runtime.parts["chat"].accesses
    stale = (await in_db(accesses, [(bob.pk, room.uid)]))[bob.pk, room.uid]
    asked = []

    async def read_before_the_ban(key):
        asked.append(key)
        if len(asked) > 1:
            return (await in_db(accesses, [key]))[key]
        await in_db(ban_user, actor=olga, user=bob, room=room)
        return stale

    monkeypatch.setattr(loader, "get", read_before_the_ban)
    since = Position(room.cursor.epoch, 0) if is_resume else None
    with pytest.raises(ClientError) as refusal:
        await join(runtime, bob.pk, room.uid, since, 50)
    assert refusal.value.code == "banned"


async def test_page_that_was_asked_for_before_a_clearing_shows_nothing_of_before(olga, bob, room):
    await in_db(post, bob, room, "before")
    stale = await in_db(Room.objects.get, pk=room.pk)
    await in_db(clear_room, actor=olga, room=await in_db(Room.objects.get, pk=room.pk))
    assert (await in_db(message_page, stale)).rows == []
