"""Reads: what they give, and how many statements they take however much there is."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import queries
from chat.models import Ban, Membership, Message, Room
from chat.services.bans import ban_user
from chat.services.messages import delete_message, edit_message
from chat.services.rooms import change_room, clear_room
from tests.rig import fill, join, make_guest, make_member, open_room, post, statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db):
    return make_member("Ada")


@pytest.fixture
def room(ada):
    return open_room(owner=ada)


def seqs(page) -> list[int]:
    return [row.seq for row in page.rows]


# --- history ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found", "has_more"),
    [
        ({}, [6, 7, 8, 9, 10], True),
        ({"before": 6}, [1, 2, 3, 4, 5], False),
        ({"before": 4}, [1, 2, 3], False),
        ({"before": 1}, [], False),
        ({"after": 0}, [1, 2, 3, 4, 5], True),
        ({"after": 7}, [8, 9, 10], False),
        ({"after": 10}, [], False),
        ({"around": 5}, [3, 4, 5, 6, 7], True),
        ({"around": 1}, [1, 2, 3], True),
        ({"around": 10}, [8, 9, 10], True),
    ],
)
def test_page_is_what_was_asked_for(ada, room, asked, found, has_more):
    fill(ada, room, 10)
    page = queries.message_page(room, limit=5, **asked)
    assert (seqs(page), page.has_more) == (found, has_more)


@pytest.mark.parametrize(("limit", "count"), [(-5, 1), (0, 1), (1, 1), (100, 100), (10**9, 100)])
def test_page_is_bounded(ada, room, limit, count):
    fill(ada, room, 120)
    assert len(queries.message_page(room, limit=limit).rows) == count


def test_page_of_long_messages_is_bounded_by_size(ada, room):
    for _ in range(3):
        for _ in range(20):
            post(ada, room, "x" * 4000)
    page = queries.message_page(room)
    assert sum(len(row.body) for row in page.rows) <= queries.MAX_PAGE_CHARACTERS
    assert page.has_more
    assert seqs(page)[-1] == 60


def test_page_shows_tombstones_and_nothing_that_was_cleared(ada, room):
    fill(ada, room, 3)
    clear_room(actor=ada, room=room)
    fill(ada, room, 2)
    delete_message(actor=ada, room_uid=room.uid, seq=5)
    room.refresh_from_db()
    page = queries.message_page(room)
    assert [(row.seq, row.body, row.deleted_at is None) for row in page.rows] == [(5, "", False), (6, "line 1", True)]


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize(("asked", "taken"), [({}, 1), ({"before": 50}, 1), ({"after": 0}, 1), ({"around": 2}, 2)])
def test_page_takes_few_statements(ada, room, count, asked, taken):
    fill(ada, room, count)
    assert statements(lambda: queries.message_page(room, **asked)) == taken


# --- changes ----------------------------------------------------------------------------------------------------


def changed(room, since: int) -> list[tuple[int, str]]:
    found = queries.changes(room.uid, since)
    return [(event.number, json.loads(event.text)["ev"]) for event in found.events]


def test_changes_are_rows_in_their_present_state_in_order(ada, room):
    bob = make_guest()
    join(bob, room)
    fill(bob, room, 3)
    edit_message(actor=bob, room_uid=room.uid, seq=1, text="changed")
    delete_message(actor=bob, room_uid=room.uid, seq=2)
    change_room(actor=ada, room=room, name="Tent")
    ban_user(actor=ada, user=bob, room=room)
    names = ["message.created", "message.updated", "message.deleted", "room.changed", "member.changed"]
    assert changed(room, 0) == [(number, name) for number, name in zip([3, 4, 5, 6, 7], names, strict=True)]
    assert changed(room, 5) == [(6, "room.changed"), (7, "member.changed")]
    assert changed(room, 7) == []
    found = queries.changes(room.uid, 0)
    assert (found.head.number, found.head.epoch) == (7, room.cursor.epoch)
    assert (found.events[-1].removes, found.events[-1].bye_code) == (bob.pk, 4503)


def test_changes_equal_what_was_published(ada, room, django_capture_on_commit_callbacks, monkeypatch):
    heard = {}
    for module in ("posting", "messages", "rooms", "bans"):
        monkeypatch.setattr(
            f"chat.services.{module}.publish", lambda topic, events: heard.update({e.number: e for e in events})
        )
    bob = make_guest()
    with django_capture_on_commit_callbacks(execute=True):
        join(bob, room)
        fill(bob, room, 2)
        edit_message(actor=bob, room_uid=room.uid, seq=1, text="changed")
        delete_message(actor=bob, room_uid=room.uid, seq=2)
        change_room(actor=ada, room=room, name="Tent")
        ban_user(actor=ada, user=bob, room=room)
    for event in queries.changes(room.uid, 0).events:
        now, then = json.loads(event.text), json.loads(heard[event.number].text)
        if now["ev"] == "room.changed":
            now["at"] = then["at"]
        assert now == then
        assert (event.key, event.owner, event.removes) == tuple(
            getattr(heard[event.number], name) for name in ("key", "owner", "removes")
        )


def test_changes_after_a_clearing_show_nothing_before_it(ada, room):
    fill(ada, room, 3)
    clear_room(actor=ada, room=room)
    post(ada, room, "after")
    assert changed(room, 0) == [(4, "room.cleared"), (5, "message.created")]
    event = queries.changes(room.uid, 0).events[0]
    assert (event.wipes, event.wipes_to) == ("m", 4)


def test_changes_of_no_room_are_none(db):
    assert queries.changes("nosuchroom", 0) is None


@pytest.mark.parametrize("count", [1, 30, 300])
def test_changes_take_one_statement(ada, room, count):
    fill(ada, room, count)
    assert statements(lambda: queries.changes(room.uid, 0)) == 1


def test_changes_of_a_room_where_nothing_happened_are_its_head(room):
    found = queries.changes(room.uid, 0)
    assert (found.head.number, found.head.epoch, found.events) == (0, room.cursor.epoch, [])


def test_changes_are_found_by_an_index_however_long_the_history(ada, room):
    fill(ada, room, 3)
    with CaptureQueriesContext(connection) as captured:
        queries.changes(room.uid, 2)
    [asked] = captured.captured_queries
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked['sql']}")
            plan = " / ".join(row[3] for row in cursor.fetchall())
        assert "INDEX message_changes (room_id=? AND rev>?)" in plan
        assert "INDEX membership_changes (room_id=? AND rev>?)" in plan
        assert "SCAN" not in plan


@pytest.mark.parametrize("count", [1, 3, 100])
def test_heads_take_one_statement(count):
    uids = [open_room().uid for _ in range(count)]
    assert statements(lambda: queries.heads(uids)) == 1
    assert queries.heads([*uids, "nosuchroom"]).keys() == set(uids)


# --- lists ------------------------------------------------------------------------------------------------------


def test_recent_rooms_are_those_one_is_in_newest_first(ada):
    rooms = [open_room(ada, name=f"Room {n}") for n in range(10)]
    Membership.objects.filter(room=rooms[9]).update(left_at=timezone.now())
    Room.objects.filter(pk=rooms[8].pk).update(archived_at=timezone.now())
    Membership.objects.filter(room=rooms[0]).update(visited_at=timezone.now())
    named = [card.name for card in queries.recent_rooms(ada)]
    assert (named[0], named[1], len(named)) == ("Room 0", "Room 7", 8)


@pytest.mark.parametrize("count", [1, 3, 100])
def test_lists_take_one_statement_each(ada, count):
    for n in range(count):
        open_room(ada, name=f"Room {n}", is_listed=True)
    for read in (queries.listed_rooms, lambda: queries.recent_rooms(ada), lambda: queries.unread_totals(ada)):
        assert statements(read) == 1


def test_unread_counts_what_others_said_since(ada, room):
    bob = make_guest()
    join(bob, room)
    fill(ada, room, 4)
    post(bob, room, "own")
    delete_message(actor=ada, room_uid=room.uid, seq=1)
    assert queries.unread_totals(bob) == {"rooms": 1, "messages": 3}
    Membership.objects.filter(user=bob).update(read_seq=3)
    assert queries.unread_totals(bob) == {"rooms": 1, "messages": 1}
    clear_room(actor=ada, room=room)
    assert queries.unread_totals(bob) == {"rooms": 0, "messages": 0}


def test_unread_stops_at_a_hundred(ada, room):
    bob = make_guest()
    join(bob, room)
    fill(ada, room, 150)
    assert queries.unread_totals(bob) == {"rooms": 1, "messages": 100}


def test_people_are_shown_by_name_and_bounded(db):
    people = [make_guest(f"Guest {n:03}") for n in range(120)]
    shown = queries.people([person.pk for person in reversed(people)])
    assert [person["name"] for person in shown] == [f"Guest {n:03}" for n in range(100)]
    assert shown[0].keys() == {"uid", "name", "guest"}


def test_banned_everywhere_are_those_whose_ban_stands(ada, room):
    everywhere, here, past = make_guest(), make_guest(), make_guest()
    Ban.objects.create(user=everywhere)
    Ban.objects.create(user=here, room=room)
    Ban.objects.create(user=past, until=timezone.now())
    assert queries.banned_everywhere({person.pk for person in (ada, everywhere, here, past)}) == {everywhere.pk}


def test_message_of_somebody_who_is_gone_has_no_sender(ada, room):
    bob = make_guest()
    join(bob, room)
    post(bob, room, "stays")
    bob.delete()
    [row] = queries.message_page(room).rows
    assert (row.body, row.sender_uid) == ("stays", None)
    assert Message.objects.get().sender is None
