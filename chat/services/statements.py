"""The five statements of posting, written out.

They run for every batch of messages. Composed by the ORM they cost ten times what the database needs to run them,
and the composing holds the interpreter while the event loop wants it. Lists go in as one parameter, an array on
PostgreSQL and JSON on SQLite, so each statement is one prepared text whatever the size of the batch.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from chat.models import Membership, Room

_LOCK_ROOMS = """
SELECT r.*, c.head, c.epoch FROM chat_roomcursor c JOIN chat_room r ON r.id = c.room_id
WHERE r.uid {rooms} ORDER BY c.room_id {lock}
"""
_SENDERS = """
SELECT m.*, u.uid AS user_uid, u.display_name AS user_name, u.is_guest AS user_is_guest, u.is_active AS user_is_active,
  EXISTS (
    SELECT 1 FROM chat_ban b WHERE b.user_id = m.user_id AND (b.room_id = m.room_id OR b.room_id IS NULL)
      AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > %s)
  ) AS is_banned
FROM chat_membership m JOIN accounts_user u ON u.id = m.user_id
WHERE m.room_id {rooms} AND m.user_id {users}
"""
_STORED = """
SELECT room_id, sender_id, client_id, seq, uid, body, created_at, edited_at IS NOT NULL OR deleted_at IS NOT NULL
FROM chat_message WHERE room_id {rooms} AND sender_id {users} AND client_id {client_ids}
"""
_INSERT_COLUMNS = "room_id, seq, rev, uid, sender_id, client_id, kind, body, created_at"
_INSERT_TYPES = ("bigint", "bigint", "bigint", "text", "bigint", "uuid", "text", "text", "timestamptz")


class NewMessage(NamedTuple):
    """A row to insert, in the order of `_INSERT_COLUMNS`."""

    room_id: int
    seq: int
    rev: int
    uid: str
    sender_id: int
    client_id: uuid.UUID
    kind: str
    body: str
    created_at: dt.datetime


class StoredMessage(NamedTuple):
    """What is known of a message that was stored under a client_id before."""

    seq: int
    uid: str
    body: str
    created_at: dt.datetime
    is_changed: bool


def lock_rooms(uids: Iterable[str]) -> list[Any]:
    """Return the rooms, each with the `head` and `epoch` of its cursor, which stays locked until the commit.

    Always in the same order: two processes that lock the same rooms must not wait for each other.
    """
    # The room's row as well: a writer that waited for the cursor must see the room as it is by then, not as it was.
    # "No key" lets the arrivals through, which refer to the room's row.
    lock = "FOR NO KEY UPDATE OF c, r" if connection.features.has_select_for_update else ""
    return list(Room.objects.raw(_LOCK_ROOMS.format(rooms=_in("text"), lock=lock), [_list(uids)]))


def senders(rooms: Iterable[int], users: Iterable[int]) -> list[Any]:
    """Return the memberships of the users in the rooms, with what matters of the user and whether a ban stands."""
    sql = _SENDERS.format(rooms=_in("bigint"), users=_in("bigint"))
    return list(Membership.objects.raw(sql, [_time(timezone.now()), _list(rooms), _list(users)]))


def stored_messages(
    rooms: Iterable[int], users: Iterable[int], client_ids: Iterable[uuid.UUID]
) -> dict[tuple[int, int, uuid.UUID], StoredMessage]:
    """Return what was stored before, by room, sender and client_id."""
    sql = _STORED.format(rooms=_in("bigint"), users=_in("bigint"), client_ids=_in("uuid"))
    with connection.cursor() as cursor:
        cursor.execute(sql, [_list(rooms), _list(users), _list(client_ids)])
        return {
            (room, user, _as_uuid(client_id)): StoredMessage(seq, uid, body, _as_time(at), bool(is_changed))
            for room, user, client_id, seq, uid, body, at, is_changed in cursor.fetchall()
        }


def insert_messages(rows: Sequence[NewMessage]) -> None:
    """Insert the rows in one statement."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{kind}[]" for kind in _INSERT_TYPES)
            sql = f"INSERT INTO chat_message ({_INSERT_COLUMNS}) SELECT * FROM unnest({arrays})"  # noqa: S608
            cursor.execute(sql, [list(column) for column in zip(*rows, strict=True)])
        else:
            marks = ", ".join(["%s"] * len(_INSERT_TYPES))
            sql = f"INSERT INTO chat_message ({_INSERT_COLUMNS}) VALUES ({marks})"  # noqa: S608
            cursor.executemany(sql, [_prepared(row) for row in rows])


def move_heads(heads: Sequence[tuple[int, int, dt.datetime]]) -> None:
    """Set head and time of the last message of locked cursors: rows of (room, head, time)."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "UPDATE chat_roomcursor AS c SET head = v.head, last_message_at = v.at"
                " FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS v(room_id, head, at)"
                " WHERE c.room_id = v.room_id",
                [list(column) for column in zip(*heads, strict=True)],
            )
        else:
            sql = "UPDATE chat_roomcursor SET head = %s, last_message_at = %s WHERE room_id = %s"
            cursor.executemany(sql, [(head, _time(at), room) for room, head, at in heads])


def _in(kind: str) -> str:
    return f"= ANY(%s::{kind}[])" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"


def _list(values: Iterable[Any]) -> Any:
    if connection.vendor == "postgresql":
        return list(values)
    return json.dumps([value.hex if isinstance(value, uuid.UUID) else value for value in values])


def _time(at: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _prepared(row: NewMessage) -> tuple[Any, ...]:
    return (*row[:5], row.client_id.hex, row.kind, row.body, _time(row.created_at))


def _as_time(at: dt.datetime) -> dt.datetime:
    # SQLite keeps UTC without saying so.
    return at if timezone.is_aware(at) else at.replace(tzinfo=dt.UTC)


def _as_uuid(value: uuid.UUID | str) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(hex=value)
