"""Rooms, messages and bans in the admin site: who may, what is asked first, what is refused, and at what cost."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services import create_guest
from chat.models import Ban, Message, Room
from chat.services.bans import ban_user
from chat.services.entering import join_room
from chat.services.posting import Draft, Posted, post_messages
from chat.services.rooms import archive_room, close_room, create_room
from operations.models import ActivityEvent
from realtime.ids import new_uid

pytestmark = pytest.mark.django_db

ROOMS = "/admin/chat/room/"
MESSAGES = "/admin/chat/message/"
BANS = "/admin/chat/ban/"
LISTS = (ROOMS, MESSAGES, BANS)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss@example.org", "a long password", display_name="Boss")


@pytest.fixture
def staff_client(boss: User) -> Client:
    return logged_in(boss)


@pytest.fixture
def guest() -> User:
    return create_guest(display_name="Visitor")


@pytest.fixture
def room(guest: User) -> Room:
    return create_room(actor=guest, name="Tent 4")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff_with(*rights: str) -> Client:
    user = User.objects.create_user(f"{new_uid()}@example.org", "a long password", display_name="Mo", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return logged_in(user)


def post(room: Room, author: User, text: str) -> Message:
    draft = Draft(room.uid, author.pk, uuid.uuid4(), text, new_uid(), dt.datetime.now(dt.UTC))
    [posted] = post_messages([draft])
    assert isinstance(posted, Posted)
    return Message.objects.get(uid=posted.uid)


def act(client: Client, page: str, action: str, *rows: Model, **more: str) -> Any:
    return client.post(page, {"action": action, "_selected_action": [row.pk for row in rows], **more}, follow=True)


def confirm(client: Client, page: str, action: str, *rows: Model, **more: str) -> Any:
    return act(client, page, action, *rows, confirmed="yes", **more)


def phrase_of(response: Any) -> str:
    found = re.search(r'name="phrase" value="([^"]+)"', response.content.decode())
    assert found
    return found[1]


def change_url(row: Model) -> str:
    return reverse(f"admin:chat_{row._meta.model_name}_change", args=[row.pk])


def room_fields(room: Room, **changes: Any) -> dict[str, Any]:
    values = {"name": room.name, "mode": room.mode, "slow_seconds": room.slow_seconds, "position": room.position}
    return values | changes


# --- who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", LISTS)
def test_lists_are_for_staff_alone(page: str, guest: User, boss: User) -> None:
    assert Client().get(page).status_code == 302
    assert logged_in(guest).get(page).status_code == 302
    assert staff_with().get(page).status_code == 403
    assert logged_in(boss).get(page).status_code == 200


def test_who_may_only_look_changes_nothing(room: Room, guest: User) -> None:
    client = staff_with("view_room", "view_message", "view_ban")
    message = post(room, guest, "hello")
    assert client.get(change_url(room)).status_code == 200
    assert client.post(change_url(room), room_fields(room, name="Mine")).status_code == 403
    for action in ("close", "rotate_codes", "clear", "archive"):
        confirm(client, ROOMS, action, room, phrase="x", typed="x")
    confirm(client, MESSAGES, "delete_messages", message)
    assert client.post(f"{BANS}add/", {"user": guest.pk}).status_code == 403
    stored = Room.objects.get()
    assert (stored.name, stored.mode, stored.code, stored.cleared_seq) == ("Tent 4", Room.Mode.OPEN, room.code, 0)
    assert stored.archived_at is None
    assert Message.objects.get().body == "hello"
    assert not Ban.objects.exists()


def test_nothing_can_be_deleted_for_good_nor_messages_written(staff_client: Client, room: Room, guest: User) -> None:
    message = post(room, guest, "hello")
    for row in (room, message):
        assert staff_client.get(change_url(row).replace("change", "delete")).status_code == 403
    for page in LISTS:
        assert "delete_selected" not in staff_client.get(page).content.decode()
    assert staff_client.get(f"{MESSAGES}add/").status_code == 403
    staff_client.post(change_url(message), {"body": "said nothing"})
    assert Message.objects.get().body == "hello"


# --- the lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Food court", "Old stage", "Tent 4"]),
        ("?q=tent", ["Tent 4"]),
        ("?kind__exact=private", ["Food court"]),
        ("?mode__exact=closed", ["Food court"]),
        ("?archived_at__isempty=0", ["Old stage"]),
        ("?is_listed__exact=1", []),
    ],
)
def test_rooms_are_searched_and_filtered(
    staff_client: Client, room: Room, guest: User, query: str, found: list[str]
) -> None:
    close_room(actor=guest, room=create_room(actor=guest, name="Food court", kind=Room.Kind.PRIVATE))
    archive_room(actor=guest, room=create_room(actor=guest, name="Old stage"))
    rooms = staff_client.get(ROOMS + query).context["cl"].queryset
    assert sorted(each.name for each in rooms) == found


@pytest.mark.parametrize("field", ["uid", "code", "short_code"])
def test_rooms_are_found_by_their_codes(staff_client: Client, room: Room, guest: User, field: str) -> None:
    create_room(actor=guest, name="Another")
    found = staff_client.get(ROOMS, {"q": getattr(room, field)}).context["cl"].queryset
    assert list(found) == [room]


def test_messages_are_searched_and_filtered(staff_client: Client, room: Room, guest: User) -> None:
    other = create_guest(display_name="Other")
    join_room(actor=other, room_uid=room.uid)
    first, second = post(room, guest, "where is the gate"), post(room, other, "left of the tree")
    confirm(staff_client, MESSAGES, "delete_messages", second)

    def found(**query: str) -> list[Message]:
        return list(staff_client.get(MESSAGES, query).context["cl"].queryset)

    assert found() == [second, first]
    assert found(q="gate") == [first]
    assert found(q=guest.uid) == [first]
    assert found(q="tent") == [second, first]
    assert found(deleted_at__isempty="0") == [second]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("page", "statements"), [(ROOMS, 4), (MESSAGES, 4), (BANS, 4)])
def test_lists_take_as_many_statements_whatever_their_length(
    staff_client: Client, boss: User, page: str, statements: int, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        person = create_guest(display_name=f"Person {number}")
        room = create_room(actor=person, name=f"Room {number}")
        post(room, person, "hello")
        ban_user(actor=boss, user=create_guest(display_name=f"Troll {number}"), room=room)
    with django_assert_max_num_queries(statements):
        assert staff_client.get(page).status_code == 200


def test_names_and_texts_are_shown_as_text(staff_client: Client, boss: User) -> None:
    person = create_guest(display_name="Visitor")
    # As an import or an older version might have left it: the admin must not rely on what is let in today.
    User.objects.filter(pk=person.pk).update(display_name=SCRIPT)
    room = create_room(actor=person, name=SCRIPT)
    message = post(room, person, SCRIPT)
    ban = ban_user(actor=boss, user=person, room=room, reason=SCRIPT)
    pages = [staff_client.get(page) for page in (*LISTS, change_url(room), change_url(message), change_url(ban))]
    pages += [act(staff_client, ROOMS, action, room) for action in ("close", "clear", "archive", "rotate_codes")]
    pages += [act(staff_client, MESSAGES, "delete_messages", message), act(staff_client, BANS, "lift", ban)]
    pages += [confirm(staff_client, ROOMS, "close", room)]
    for response in pages:
        assert response.status_code == 200
        html = response.content.decode()
        assert SCRIPT not in html
        assert "&lt;script&gt;" in html


# --- rooms ------------------------------------------------------------------------------------------------------


def test_room_is_made_with_codes_and_logged(staff_client: Client, boss: User) -> None:
    response = staff_client.post(f"{ROOMS}add/", {"name": "  Tent   9 ", "kind": "private", "is_listed": "on"})
    assert response.status_code == 302
    made = Room.objects.get()
    assert (made.name, made.kind, made.is_listed, made.created_by) == ("Tent 9", "private", True, boss)
    assert made.code
    assert made.short_code
    assert made.cursor.head == 0
    assert ActivityEvent.objects.get(kind="chat.room.created").actor == boss


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x"}, {"name": "a\u202eb"}, {"kind": "direct"}])
def test_room_with_a_bad_field_is_refused_beside_it(staff_client: Client, fields: dict[str, str]) -> None:
    response = staff_client.post(f"{ROOMS}add/", {"name": "Tent 9", "kind": "public"} | fields)
    assert response.status_code == 200
    assert set(response.context["adminform"].form.errors) == set(fields)
    assert not Room.objects.exists()


def test_room_changed_takes_a_number(staff_client: Client, room: Room) -> None:
    response = staff_client.post(change_url(room), room_fields(room, name="Tent 5", slow_seconds=30))
    assert response.status_code == 302
    stored = Room.objects.get()
    assert (stored.name, stored.slow_seconds) == ("Tent 5", 30)
    assert stored.rev == stored.cursor.head == 1
    assert ActivityEvent.objects.get(kind="chat.room.changed").data == {"fields": ["name", "slow_seconds"]}


def test_room_saved_unchanged_takes_none(staff_client: Client, room: Room) -> None:
    staff_client.post(change_url(room), room_fields(room))
    assert Room.objects.get().cursor.head == 0


def test_room_refused_by_the_service_says_why(staff_client: Client, room: Room) -> None:
    response = staff_client.post(change_url(room), room_fields(room, slow_seconds=9999), follow=True)
    assert "Slow mode takes 0 to 3600 seconds." in response.content.decode()
    assert Room.objects.get().slow_seconds == 0


@pytest.mark.parametrize("action", ["close", "reopen", "rotate_codes", "clear", "archive"])
def test_room_actions_ask_first(staff_client: Client, room: Room, guest: User, action: str) -> None:
    post(room, guest, "hello")
    page = act(staff_client, ROOMS, action, room).content.decode()
    assert "Tent 4" in page
    assert 'name="confirmed"' in page
    stored = Room.objects.get()
    assert (stored.mode, stored.code, stored.cleared_seq, stored.archived_at) == ("open", room.code, 0, None)


@pytest.mark.parametrize(
    ("action", "kind"),
    [("close", "changed"), ("rotate_codes", "code_rotated"), ("archive", "archived")],
)
def test_room_actions_are_done_once_confirmed_and_logged(
    staff_client: Client, boss: User, room: Room, guest: User, action: str, kind: str
) -> None:
    other = create_room(actor=guest, name="Untouched")
    response = confirm(staff_client, ROOMS, action, room)
    assert "done for 1" in response.content.decode()
    stored = Room.objects.get(pk=room.pk)
    done = {
        "close": stored.mode == Room.Mode.CLOSED,
        "rotate_codes": room.code != stored.code and room.invite_token != stored.invite_token,
        "archive": stored.archived_at is not None,
    }
    assert done[action]
    event = ActivityEvent.objects.get(kind=f"chat.room.{kind}")
    assert (event.actor, event.target) == (boss, room.uid)
    assert Room.objects.get(pk=other.pk).rev == 0


def test_closed_room_is_opened_again(staff_client: Client, room: Room, guest: User) -> None:
    close_room(actor=guest, room=room)
    confirm(staff_client, ROOMS, "reopen", room)
    assert Room.objects.get().mode == Room.Mode.OPEN


def test_clearing_names_what_is_lost_and_wants_it_typed(staff_client: Client, room: Room, guest: User) -> None:
    for number in range(3):
        post(room, guest, f"message {number}")
    asked = act(staff_client, ROOMS, "clear", room)
    assert phrase_of(asked) == "clear 3 messages"
    assert "3 messages, 1 in it" in asked.content.decode()
    for typed in ("", "clear", "clear 4 messages"):
        refused = confirm(staff_client, ROOMS, "clear", room, phrase="clear 3 messages", typed=typed)
        assert "Nothing has been done." in refused.content.decode()
    assert not confirm(staff_client, ROOMS, "clear", room, phrase="", typed="").redirect_chain
    assert Message.objects.visible().count() == 3

    # Somebody writes while the phrase is being typed: that message goes, too.
    post(room, guest, "too late")
    confirm(staff_client, ROOMS, "clear", room, phrase="clear 3 messages", typed=" Clear  3 messages ")
    assert Message.objects.visible().count() == 0
    assert ActivityEvent.objects.get(kind="chat.room.cleared").data == {"messages": 4}


def test_clearing_several_rooms_counts_each(staff_client: Client, room: Room, guest: User) -> None:
    other = create_room(actor=guest, name="Empty one")
    post(room, guest, "hello")
    page = act(staff_client, ROOMS, "clear", room, other)
    assert phrase_of(page) == "clear 1 message"
    html = page.content.decode()
    assert "1 message, 1 in it" in html
    assert "0 messages, 1 in it" in html


# --- messages ---------------------------------------------------------------------------------------------------


def test_message_deleted_leaves_a_tombstone(staff_client: Client, boss: User, room: Room, guest: User) -> None:
    message = post(room, guest, "something rude")
    act(staff_client, MESSAGES, "delete_messages", message)
    assert Message.objects.get().body == "something rude"
    confirm(staff_client, MESSAGES, "delete_messages", message)
    stored = Message.objects.get()
    assert (stored.body, stored.rev) == ("", 2)
    event = ActivityEvent.objects.get(kind="chat.message.deleted")
    assert (event.actor, event.data) == (boss, {"room": room.uid, "length": 14})


def test_message_deleted_twice_is_reported_and_costs_the_others_nothing(
    staff_client: Client, room: Room, guest: User
) -> None:
    gone, there = post(room, guest, "one"), post(room, guest, "two")
    confirm(staff_client, MESSAGES, "delete_messages", gone)
    page = confirm(staff_client, MESSAGES, "delete_messages", gone, there).content.decode()
    assert "There is no such message." in page
    assert "done for 1" in page
    assert not Message.objects.exclude(body="").exists()


def test_deleting_messages_takes_the_right_to_run_rooms(room: Room, guest: User) -> None:
    message = post(room, guest, "hello")
    confirm(staff_with("view_message"), MESSAGES, "delete_messages", message)
    assert Message.objects.get().deleted_at is None
    confirm(staff_with("view_message", "change_room"), MESSAGES, "delete_messages", message)
    assert Message.objects.get().deleted_at is not None


# --- bans -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_everywhere", [True, False])
def test_person_is_banned_and_let_in_again(staff_client: Client, boss: User, room: Room, is_everywhere: bool) -> None:
    troll = create_guest(display_name="Troll")
    fields = {"user": troll.pk, "room": "" if is_everywhere else room.pk, "reason": "spam"}
    assert staff_client.post(f"{BANS}add/", fields).status_code == 302
    ban = Ban.objects.get()
    assert (ban.user, ban.room, ban.reason, ban.created_by) == (troll, None if is_everywhere else room, "spam", boss)
    assert ActivityEvent.objects.get(kind="chat.member.banned").target == troll.uid
    act(staff_client, BANS, "lift", ban)
    assert Ban.objects.get().lifted_at is None
    confirm(staff_client, BANS, "lift", ban)
    assert Ban.objects.get().lifted_at is not None


def test_ban_that_ended_before_it_began_is_refused(staff_client: Client, guest: User) -> None:
    past = timezone.localtime() - dt.timedelta(hours=1)
    fields = {"user": guest.pk, "until_0": past.date().isoformat(), "until_1": past.strftime("%H:%M:%S")}
    response = staff_client.post(f"{BANS}add/", fields, follow=True)
    assert "A ban ends in the future." in response.content.decode()
    assert not Ban.objects.exists()


def test_ban_is_not_changed_afterwards(staff_client: Client, boss: User, guest: User) -> None:
    ban = ban_user(actor=boss, user=guest)
    assert staff_client.post(change_url(ban), {"user": boss.pk}).status_code == 403
    assert Ban.objects.get().user == guest
