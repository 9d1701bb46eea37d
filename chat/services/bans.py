"""Keeping people out."""

from __future__ import annotations

import datetime as dt
from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chat import events
from chat.events import MemberRow
from chat.models import Ban, Membership, Room
from chat.permissions import can_moderate
from chat.services.numbers import lock_cursor, take_number
from operations.activity import record
from realtime.errors import ClientError
from realtime.runtime import publish


@transaction.atomic
def ban_user(
    *, actor: User, user: User, room: Room | None = None, until: dt.datetime | None = None, reason: str = ""
) -> Ban:
    """Keep `user` out of `room`, or of everything, until the given time or for good.

    In the room this is a change like any other: it takes a number, and their sockets are closed when the hub gets
    there. A ban from everything reaches sockets through the periodic check.
    """
    _require_right(actor, user, room)
    if until is not None and until <= timezone.now():
        raise ClientError("invalid", "A ban ends in the future.", field="until")
    reason = reason.replace("\x00", "")[:200]
    ban = Ban.objects.create(user=user, room=room, until=until, reason=reason, created_by=actor)
    if room is not None:
        remove_member(user=user, room=room)
    where = {"room": room.uid if room else None, "until": until.isoformat() if until else None}
    record("chat.member.banned", actor=actor, target=user.uid, data=where)
    return ban


@transaction.atomic
def lift_ban(*, actor: User, ban: Ban) -> None:
    """Let the person in again; they come back by the way they came first."""
    _require_right(actor, ban.user, ban.room)
    if Ban.objects.filter(pk=ban.pk, lifted_at=None).update(lifted_at=timezone.now()):
        room = ban.room.uid if ban.room else None
        record("chat.member.unbanned", actor=actor, target=ban.user.uid, data={"room": room})


def remove_member(*, user: User, room: Room) -> None:
    """End a membership against the member's will, inside the caller's transaction."""
    cursor = lock_cursor(room)
    now = timezone.now()
    # The row is made where there is none: of an arrival that is being stored at the same time, one waits for the other
    # at the unique constraint. Either it is in first and is removed here, or it finds the ban when it looks again.
    _, is_new = Membership.objects.get_or_create(room=room, user=user, defaults={"removed_at": now})
    membership = Membership.objects.select_for_update().filter(room=room, user=user, removed_at=None).first()
    if is_new or membership is None:
        return
    membership.removed_at, membership.rev = now, take_number(cursor)
    membership.role = Membership.Role.MEMBER
    membership.save(update_fields=["removed_at", "rev", "role"])
    row = MemberRow(
        rev=membership.rev,
        user_id=user.pk,
        uid=user.uid,
        name=user.display_name,
        role=membership.role,
        muted_until=membership.muted_until,
        removed_at=membership.removed_at,
    )
    event = events.member_event(room.uid, row, membership.removed_at)
    transaction.on_commit(partial(publish, room.uid, [event]))


def _require_right(actor: User, user: User, room: Room | None) -> None:
    if actor.pk == user.pk:
        raise ClientError("invalid", "You cannot ban yourself.", field="user")
    if user.is_staff and not actor.is_superuser:
        raise ClientError("forbidden", "Staff cannot be banned.")
    is_allowed = can_moderate(actor, room) if room is not None else actor.is_staff and actor.has_perm("chat.add_ban")
    if not is_allowed:
        raise ClientError("forbidden", "Only those who run this room can do that.")
    if room is None or actor.is_staff:
        return
    if Membership.objects.filter(room=room, user=user, role=Membership.Role.OWNER).exists():
        raise ClientError("forbidden", "The owner of a room cannot be banned from it.")
