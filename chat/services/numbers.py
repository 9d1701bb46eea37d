"""Taking the next number of a room. Whoever takes one holds the room's lock until the commit."""

from __future__ import annotations

from django.db import connection, transaction

from chat.models import Room, RoomCursor
from realtime.errors import NotFound


def lock_cursor(room: Room) -> RoomCursor:
    """Lock the room's counter for the rest of the transaction and return it.

    The lock is what makes numbers dense and visible in order: the next writer cannot take a number before this one
    is committed. On SQLite the transaction itself is exclusive (`BEGIN IMMEDIATE`).
    """
    assert transaction.get_connection().in_atomic_block
    try:
        return RoomCursor.objects.select_for_update().get(room=room)
    except RoomCursor.DoesNotExist:
        raise NotFound("There is no such room.") from None


def take_number(cursor: RoomCursor) -> int:
    """Return the next number of a locked cursor."""
    cursor.head += 1
    cursor.save(update_fields=["head"])
    return cursor.head


def move_heads(cursors: list[RoomCursor]) -> None:
    """Store `head` and `last_message_at` of locked cursors, in one statement."""
    table = RoomCursor._meta.db_table
    if connection.vendor == "postgresql":
        with connection.cursor() as db:
            db.execute(
                f"UPDATE {table} AS c SET head = v.head, last_message_at = v.at"  # noqa: S608  no input in the text
                " FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS v(room_id, head, at)"
                " WHERE c.room_id = v.room_id",
                [[c.room_id for c in cursors], [c.head for c in cursors], [c.last_message_at for c in cursors]],
            )
        return
    at = RoomCursor._meta.get_field("last_message_at")
    rows = [(c.head, at.get_db_prep_save(c.last_message_at, connection), c.room_id) for c in cursors]
    with connection.cursor() as db:
        # One prepared statement run per row, without the limit on parameters that one large statement would hit.
        db.executemany(f"UPDATE {table} SET head = %s, last_message_at = %s WHERE room_id = %s", rows)  # noqa: S608
