"""What is unread, and which rooms were visited last: the same figure wherever it is shown."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from chat import queries
from chat.models import Ban, Membership
from chat.services.entering import leave_room
from chat.services.messages import delete_message
from chat.services.reading import ReadMark, mark_read
from chat.services.rooms import clear_room
from realtime.errors import NotFound
from tests.rig import (
    client_of,
    fill,
    head_of,
    in_db,
    join,
    make_guest,
    open_room,
    post,
    statements,
)

pytestmark = pytest.mark.django_db(transaction=True)


def visited_long_ago(person) -> dt.datetime:
    at = timezone.now() - dt.timedelta(hours=1)
    Membership.objects.filter(user=person).update(visited_at=at)
    return at


def visited_at(person, room) -> dt.datetime:
    return Membership.objects.get(user=person, room=room).visited_at


# --- unread -----------------------------------------------------------------------------------------------------


def say_much(ada, bob, room):
    fill(ada, room, 150)
    post(bob, room, "own")
    return 100


def say_and_take_back(ada, bob, room):
    fill(ada, room, 5)
    post(bob, room, "own")
    delete_message(actor=ada, room_uid=room.uid, seq=3)
    return 3  # of 2 to 6 one is deleted and one is Bob's own


def say_and_clear(ada, bob, room):
    fill(ada, room, 5)
    clear_room(actor=ada, room=room)
    fill(ada, room, 2)
    return 2


def say_nothing_to_others(ada, bob, room):
    post(bob, room, "own")
    post(bob, room, "own")
    return 0


def say_while_somebody_is_gone(ada, bob, room):
    gone = make_guest()
    join(gone, room)
    fill(gone, room, 3)
    gone.delete()
    return 2


@pytest.mark.parametrize(
    "happen",
    [say_much, say_and_take_back, say_and_clear, say_nothing_to_others, say_while_somebody_is_gone],
)
async def test_unread_is_one_figure_wherever_it_is_shown(runtime, sit_down, ada, bob, room, happen):
    expected = await in_db(happen, ada, bob, room)
    socket = await sit_down(bob, room)
    assert await socket.ask("read.set", {"seq": 1}, room) == {"read_seq": 1, "unread": expected}

    def shown() -> tuple[int, list[int]]:
        client = client_of(bob)
        home = client.get("/")
        cards = [card.unread for card in home.context["recent"]]
        return client.get("/api/me").json()["unread"]["messages"], cards

    assert await in_db(shown) == (expected, [expected])


async def test_unread_at_the_end_is_nothing_though_others_are_behind(runtime, sit_down, ada, bob, room):
    await in_db(fill, ada, room, 3)
    socket = await sit_down(bob, room)
    assert await socket.ask("read.set", {"seq": 3}, room) == {"read_seq": 3, "unread": 0}
    # From another tab that is behind: the answer is where they are, not where the tab is.
    assert await (await sit_down(bob, room)).ask("read.set", {"seq": 1}, room) == {"read_seq": 3, "unread": 0}


def test_marks_of_who_is_out_are_refused(ada, bob, room):
    gone, banned = make_guest(), make_guest()
    memberships = [join(person, room) for person in (gone, banned)] + [Membership.objects.get(user=bob)]
    leave_room(actor=gone, room_uid=room.uid)
    Ban.objects.create(user=banned)
    fill(ada, room, 3)
    results = mark_read([ReadMark(membership.pk, 2) for membership in memberships] + [ReadMark(0, 2)])
    assert [result if isinstance(result, int) else type(result) for result in results] == [
        NotFound,
        NotFound,
        2,
        NotFound,
    ]
    assert set(Membership.objects.exclude(user=bob).values_list("read_seq", flat=True)) == {0}


@pytest.mark.parametrize("people", [1, 3, 100])
def test_marks_of_a_whole_room_take_few_statements(ada, room, people):
    memberships = [join(make_guest(), room) for _ in range(people)]
    fill(ada, room, 3)
    Membership.objects.update(visited_at=timezone.now() - dt.timedelta(hours=1))
    marks = [ReadMark(membership.pk, 3) for membership in memberships]
    assert statements(lambda: mark_read(marks)) == 3
    assert statements(lambda: mark_read(marks)) == 1


# --- visits -----------------------------------------------------------------------------------------------------


async def test_reading_is_a_visit_noted_once_a_minute_without_a_number(runtime, sit_down, ada, bob, room):
    await in_db(fill, ada, room, 3)
    before = await in_db(visited_long_ago, bob)
    socket = await sit_down(bob, room)
    assert await in_db(visited_at, bob, room) == before
    await socket.ask("read.set", {"seq": 1}, room)
    noted = await in_db(visited_at, bob, room)
    assert timezone.now() - noted < dt.timedelta(seconds=30)
    await socket.ask("read.set", {"seq": 2}, room)
    assert await in_db(visited_at, bob, room) == noted
    assert await in_db(head_of, room) == 3


def test_opening_the_page_is_a_visit_noted_once_a_minute(bob, room):
    visited_long_ago(bob)
    client = client_of(bob)
    assert client.get(f"/r/{room.uid}/").status_code == 200
    noted = visited_at(bob, room)
    assert timezone.now() - noted < dt.timedelta(seconds=30)
    client.get(f"/r/{room.uid}/")
    assert visited_at(bob, room) == noted
    assert head_of(room) == 0


def test_recent_rooms_follow_the_visits(bob, room):
    other = open_room(bob, name="Other")
    visited_long_ago(bob)
    client = client_of(bob)
    for visited in (other, room):
        client.get(f"/r/{visited.uid}/")
    assert [card.uid for card in queries.recent_rooms(bob)] == [room.uid, other.uid]
    visited_long_ago(bob)
    client.get(f"/r/{other.uid}/")
    assert [card.uid for card in queries.recent_rooms(bob)] == [other.uid, room.uid]
