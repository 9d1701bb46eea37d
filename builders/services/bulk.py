"""Builders as another system sends them: one or many, each with a result of its own, none twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import DataError, transaction

from accounts.models import User
from builders.importing.matching import find
from builders.models import Builder
from builders.permissions import can_add_builders
from builders.record import Record
from builders.services.builders import create_builder, delete_builder, understood, update_builder
from builders.services.stored import Key
from realtime.errors import ClientError, NotFound

ADD, UPDATE, DELETE = "add", "update", "delete"


class BulkRow(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with one builder. `rev` is the one that the change was thought up at, None to change it anyhow."""

    op: str
    uid: str = ""
    rev: int | None = None
    values: dict[str, Any] = {}
    keys: list[Key] = []
    switches: dict[str, bool] = {}
    allow_duplicate: bool = False


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """`builder` is None for one that was deleted, and where there is an `error`."""

    builder: Builder | None = None
    error: ClientError | None = None


class DuplicateBuilder(ClientError):
    def __init__(self, builder: Builder, reason: str) -> None:
        super().__init__("conflict", f"This is {builder.name} ({builder.uid}), which is there already: {reason}.")


@transaction.atomic
def add_builder(
    *,
    actor: User | None,
    values: Mapping[str, Any],
    keys: Sequence[Key] = (),
    allow_duplicate: bool = False,
    switches: Mapping[str, bool] | None = None,
) -> Builder:
    """Add a builder that is not there yet. Raises `DuplicateBuilder` where it certainly is, unless that is allowed."""
    if not can_add_builders(actor):
        # Before the search: its answer would tell who is in the directory.
        raise ClientError("forbidden", "You may not do that to a builder.")
    record = understood(values)
    if not allow_duplicate:
        _refuse_duplicate(record)
    made = create_builder(actor=actor, values=record, keys=keys)
    if switches:
        return update_builder(actor=actor, builder=made.pk, values={}, **switches)
    return made


def _refuse_duplicate(record: Record) -> None:
    [match] = find([record], "")
    if match.builder is not None and match.is_certain:
        raise DuplicateBuilder(Builder.objects.get(pk=match.builder), match.reason)


def apply_rows(*, actor: User | None, rows: Sequence[BulkRow]) -> list[BulkResult]:
    """Do what each row says, each for itself: one that is refused stops no other."""
    ids = dict(Builder.objects.filter(uid__in={row.uid for row in rows if row.uid}).values_list("uid", "pk"))
    return [_result(actor, row, ids.get(row.uid)) for row in rows]


def _result(actor: User | None, row: BulkRow, pk: int | None) -> BulkResult:
    try:
        with transaction.atomic():
            return BulkResult(builder=_apply(actor, row, pk))
    except ClientError as error:
        return BulkResult(error=error)
    except DataError:
        # Such as a number beyond its column, which PostgreSQL refuses.
        return BulkResult(error=ClientError("invalid", "A value is out of range."))


def _apply(actor: User | None, row: BulkRow, pk: int | None) -> Builder | None:
    if row.op == ADD:
        return add_builder(
            actor=actor,
            values=row.values,
            keys=row.keys,
            allow_duplicate=row.allow_duplicate,
            switches=row.switches,
        )
    if pk is None:
        raise NotFound("There is no such builder.")
    if row.op == UPDATE:
        return update_builder(actor=actor, builder=pk, values=row.values, expected_rev=row.rev, **row.switches)
    delete_builder(actor=actor, builder=pk, expected_rev=row.rev)
    return None
