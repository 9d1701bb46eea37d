"""Posting: numbers, idempotency, refusals, many writers at once, and how many statements it takes."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import uuid

import msgspec
import pytest
from django.db import connections
from django.utils import timezone

from chat.models import Ban, Membership, Message, Room
from chat.permissions import Standing, refusal_to_post
from chat.services.bans import ban_user, lift_ban
from chat.services.entering import leave_room
from chat.services.messages import delete_message, edit_message
from chat.services.posting import post_messages, replay_drafts
from chat.services.rooms import change_room, clear_room
from realtime.errors import ClientError
from tests.rig import (
    draft,
    head_of,
    held_cursor,
    in_db,
    join,
    make_guest,
    make_member,
    make_staff,
    numbers_of,
    open_room,
    post,
    statements,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db):
    return make_guest("Bob")


@pytest.fixture
def room(bob):
    return open_room(bob)


def refused(*drafts) -> list[str]:
    return [result.code if isinstance(result, ClientError) else "stored" for result in post_messages(drafts)]


# --- what is stored ---------------------------------------------------------------------------------------------


def test_post_numbers_densely_in_order(bob, room):
    drafts = [draft(bob, room, str(n)) for n in range(50)]
    results = post_messages(drafts)
    assert [result.seq for result in results] == list(range(1, 51))
    assert list(Message.objects.order_by("seq").values_list("body", flat=True)) == [str(n) for n in range(50)]
    assert head_of(room) == 50


def test_post_stores_what_was_given(bob, room):
    at = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    given = draft(bob, room, "  cafe\u0301\r\n ok\x00 ", at=at)
    [result] = post_messages([given])
    message = Message.objects.get()
    assert (message.body, message.uid, message.client_id) == ("café\n ok", given.uid, given.client_id)
    assert (message.created_at, message.seq, message.rev, message.sender) == (at, 1, 1, bob)
    assert (result.uid, result.at, result.duplicate, result.state) == (
        given.uid,
        "2026-05-01T12:00:00.000Z",
        False,
        "stored",
    )
    room.cursor.refresh_from_db()
    assert room.cursor.last_message_at == at


def test_post_nothing_is_nothing(db):
    assert post_messages([]) == []


def test_post_into_several_rooms_numbers_each_by_itself(bob, room):
    other = open_room(bob)
    results = post_messages([draft(bob, r) for r in (room, other, room, other, room)])
    assert [result.seq for result in results] == [1, 1, 2, 2, 3]
    assert (head_of(room), head_of(other)) == (3, 2)


def test_refused_draft_takes_no_number(bob, room):
    stranger = make_guest()
    assert refused(draft(bob, room), draft(stranger, room), draft(bob, room)) == ["stored", "forbidden", "stored"]
    assert numbers_of(room) == [1, 2]


# --- sending again ----------------------------------------------------------------------------------------------


def test_repeat_gets_the_first_position(bob, room):
    first = draft(bob, room, "once")
    [stored] = post_messages([first])
    post(bob, room, "between")
    [again] = post_messages([msgspec.structs.replace(first, uid="another", at=timezone.now())])
    assert again == msgspec.structs.replace(stored, duplicate=True)
    assert Message.objects.count() == 2


def test_repeat_in_the_same_batch_is_stored_once(bob, room):
    given = draft(bob, room, "once")
    first, again = post_messages([given, given])
    assert (first.seq, again.seq, first.duplicate, again.duplicate) == (1, 1, False, True)
    assert numbers_of(room) == [1]


def test_repeat_with_other_text_is_a_conflict(bob, room):
    given = draft(bob, room, "once")
    assert refused(given, msgspec.structs.replace(given, text="other")) == ["stored", "idempotency_conflict"]
    assert refused(msgspec.structs.replace(given, text="other")) == ["idempotency_conflict"]


def test_repeat_that_differs_only_in_blanks_is_the_same(bob, room):
    given = draft(bob, room, "once")
    post_messages([given])
    [again] = post_messages([msgspec.structs.replace(given, text=" once\r\n")])
    assert again.duplicate


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_repeat_of_a_changed_message_gets_its_position(bob, room, change):
    given = draft(bob, room, "once")
    post_messages([given])
    if change == "edited":
        edit_message(actor=bob, room_uid=room.uid, seq=1, text="changed")
    else:
        delete_message(actor=bob, room_uid=room.uid, seq=1)
    [again] = post_messages([given])
    assert (again.seq, again.duplicate) == (1, True)


def test_repeat_after_a_ban_is_still_answered(bob, room):
    given = draft(bob, room)
    post_messages([given])
    ban_user(actor=make_staff(), user=bob, room=room)
    assert refused(given, draft(bob, room)) == ["stored", "banned"]


def test_client_id_of_another_person_or_room_is_no_repeat(bob, room):
    ada, other, client_id = make_member(), open_room(bob), uuid.uuid4()
    join(ada, room)
    given = [draft(person, place, client_id=client_id) for person, place in ((bob, room), (ada, room), (bob, other))]
    assert [result.duplicate for result in post_messages(given)] == [False, False, False]


# --- refusals ---------------------------------------------------------------------------------------------------


def test_post_into_no_room_is_not_found(bob, room):
    assert refused(draft(bob, "nosuchroom")) == ["not_found"]


def test_post_by_a_stranger_is_refused(room):
    assert refused(draft(make_guest(), room)) == ["forbidden"]


def test_post_after_leaving_is_refused(bob, room):
    leave_room(actor=bob, room_uid=room.uid)
    assert refused(draft(bob, room)) == ["forbidden"]


def test_post_by_the_disabled_is_refused(bob, room):
    bob.is_active = False
    bob.save(update_fields=["is_active"])
    assert refused(draft(bob, room)) == ["forbidden"]


@pytest.mark.parametrize("everywhere", [True, False])
def test_post_by_the_banned_is_refused(bob, room, everywhere):
    Ban.objects.create(user=bob, room=None if everywhere else room)
    assert refused(draft(bob, room)) == ["banned"]


def test_post_after_a_ban_has_ended_is_stored(bob, room):
    now = timezone.now()
    Ban.objects.create(user=bob, room=room, until=now - dt.timedelta(seconds=1))
    Ban.objects.create(user=bob, room=None, lifted_at=now)
    Ban.objects.create(user=bob, room=open_room())
    assert refused(draft(bob, room)) == ["stored"]


def test_post_by_the_muted_says_how_long(bob, room):
    Membership.objects.update(muted_until=timezone.now() + dt.timedelta(seconds=60))
    [refusal] = post_messages([draft(bob, room)])
    assert (refusal.code, 55_000 < refusal.retry_after_ms <= 60_000) == ("muted", True)
    Membership.objects.update(muted_until=timezone.now() - dt.timedelta(seconds=1))
    assert refused(draft(bob, room)) == ["stored"]


@pytest.mark.parametrize(
    ("mode", "guest", "member", "owner"),
    [
        (Room.Mode.OPEN, "stored", "stored", "stored"),
        (Room.Mode.MEMBERS, "forbidden", "stored", "stored"),
        (Room.Mode.PAUSED, "room_paused", "room_paused", "stored"),
        (Room.Mode.CLOSED, "room_closed", "room_closed", "room_closed"),
    ],
)
def test_post_by_mode_of_the_room(bob, mode, guest, member, owner):
    ada, olga = make_member("Ada"), make_member("Olga")
    room = open_room(bob, ada, owner=olga)
    Room.objects.filter(pk=room.pk).update(mode=mode)
    assert refused(draft(bob, room), draft(ada, room), draft(olga, room)) == [guest, member, owner]


def test_post_into_an_archived_room_is_refused(bob, room):
    Room.objects.update(archived_at=timezone.now())
    assert refused(draft(bob, room)) == ["room_closed"]


def test_post_in_slow_mode_waits_for_ones_own_last_message(bob):
    ada, olga = make_member("Ada"), make_member("Olga")
    room = open_room(bob, ada, owner=olga, mode=Room.Mode.SLOW, slow_seconds=30)
    assert refused(draft(bob, room), draft(ada, room)) == ["stored", "stored"]
    [refusal] = post_messages([draft(bob, room)])
    assert (refusal.code, 25_000 < refusal.retry_after_ms <= 30_000) == ("slow_mode", True)
    assert refused(draft(olga, room), draft(olga, room)) == ["stored", "stored"]
    Message.objects.filter(sender=bob).update(created_at=timezone.now() - dt.timedelta(seconds=31))
    assert refused(draft(bob, room), draft(bob, room)) == ["stored", "slow_mode"]


@pytest.mark.parametrize(("text", "code"), [("", "invalid"), (" \n", "invalid"), ("x" * 4001, "too_large")])
def test_post_of_no_text_or_too_much_is_refused(bob, room, text, code):
    assert refused(draft(bob, room, text), draft(bob, room, "x" * 4000)) == [code, "stored"]


def test_every_refusal_to_post_has_a_sentence(bob, room):
    now = timezone.now()
    assert refusal_to_post(room, standing(is_banned=True), now).message.endswith(".")
    assert refusal_to_post(room, standing(), now) is None


def standing(**fields):
    known = {"user_id": 1, "is_active": True, "is_guest": True, "is_banned": False, "is_present": True}
    return Standing(**(known | fields))


# --- from the journal -------------------------------------------------------------------------------------------


def lines(*drafts) -> list[bytes]:
    return [msgspec.json.encode(given) for given in drafts]


def test_replay_stores_in_order_and_once(bob, room):
    given = lines(*(draft(bob, room, str(n)) for n in range(5)))
    aside: list[tuple[bytes, str]] = []
    for _ in range(2):
        replay_drafts(given, lambda *line: aside.append(line))
    assert list(Message.objects.order_by("seq").values_list("body", flat=True)) == list("01234")
    assert aside == []


def test_replay_keeps_uid_and_time(bob, room):
    given = draft(bob, room, at=dt.datetime(2026, 5, 1, 12, 0, 0, 123456, dt.UTC))
    replay_drafts(lines(given), print)
    message = Message.objects.get()
    assert (message.uid, message.created_at) == (given.uid, given.at)


def test_replay_stores_what_was_acknowledged_though_the_room_was_closed_since(bob, room):
    given = lines(draft(bob, room))
    Room.objects.update(mode=Room.Mode.CLOSED, slow_seconds=60)
    leave_room(actor=bob, room_uid=room.uid)
    replay_drafts(given, print)
    assert numbers_of(room) == [1]


@pytest.mark.django_db(transaction=True)
def test_replay_sets_aside_what_can_never_be_stored(bob, room):
    gone = make_guest("Gone")
    join(gone, room)
    given = [*lines(draft(bob, "nosuchroom"), draft(gone, room), draft(bob, room, "good")), b"not json", b"{}"]
    gone.delete()
    aside = []
    replay_drafts(given, lambda line, reason: aside.append((line, bool(reason))))
    assert {line for line, _ in aside} == {given[0], given[1], b"not json", b"{}"}
    assert all(has_reason for _, has_reason in aside)
    assert list(Message.objects.values_list("body", flat=True)) == ["good"]


# --- many at once -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_leave_no_hole_and_no_double():
    people = [make_guest(f"Guest {n}") for n in range(6)]
    rooms = [open_room(*people), open_room(*people)]
    repeated = [draft(people[0], rooms[0], "same", client_id=uuid.UUID(int=n)) for n in range(10)]
    answers: list[dict] = []
    failures: list[BaseException] = []

    def write(index: int) -> None:
        try:
            for n in range(10):
                mine = [draft(people[index], room, f"{index}-{n}") for room in rooms[:: 1 if index % 2 else -1]]
                answers.append({"index": index, "results": post_messages([*mine, repeated[n]])})
        except BaseException as error:  # noqa: BLE001  told by the main thread
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert numbers_of(rooms[0]) == list(range(1, 71))
    assert numbers_of(rooms[1]) == list(range(1, 61))
    positions = [answer["results"][-1].seq for answer in answers]
    assert len(set(positions)) == 10
    assert sum(not answer["results"][-1].duplicate for answer in answers) == 10
    for index in range(6):
        own = [answer["results"][0].seq for answer in answers if answer["index"] == index]
        assert own == sorted(own)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["pause", "ban", "archive"])
async def test_post_that_waited_for_the_room_sees_what_was_changed_meanwhile(change):
    """The post begins before the room is closed, and gets its turn after."""
    olga, bob = await in_db(make_member), await in_db(make_guest)
    room = await in_db(open_room, bob, owner=olga)

    def act() -> None:
        if change == "pause":
            change_room(actor=olga, room=Room.objects.get(pk=room.pk), mode=Room.Mode.PAUSED)
        elif change == "ban":
            ban_user(actor=olga, user=bob, room=room)
        else:
            Room.objects.filter(pk=room.pk).update(archived_at=timezone.now())

    async with held_cursor(room, act):
        posting = asyncio.create_task(in_db(refused, draft(bob, room)))
        await asyncio.sleep(0.1)
        assert not posting.done()
    assert await posting == [{"pause": "room_paused", "ban": "banned", "archive": "room_closed"}[change]]


@pytest.mark.django_db(transaction=True)
async def test_edit_that_waited_for_a_clearing_changes_nothing():
    olga, bob = await in_db(make_member), await in_db(make_guest)
    room = await in_db(open_room, bob, owner=olga)
    await in_db(post, bob, room, "first")

    def edit() -> str:
        try:
            edit_message(actor=bob, room_uid=room.uid, seq=1, text="back again")
        except ClientError as error:
            return error.code
        return "edited"

    async with held_cursor(room, lambda: clear_room(actor=olga, room=Room.objects.get(pk=room.pk))):
        editing = asyncio.create_task(in_db(edit))
        await asyncio.sleep(0.1)
        assert not editing.done()
    assert await editing == "not_found"
    assert await in_db(head_of, room) == 2


# --- statements (pinned: a batch costs the same whatever its size) ------------------------------------------------


@pytest.mark.parametrize("size", [1, 80, 400])
def test_post_takes_five_statements_whatever_the_size(room, size):
    people = [make_guest() for _ in range(min(size, 20))]
    Membership.objects.bulk_create([Membership(room=room, user=person) for person in people])
    given = [draft(people[n % len(people)], room, str(n)) for n in range(size)]
    assert statements(lambda: post_messages(given)) == 5
    assert Message.objects.count() == size


@pytest.mark.parametrize("count", [1, 3, 100])
def test_post_takes_five_statements_whatever_the_number_of_rooms(bob, count):
    rooms = [open_room() for _ in range(count)]
    Membership.objects.bulk_create([Membership(room=room, user=bob) for room in rooms])
    assert statements(lambda: post_messages([draft(bob, room) for room in rooms])) == 5


@pytest.mark.parametrize("count", [1, 100])
def test_post_takes_six_statements_in_slow_mode(bob, count):
    rooms = [open_room(slow_seconds=10) for _ in range(count)]
    Membership.objects.bulk_create([Membership(room=room, user=bob) for room in rooms])
    assert statements(lambda: post_messages([draft(bob, room) for room in rooms])) == 6


def test_repeat_takes_three_statements(bob, room):
    given = [draft(bob, room, str(n)) for n in range(100)]
    post_messages(given)
    assert statements(lambda: post_messages(given)) == 3


def test_ban_that_was_lifted_lets_post_again(bob, room):
    chief = make_staff()
    ban = ban_user(actor=chief, user=bob, room=room)
    lift_ban(actor=chief, ban=ban)
    assert refused(draft(bob, room)) == ["forbidden"]
    join(bob, room)
    assert refused(draft(bob, room)) == ["stored"]
