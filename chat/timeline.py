"""The history as a page shows it: messages in groups, with a line where a day begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from chat.events import MessageRow

# Messages of one person closer than this stand under one name. frontend/src/room/timeline.ts groups by the same rule.
TOGETHER = dt.timedelta(minutes=5)


@dataclass(slots=True)
class Line:
    """A message and how it stands among its neighbours."""

    message: MessageRow
    day: dt.date | None
    starts_unread: bool
    is_own: bool
    is_first: bool
    is_last: bool = True


def lines(rows: Sequence[MessageRow], *, viewer: int, read_seq: int) -> Iterable[Line]:
    """Return the lines for user `viewer` (primary key), who has read up to `read_seq`."""
    found: list[Line] = []
    is_unread_marked = False
    for row in rows:
        before = found[-1] if found else None
        is_own = row.sender_id == viewer
        day = timezone.localdate(row.created_at)
        is_new_day = before is None or timezone.localdate(before.message.created_at) != day
        starts_unread = row.seq > read_seq and not is_own and not is_unread_marked
        is_unread_marked |= starts_unread
        is_first = is_new_day or starts_unread or before is None or not _belong_together(before.message, row)
        if before is not None:
            before.is_last = is_first
        found.append(Line(row, day if is_new_day else None, starts_unread, is_own, is_first))
    return found


def _belong_together(before: MessageRow, row: MessageRow) -> bool:
    return (
        before.kind == row.kind == "chat"
        and before.sender_id == row.sender_id
        and before.sender_id is not None
        and row.created_at - before.created_at < TOGETHER
    )
