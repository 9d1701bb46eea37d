"""Forgetting: rooms that keep messages for some hours only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from chat.models import Message, Room
from operations.activity import record

# One transaction deletes this many: a room must not be locked while a day of messages goes.
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Purged:
    """How many messages of a room were deleted, or would be."""

    room: str
    name: str
    messages: int


def purge_expired(*, is_dry_run: bool = False) -> list[Purged]:
    """Delete the messages that are older than their room keeps them, with their versions; list the rooms concerned.

    The rows take no number: nobody needs to hear that something old is gone, and a client that still shows it loses
    it with its next snapshot.
    """
    purged = []
    for room in Room.objects.filter(retention_hours__isnull=False):
        before = timezone.now() - dt.timedelta(hours=room.retention_hours or 0)
        expired = Message.objects.filter(room=room, created_at__lt=before)
        count = expired.count() if is_dry_run else _delete(room, before)
        if count:
            purged.append(Purged(room.uid, room.name, count))
    return purged


def purge_job() -> str:
    purged = purge_expired()
    return f"{sum(p.messages for p in purged)} messages of {len(purged)} rooms deleted"


def _delete(room: Room, before: dt.datetime) -> int:
    total = 0
    while True:
        with transaction.atomic():
            expired = Message.objects.filter(room=room, created_at__lt=before).order_by("seq")
            ids = list(expired.values_list("pk", flat=True)[:_CHUNK])
            if not ids:
                break
            Message.objects.filter(pk__in=ids).delete()
            total += len(ids)
    if total:
        record("chat.room.purged", target=room.uid, data={"messages": total, "before": before.isoformat()})
    return total
