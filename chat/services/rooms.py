"""Making rooms and changing them."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from chat import events
from chat.codes import new_code, new_short_code
from chat.models import Membership, Room, RoomCursor, new_invite_token
from chat.permissions import can_moderate, refusal_of_banned
from chat.services.numbers import lock_cursor, take_number
from operations import ratelimit
from operations.activity import record
from realtime.errors import ClientError
from realtime.runtime import publish

# The kinds that people make by hand; the others come with a lead, a space, or a first direct message.
CREATABLE = frozenset({Room.Kind.PUBLIC, Room.Kind.PRIVATE})
MAX_SLOW_SECONDS = 3600
_TRIES_FOR_A_FREE_CODE = 5
_ROOMS_PER_PERSON = "20/hour"


def clean_room_name(name: str) -> str:
    """Return the name as it is stored: NFC, one line, 2–60 characters. Raises `ClientError` `invalid`."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 2 <= len(name) <= 60 or any(unicodedata.category(c).startswith("C") for c in name):
        raise ClientError("invalid", "A room name has 2 to 60 ordinary characters.", field="name")
    return name


def create_room(*, actor: User, name: str, kind: str = Room.Kind.PUBLIC, is_listed: bool = False) -> Room:
    """Make a room owned by the actor, with codes and an invite link. Only staff may list it on the home page."""
    refusal = refusal_of_banned(actor)
    if refusal is not None:
        raise refusal
    if kind not in CREATABLE:
        raise ClientError("invalid", "A room is public or private.", field="kind")
    if is_listed and not (actor.is_staff and actor.has_perm("chat.add_room")):
        raise ClientError("forbidden", "Only staff can list a room.", field="listed")
    name = clean_room_name(name)
    ratelimit.hit("room-create", actor.uid, _ROOMS_PER_PERSON)
    with transaction.atomic():
        room = make_room(name=name, kind=kind, is_listed=is_listed, created_by=actor)
        Membership.objects.create(room=room, user=actor, role=Membership.Role.OWNER)
        record("chat.room.created", actor=actor, target=room.uid, data={"kind": kind})
    return room


@transaction.atomic
def make_room(**fields: Any) -> Room:
    """Insert a room with its cursor and free codes. The unique constraint decides which code is free."""
    for attempt in range(_TRIES_FOR_A_FREE_CODE):
        try:
            with transaction.atomic():
                room = Room.objects.create(code=new_code(), short_code=new_short_code(), **fields)
                break
        except IntegrityError:
            if attempt == _TRIES_FOR_A_FREE_CODE - 1:
                raise
    RoomCursor.objects.create(room=room)
    return room


@transaction.atomic
def change_room(*, actor: User, room: Room, **changes: Any) -> Room:
    """Set fields of the room: `name`, `mode`, `slow_seconds`, `is_listed`, `position`, `retention_hours`, or
    `code_expires_at`.

    Takes a number and tells everybody in the room. Nothing happens when nothing differs.
    """
    _require_moderator(actor, room)
    if "name" in changes:
        changes["name"] = clean_room_name(changes["name"])
    if changes.get("mode", Room.Mode.OPEN) not in Room.Mode.values:
        raise ClientError("invalid", "There is no such mode.", field="mode")
    if not 0 <= changes.get("slow_seconds", 0) <= MAX_SLOW_SECONDS:
        raise ClientError("invalid", f"Slow mode takes 0 to {MAX_SLOW_SECONDS} seconds.", field="slow_seconds")
    cursor = lock_cursor(room)
    room.refresh_from_db()
    different = {name: value for name, value in changes.items() if getattr(room, name) != value}
    if different:
        _store(room, take_number(cursor), **different)
        record("chat.room.changed", actor=actor, target=room.uid, data={"fields": sorted(different)})
    return room


def close_room(*, actor: User, room: Room) -> Room:
    """Let nobody in and nobody write; who is in can still read."""
    return change_room(actor=actor, room=room, mode=Room.Mode.CLOSED)


def reopen_room(*, actor: User, room: Room) -> Room:
    return change_room(actor=actor, room=room, mode=Room.Mode.OPEN)


@transaction.atomic
def archive_room(*, actor: User, room: Room) -> Room:
    """Take the room out of every list. Its messages stay."""
    _require_moderator(actor, room)
    cursor = lock_cursor(room)
    room.refresh_from_db()
    if room.archived_at is None:
        _store(room, take_number(cursor), archived_at=timezone.now(), is_listed=False)
        record("chat.room.archived", actor=actor, target=room.uid)
    return room


@transaction.atomic
def rotate_codes(*, actor: User, room: Room) -> Room:
    """Give the room new codes and a new invite link; the old ones stop at once. Who is in stays in."""
    _require_moderator(actor, room)
    lock_cursor(room)
    for attempt in range(_TRIES_FOR_A_FREE_CODE):
        room.code, room.short_code, room.invite_token = new_code(), new_short_code(), new_invite_token()
        try:
            with transaction.atomic():
                room.save(update_fields=["code", "short_code", "invite_token"])
                break
        except IntegrityError:
            if attempt == _TRIES_FOR_A_FREE_CODE - 1:
                raise
    record("chat.room.code_rotated", actor=actor, target=room.uid)
    return room


@transaction.atomic
def clear_room(*, actor: User, room: Room) -> int:
    """Hide every message up to now, for everybody and for good, and return the number of the clearing."""
    _require_moderator(actor, room)
    cursor = lock_cursor(room)
    room.refresh_from_db()
    number = take_number(cursor)
    hidden = room.messages.filter(seq__gt=room.cleared_seq).count()
    _store(room, number, cleared_seq=number)
    record("chat.room.cleared", actor=actor, target=room.uid, data={"messages": hidden})
    return number


def _store(room: Room, number: int, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(room, name, value)
    room.rev = number
    room.save(update_fields=[*fields, "rev"])
    transaction.on_commit(partial(publish, room.uid, [events.room_event(room, timezone.now())]))


def _require_moderator(actor: User, room: Room) -> None:
    if not can_moderate(actor, room):
        raise ClientError("forbidden", "Only those who run this room can do that.")
