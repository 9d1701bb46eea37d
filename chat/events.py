"""What goes over the wire for a message, a member and a room: pure functions of rows.

`docs/protocol.md` is the reference.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, NamedTuple

import msgspec
from django.conf import settings

from chat.models import Room
from realtime import wire
from realtime.close_codes import CloseCode
from realtime.wire import Event, format_time


class MessageRow(NamedTuple):
    """A message and its sender, as `chat.queries.message_rows` reads them."""

    rev: int
    seq: int
    uid: str
    kind: str
    body: str
    created_at: dt.datetime
    edited_at: dt.datetime | None
    deleted_at: dt.datetime | None
    client_id: uuid.UUID | None
    sender_id: int | None
    sender_uid: str | None
    sender_name: str | None
    sender_is_guest: bool | None
    sender_role: str | None


class MemberRow(NamedTuple):
    """A membership as far as it concerns others."""

    rev: int
    user_id: int
    uid: str
    name: str
    role: str
    muted_until: dt.datetime | None
    removed_at: dt.datetime | None


class Sender(msgspec.Struct, frozen=True):
    uid: str
    name: str
    guest: bool
    role: str


class MessagePayload(msgspec.Struct, frozen=True):
    """A message on the wire, as everybody sees it."""

    seq: int
    rev: int
    uid: str
    kind: str
    sender: Sender | None
    text: str
    at: str
    edited_at: str | None
    reply_to: int | None
    reactions: dict[str, int]
    mentions: list[str]
    pinned: bool
    deleted: bool


class OwnMessagePayload(MessagePayload, frozen=True):
    """A message on the wire, as its author sees it."""

    mine: list[str]
    client_id: str | None


class _Envelope(msgspec.Struct):
    ev: str
    room: str
    seq: int
    at: str
    d: Any


def message_payload(row: MessageRow, *, viewer: int = 0) -> MessagePayload:
    """Return the message as user `viewer` (primary key) sees it; 0 stands for everybody."""
    sender = None
    if row.sender_uid is not None:
        sender = Sender(row.sender_uid, row.sender_name or "", bool(row.sender_is_guest), row.sender_role or "member")
    fields: dict[str, Any] = {
        "seq": row.seq,
        "rev": row.rev,
        "uid": row.uid,
        "kind": row.kind,
        "sender": sender,
        "text": row.body,
        "at": format_time(row.created_at),
        "edited_at": format_time(row.edited_at) if row.edited_at else None,
        "reply_to": None,
        "reactions": {},
        "mentions": [],
        "pinned": False,
        "deleted": row.deleted_at is not None,
    }
    if viewer and viewer == row.sender_id:
        return OwnMessagePayload(**fields, mine=[], client_id=str(row.client_id) if row.client_id else None)
    return MessagePayload(**fields)


def message_event(room: str, row: MessageRow) -> Event:
    """Return the event for the message's present state."""
    if row.deleted_at is not None:
        name, at = "message.deleted", row.deleted_at
    elif row.rev == row.seq:
        name, at = "message.created", row.created_at
    else:
        name, at = "message.updated", row.edited_at or row.created_at
    everybody = _Envelope(name, room, row.rev, format_time(at), message_payload(row))
    owner = row.sender_id or 0
    owned_text = ""
    if owner:
        owned_text = wire.encode(_Envelope(name, room, row.rev, everybody.at, message_payload(row, viewer=owner)))
    return Event(row.rev, wire.encode(everybody), f"m{row.seq}", owner=owner, owned_text=owned_text)


def member_event(room: str, row: MemberRow, at: dt.datetime) -> Event:
    """Return the event for a changed role, mute or removal."""
    d = {
        "uid": row.uid,
        "name": row.name,
        "role": row.role,
        "muted_until": format_time(row.muted_until) if row.muted_until else None,
        "removed": row.removed_at is not None,
    }
    text = wire.encode(_Envelope("member.changed", room, row.rev, format_time(row.removed_at or at), d))
    removes = row.user_id if row.removed_at is not None else 0
    return Event(row.rev, text, f"u{row.user_id}", removes=removes, bye_code=CloseCode.BANNED if removes else 0)


def room_event(room: Room, at: dt.datetime) -> Event:
    """Return the event for the room's own last change. It wipes what the last clearing hides, whatever came since:

    a process that missed the clearing may only ever hear of a later change, because a row shows its last change alone.
    """
    was_cleared = room.rev == room.cleared_seq
    name = "room.cleared" if was_cleared else "room.changed"
    # Codes are left out: everybody who follows the room hears this, and a code may have been changed to keep some out.
    text = wire.encode(_Envelope(name, room.uid, room.rev, format_time(at), room_payload(room)))
    return Event(room.rev, text, "r", wipes="m" if room.cleared_seq else "", wipes_to=room.cleared_seq)


def room_payload(room: Room, *, with_codes: bool = False) -> dict[str, Any]:
    """Return the room as its visitors see it, and with its codes for those who may invite."""
    payload: dict[str, Any] = {
        "uid": room.uid,
        "name": room.name,
        "kind": room.kind,
        "mode": room.mode,
        "slow_seconds": room.slow_seconds,
        "listed": room.is_listed,
        "archived": room.archived_at is not None,
        "cleared_seq": room.cleared_seq,
    }
    if with_codes:
        payload |= {
            "code": room.code,
            "short_code": room.short_code,
            "invite_url": invite_url(room),
            "code_expires_at": format_time(room.code_expires_at) if room.code_expires_at else None,
        }
    return payload


def invite_url(room: Room) -> str:
    return f"{settings.PUBLIC_ORIGIN}/j/{room.invite_token}/"
