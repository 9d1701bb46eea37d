"""How far people have read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from chat.models import Membership


@dataclass(frozen=True, slots=True)
class ReadMark:
    """A member has seen everything up to `seq`."""

    membership: int
    seq: int


@transaction.atomic
def mark_read(marks: Sequence[ReadMark]) -> list[int]:
    """Move the read positions forward, never back, and return what each was asked for.

    After a message most of a room reports the same position, so the marks are grouped by it: one statement each.
    """
    furthest: dict[int, int] = {}
    for mark in marks:
        furthest[mark.membership] = max(mark.seq, furthest.get(mark.membership, 0))
    by_seq: dict[int, list[int]] = defaultdict(list)
    for membership, seq in furthest.items():
        by_seq[seq].append(membership)
    for seq, memberships in by_seq.items():
        Membership.objects.filter(pk__in=memberships, read_seq__lt=seq).update(read_seq=seq)
    return [mark.seq for mark in marks]
