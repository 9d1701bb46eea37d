"""Who may do what in a room: one predicate, or one reason to refuse, each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from chat.models import Ban, Membership, Room
from realtime.errors import ClientError, NotFound

MODERATING_ROLES = frozenset({Membership.Role.MODERATOR, Membership.Role.OWNER})


@dataclass(frozen=True, slots=True)
class Standing:
    """What one person is in one room, as one row of the database says it."""

    user_id: int
    is_active: bool
    is_guest: bool
    is_banned: bool
    membership_id: int | None = None
    role: str = Membership.Role.MEMBER
    muted_until: dt.datetime | None = None
    is_present: bool = False

    @property
    def is_moderator(self) -> bool:
        return self.is_present and self.role in MODERATING_ROLES


def refusal_of_banned(user: User) -> ClientError | None:
    """Return why somebody who is kept out of everything may do nothing at all. One statement."""
    if Ban.objects.active(timezone.now()).filter(user=user, room=None).exists():
        return ClientError("banned", "You have been banned.")
    return None


def refusal_to_enter(room: Room, standing: Standing, *, has_key: bool) -> ClientError | None:
    """Return why the person may not come in. `has_key`: they hold its code, its link, or were in before."""
    if room.kind != Room.Kind.PUBLIC and not has_key and standing.membership_id is None:
        # Before all else: who never was in a room that is not public must not learn that it exists.
        return NotFound("There is no such room.")
    if standing.is_banned:
        return ClientError("banned", "You have been banned from this room.")
    if not standing.is_active:
        return ClientError("forbidden", "This account is disabled.")
    if room.kind != Room.Kind.PUBLIC and not has_key:
        return NotFound("There is no such room.")
    if room.archived_at is not None or room.mode == Room.Mode.CLOSED:
        return ClientError("room_closed", "This room is closed.")
    return None


def refusal_to_post(room: Room, standing: Standing, now: dt.datetime) -> ClientError | None:
    """Return why the person may not write. Slow mode is checked where the last message is known."""
    if standing.is_banned:
        return ClientError("banned", "You have been banned from this room.")
    if not standing.is_present or not standing.is_active:
        return ClientError("forbidden", "Enter the room before you write in it.")
    if room.archived_at is not None or room.mode == Room.Mode.CLOSED:
        return ClientError("room_closed", "This room is closed.")
    if standing.muted_until is not None and standing.muted_until > now:
        wait = standing.muted_until - now
        return ClientError("muted", "You are muted for now.", retry_after_ms=int(wait.total_seconds() * 1000))
    if standing.is_moderator:
        return None
    if room.mode == Room.Mode.PAUSED:
        return ClientError("room_paused", "This room is paused. Reading goes on.")
    if room.mode == Room.Mode.MEMBERS and standing.is_guest:
        return ClientError("forbidden", "Only people with an account may write here for now.")
    return None


def can_moderate(actor: User, room: Room) -> bool:
    """Staff with the right to change rooms may moderate anywhere, owners and moderators in their room.

    Nobody does who is banned, from the room or from everything.
    """
    if not actor.is_active or _is_banned(actor, room):
        return False
    if actor.is_staff and actor.has_perm("chat.change_room"):
        return True
    return Membership.objects.present().filter(room=room, user=actor, role__in=MODERATING_ROLES).exists()


def _is_banned(user: User, room: Room) -> bool:
    return Ban.objects.active(timezone.now()).filter(Q(room=room) | Q(room=None), user=user).exists()
