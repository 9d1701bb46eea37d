"""Taking the next number of a room. Whoever takes one holds the room's lock until the commit."""

from __future__ import annotations

from chat.models import Room, RoomCursor
from realtime.errors import NotFound


def lock_cursor(room: Room) -> RoomCursor:
    """Lock the room's counter for the rest of the transaction and return it.

    The lock is what makes numbers dense and visible in order: the next writer cannot take a number before this one
    is committed. On SQLite the transaction itself is exclusive (`BEGIN IMMEDIATE`).
    """
    try:
        return RoomCursor.objects.select_for_update().get(room=room)
    except RoomCursor.DoesNotExist:
        raise NotFound("There is no such room.") from None


def take_number(cursor: RoomCursor) -> int:
    """Return the next number of a locked cursor."""
    cursor.head += 1
    cursor.save(update_fields=["head"])
    return cursor.head
