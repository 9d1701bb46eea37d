"""How far people have read, and when they were last in their rooms. Neither takes a number: it concerns nobody else."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import OuterRef
from django.utils import timezone

from chat.models import Membership
from chat.queries import Access, is_banned
from realtime.errors import ClientError, NotFound

# A visit is noted this often at most: the order of one's rooms needs no more, and a crowd that reads writes less.
_VISIT = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReadMark:
    """A member has seen everything up to `seq`."""

    membership: int
    seq: int


@transaction.atomic
def mark_read(marks: Sequence[ReadMark]) -> list[int | ClientError]:
    """Move the read positions forward, never back, and return where each then is; `NotFound` for who is out.

    After a message most of a room reports the same position, so the marks are grouped by it: one statement for who is
    in, one for each position, and one for the visits that are due.
    """
    furthest: dict[int, int] = {}
    for mark in marks:
        furthest[mark.membership] = max(mark.seq, furthest.get(mark.membership, 0))
    present = Membership.objects.present().filter(pk__in=furthest)
    allowed = present.exclude(is_banned(OuterRef("user_id"), OuterRef("room_id")))
    known = {pk: (seq, at) for pk, seq, at in allowed.values_list("pk", "read_seq", "visited_at")}
    by_seq: dict[int, list[int]] = defaultdict(list)
    for membership, seq in furthest.items():
        if membership in known and known[membership][0] < seq:
            by_seq[seq].append(membership)
    for seq, memberships in by_seq.items():
        Membership.objects.filter(pk__in=memberships, read_seq__lt=seq).update(read_seq=seq)
    _note_visits([membership for membership, (_, at) in known.items() if _is_due(at)])
    return [
        max(known[mark.membership][0], furthest[mark.membership]) if mark.membership in known else _outside()
        for mark in marks
    ]


def note_visit(access: Access) -> None:
    """Remember that the member has opened the room, once a minute at most."""
    membership = access.standing.membership_id
    if membership is not None and access.visited_at is not None and _is_due(access.visited_at):
        _note_visits([membership])


def _is_due(visited_at: dt.datetime) -> bool:
    return timezone.now() - visited_at > _VISIT


def _note_visits(memberships: Collection[int]) -> None:
    if memberships:
        Membership.objects.filter(pk__in=memberships).update(visited_at=timezone.now())


def _outside() -> ClientError:
    return NotFound("There is no such room.")
