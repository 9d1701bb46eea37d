"""A builder kept whole, to be put back later exactly as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.db import transaction

from builders.models import SourceKey
from builders.services.stored import Stored, load
from builders.services.tables import delete_rows
from builders.services.writing import insert, replace, write_keys

Snapshot = dict[str, Any]


def snapshot(builders: Iterable[int]) -> dict[int, Snapshot]:
    """Return the builders with these ids as JSON has them. Pictures stay where they are: a project's name stands in."""
    return {pk: kept(builder) for pk, builder in load(builders).items()}


def kept(builder: Stored) -> Snapshot:
    plain: Snapshot = msgspec.to_builtins(builder)
    return plain


def read(plain: Snapshot) -> Stored:
    return msgspec.convert(plain, Stored)


@transaction.atomic
def restore(snapshots: Mapping[int, Snapshot] | Mapping[str, Snapshot]) -> dict[int, int]:
    """Put the builders back as they were; return their new `rev`. One that was deleted meanwhile comes back.

    `rev` alone goes on instead of back: who looked at the builder before must notice that it was written.
    """
    wanted = {int(pk): read(plain) for pk, plain in snapshots.items()}
    present = load(wanted, lock=True)
    gone = [builder for pk, builder in wanted.items() if pk not in present]
    changes = []
    for pk, now in present.items():
        before = wanted[pk]
        before.rev = now.rev + 1
        changes.append((now, before))
    insert(gone)
    replace(changes)
    _restore_keys(changes)
    return {builder.id: builder.rev for builder in wanted.values()}


def _restore_keys(changes: Iterable[tuple[Stored, Stored]]) -> None:
    differing = [(now, before) for now, before in changes if now.keys != before.keys]
    delete_rows(SourceKey, [before.id for _, before in differing])
    write_keys(before for _, before in differing)
