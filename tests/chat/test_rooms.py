"""Making rooms and changing them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from chat.models import Membership, Room, RoomCursor
from chat.services import rooms as services
from chat.services.entering import leave_room
from chat.services.listed import LISTED_ROOMS, create_listed_rooms
from chat.services.messages import delete_message, edit_message
from chat.services.rooms import (
    archive_room,
    change_room,
    clean_room_name,
    clear_room,
    close_room,
    create_room,
    make_room,
    reopen_room,
    rotate_codes,
)
from operations.models import ActivityEvent
from realtime.errors import ClientError
from tests.rig import fill, head_of, make_guest, make_member, make_staff, open_room, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db):
    return make_member("Olga")


@pytest.fixture
def room(olga):
    return open_room(owner=olga)


def code_of(call, **arguments) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.code


@pytest.mark.parametrize(
    ("name", "stored"), [("  Main   Stage ", "Main Stage"), ("Cafe\u0301", "Café"), ("舞台", "舞台")]
)
def test_name_is_cleaned(name, stored):
    assert clean_room_name(name) == stored


@pytest.mark.parametrize("name", ["", "x", " x ", "x" * 61, "a\u202eb", "a\x00b", "a\u200bb"])
def test_name_that_is_none_is_invalid(name):
    assert code_of(clean_room_name, name=name) == "invalid"


def test_room_gets_codes_a_cursor_and_an_owner(olga):
    room = create_room(actor=olga, name="Tent", kind=Room.Kind.PRIVATE)
    assert room.code
    assert len(room.short_code) == 8
    assert len(room.invite_token) == 22
    assert RoomCursor.objects.get(room=room).head == 0
    assert Membership.objects.get().role == "owner"


@pytest.mark.parametrize("kind", ["direct", "lead", "space", "nonsense"])
def test_room_of_another_kind_is_refused(olga, kind):
    assert code_of(create_room, actor=olga, name="Tent", kind=kind) == "invalid"


def test_room_is_listed_by_staff_alone(olga):
    assert code_of(create_room, actor=olga, name="Tent", is_listed=True) == "forbidden"
    assert create_room(actor=make_staff(), name="Tent", is_listed=True).is_listed


def test_codes_that_are_taken_are_drawn_again(monkeypatch):
    first = make_room(name="First")
    drawn = iter([first.code, first.code, "free-tent-1000"])
    monkeypatch.setattr(services, "new_code", lambda: next(drawn))
    assert make_room(name="Second").code == "free-tent-1000"


def test_codes_that_are_all_taken_are_an_error_and_no_room(monkeypatch):
    first = make_room(name="First")
    monkeypatch.setattr(services, "new_code", lambda: first.code)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_room(name="Second")
    assert Room.objects.count() == 1


def test_listed_rooms_are_made_once():
    assert create_listed_rooms() == 6
    assert create_listed_rooms() == 0
    assert list(Room.objects.order_by("position").values_list("name", flat=True)) == list(LISTED_ROOMS)
    assert set(Room.objects.values_list("retention_hours", "is_listed")) == {(24, True)}


def test_listed_rooms_that_were_archived_do_not_come_back():
    create_listed_rooms()
    Room.objects.update(is_listed=False)
    assert create_listed_rooms() == 0


def test_change_takes_a_number_and_is_recorded(room, olga):
    change_room(actor=olga, room=room, name="Tent", mode=Room.Mode.SLOW, slow_seconds=5)
    room.refresh_from_db()
    assert (room.name, room.mode, room.slow_seconds, room.rev, head_of(room)) == ("Tent", "slow", 5, 1, 1)
    assert ActivityEvent.objects.get(kind="chat.room.changed").data == {"fields": ["mode", "name", "slow_seconds"]}


def test_change_to_what_it_is_takes_no_number(room, olga):
    change_room(actor=olga, room=room, name=room.name, mode=room.mode)
    assert head_of(room) == 0
    assert not ActivityEvent.objects.exists()


@pytest.mark.parametrize("changes", [{"mode": "x"}, {"slow_seconds": -1}, {"slow_seconds": 3601}, {"name": "x"}])
def test_change_to_what_is_not_accepted_is_refused(room, olga, changes):
    assert code_of(change_room, actor=olga, room=room, **changes) == "invalid"


WRITES = [
    lambda actor, room: change_room(actor=actor, room=room, name="Tent"),
    lambda actor, room: close_room(actor=actor, room=room),
    lambda actor, room: reopen_room(actor=actor, room=room),
    lambda actor, room: archive_room(actor=actor, room=room),
    lambda actor, room: rotate_codes(actor=actor, room=room),
    lambda actor, room: clear_room(actor=actor, room=room),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("who", ["visitor", "stranger", "owner who left"])
def test_write_without_the_right_is_refused(room, olga, write, who):
    actor = {"visitor": make_guest, "stranger": make_member, "owner who left": lambda: olga}[who]()
    if who == "visitor":
        Membership.objects.create(room=room, user=actor)
    if who == "owner who left":
        leave_room(actor=olga, room_uid=room.uid)
    assert code_of(write, actor=actor, room=room) == "forbidden"
    assert head_of(room) == 0


@pytest.mark.parametrize("write", WRITES)
def test_write_by_staff_is_allowed_everywhere(room, write):
    write(make_staff(), room)


def test_close_and_reopen(room, olga):
    assert close_room(actor=olga, room=room).mode == "closed"
    assert reopen_room(actor=olga, room=room).mode == "open"
    assert head_of(room) == 2


def test_archive_hides_the_room_once(room, olga):
    Room.objects.update(is_listed=True)
    archive_room(actor=olga, room=room)
    archive_room(actor=olga, room=room)
    room.refresh_from_db()
    assert (room.is_listed, room.archived_at is not None, head_of(room)) == (False, True, 1)


def test_codes_that_were_rotated_stop_at_once(room, olga):
    before = (room.code, room.short_code, room.invite_token)
    rotate_codes(actor=olga, room=room)
    room.refresh_from_db()
    assert not set(before) & {room.code, room.short_code, room.invite_token}
    assert head_of(room) == 0


def test_clear_hides_all_and_says_how_many(room, olga):
    fill(olga, room, 3)
    assert clear_room(actor=olga, room=room) == 4
    room.refresh_from_db()
    assert (room.cleared_seq, room.rev) == (4, 4)
    assert ActivityEvent.objects.get(kind="chat.room.cleared").data == {"messages": 3}
    assert clear_room(actor=olga, room=room) == 5
    assert ActivityEvent.objects.filter(kind="chat.room.cleared").first().data == {"messages": 0}


@pytest.mark.parametrize("change", [edit_message, delete_message])
def test_message_that_was_cleared_or_deleted_cannot_be_changed(room, olga, change):
    fill(olga, room, 2)
    delete_message(actor=olga, room_uid=room.uid, seq=1)
    arguments = {"actor": olga, "room_uid": room.uid} | ({"text": "x"} if change is edit_message else {})
    assert code_of(change, seq=1, **arguments) == "not_found"
    clear_room(actor=olga, room=room)
    assert code_of(change, seq=2, **arguments) == "not_found"
    assert code_of(change, seq=10**30, **arguments) == "not_found"


def test_edit_keeps_what_it_said_and_delete_forgets_all(room, olga):
    post(olga, room, "first")
    assert edit_message(actor=olga, room_uid=room.uid, seq=1, text="second") == 2
    assert edit_message(actor=olga, room_uid=room.uid, seq=1, text=" second ") == 2
    message = room.messages.get()
    assert [(version.rev, version.body) for version in message.versions.all()] == [(1, "first")]
    assert delete_message(actor=olga, room_uid=room.uid, seq=1) == 3
    message.refresh_from_db()
    assert (message.body, message.versions.count(), message.rev, message.seq) == ("", 0, 3, 1)
    assert not ActivityEvent.objects.filter(kind="chat.message.deleted").exists()


def test_delete_by_a_moderator_is_recorded_without_the_text(room, olga):
    guest = make_guest()
    Membership.objects.create(room=room, user=guest)
    post(guest, room, "rude words")
    delete_message(actor=olga, room_uid=room.uid, seq=1)
    event = ActivityEvent.objects.get(kind="chat.message.deleted")
    assert event.data == {"room": room.uid, "length": 10}
    assert "rude" not in str(event.__dict__)
