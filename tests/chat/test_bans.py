"""Keeping people out: who may, what it changes, and how it ends."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from chat.models import Ban, Membership
from chat.services.bans import ban_user, lift_ban
from chat.services.entering import join_room
from operations.models import ActivityEvent
from realtime.errors import ClientError
from tests.rig import head_of, make_guest, make_member, make_staff, open_room

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db):
    return make_guest("Bob")


@pytest.fixture
def olga(db):
    return make_member("Olga")


@pytest.fixture
def room(bob, olga):
    return open_room(bob, owner=olga)


def refusal(call, **arguments) -> tuple[str, str | None]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.code, refused.value.field


def test_ban_from_a_room_ends_the_membership_and_takes_a_number(room, bob, olga):
    ban = ban_user(actor=olga, user=bob, room=room, reason="spam")
    membership = Membership.objects.get(user=bob)
    assert (membership.removed_at is not None, membership.rev, head_of(room)) == (True, 1, 1)
    assert (ban.reason, ban.created_by, ban.until) == ("spam", olga, None)
    event = ActivityEvent.objects.get(kind="chat.member.banned")
    assert (event.actor, event.target, event.data) == (olga, bob.uid, {"room": room.uid, "until": None})


def test_ban_of_somebody_who_never_came_takes_no_number(room, olga):
    stranger = make_guest()
    ban_user(actor=olga, user=stranger, room=room)
    assert head_of(room) == 0
    with pytest.raises(ClientError, match="banned"):
        join_room(actor=stranger, room_uid=room.uid)


def test_ban_twice_takes_one_number(room, bob, olga):
    ban_user(actor=olga, user=bob, room=room)
    ban_user(actor=olga, user=bob, room=room)
    assert (head_of(room), Ban.objects.count()) == (1, 2)


def test_ban_takes_a_role_away(room, olga):
    chief, moderator = make_staff(), make_member()
    join_room(actor=moderator, room_uid=room.uid)
    Membership.objects.filter(user=moderator).update(role=Membership.Role.MODERATOR)
    ban = ban_user(actor=chief, user=moderator, room=room)
    lift_ban(actor=chief, ban=ban)
    assert join_room(actor=moderator, room_uid=room.uid).standing.role == "member"


def test_ban_everywhere_needs_the_right_and_no_room(room, bob, olga):
    assert refusal(ban_user, actor=olga, user=bob) == ("forbidden", None)
    ban_user(actor=make_staff(), user=bob)
    assert head_of(room) == 0
    with pytest.raises(ClientError, match="banned"):
        join_room(actor=bob, room_uid=room.uid)


def test_ban_by_a_visitor_is_refused(room, bob):
    assert refusal(ban_user, actor=bob, user=make_guest(), room=room) == ("forbidden", None)
    assert not Ban.objects.exists()


def test_ban_of_oneself_is_refused(room, olga):
    assert refusal(ban_user, actor=olga, user=olga, room=room) == ("invalid", "user")


def test_ban_of_staff_is_refused_but_to_superusers(room, olga):
    chief = make_staff()
    assert refusal(ban_user, actor=olga, user=chief, room=room) == ("forbidden", None)
    ban_user(actor=make_staff(), user=chief, room=room)


def test_ban_of_the_owner_is_refused_but_to_staff(room, olga):
    moderator = make_member()
    join_room(actor=moderator, room_uid=room.uid)
    Membership.objects.filter(user=moderator).update(role=Membership.Role.MODERATOR)
    assert refusal(ban_user, actor=moderator, user=olga, room=room) == ("forbidden", None)
    ban_user(actor=make_staff(), user=olga, room=room)


def test_ban_by_a_moderator_who_was_banned_is_refused(room, bob):
    moderator = make_member()
    join_room(actor=moderator, room_uid=room.uid)
    Membership.objects.filter(user=moderator).update(role=Membership.Role.MODERATOR)
    ban_user(actor=make_staff(), user=moderator, room=room)
    assert refusal(ban_user, actor=moderator, user=bob, room=room) == ("forbidden", None)


@pytest.mark.parametrize("seconds", [0, -60])
def test_ban_until_the_past_is_refused(room, bob, olga, seconds):
    until = timezone.now() + dt.timedelta(seconds=seconds)
    assert refusal(ban_user, actor=olga, user=bob, room=room, until=until) == ("invalid", "until")


def test_ban_keeps_a_reason_that_fits(room, bob, olga):
    assert ban_user(actor=olga, user=bob, room=room, reason="a\x00b" + "x" * 300).reason == "ab" + "x" * 198


def test_ban_that_is_lifted_lets_in_again(room, bob, olga):
    ban = ban_user(actor=olga, user=bob, room=room)
    lift_ban(actor=olga, ban=ban)
    lift_ban(actor=olga, ban=ban)
    assert join_room(actor=bob, room_uid=room.uid).standing.is_present
    assert ActivityEvent.objects.filter(kind="chat.member.unbanned").count() == 1


def test_ban_is_not_lifted_by_a_visitor(room, bob, olga):
    ban = ban_user(actor=olga, user=bob, room=room)
    assert refusal(lift_ban, actor=make_guest(), ban=ban) == ("forbidden", None)
