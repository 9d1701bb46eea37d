"""Builders by hand: staff and owners write them, and what they have written no import changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from builders.comparing import FIELDS, assign, fitted, misfits, plain, said
from builders.models import Builder, Rank, SourceKey
from builders.permissions import can_add_builders, can_change_builders, can_delete_builders, is_owner
from builders.record import Record
from builders.services.provenance import Origin, changed, fields_of, said_by
from builders.services.slugs import give_slugs
from builders.services.stored import Key, Stored, load
from builders.services.writing import insert, replace
from builders.tidying import tidied
from operations.activity import record as record_act
from realtime.errors import ClientError, NotFound
from realtime.ids import new_uid

Values = Record | Mapping[str, Any]
STAFF, OWNER = Origin(source="staff", rank=Rank.STAFF), Origin(source="owner", rank=Rank.OWNER)
# Switches of the directory itself, that no source says: no provenance, no lock.
SWITCHES = ("is_active", "is_featured")
# Each time, one who adds a namesake is through; more at once are no people.
_TRIES = 5
# What the firm itself does not decide on.
_NOT_THE_OWNERS = frozenset({"is_verified", "plan", "rating", "extra"})


class Changed(NamedTuple):
    """The result for one of many: a builder's uid, or why not."""

    uid: str
    error: ClientError | None = None


class BuilderChanged(ClientError):
    def __init__(self) -> None:
        super().__init__("conflict", "This builder was changed meanwhile. Load it again.", field="expected_rev")


def understood(values: Values) -> Record:
    """Return the record of a new builder. Raises `ClientError` `invalid` with the field."""
    return _checked(_as_record(values, Record()), Record())


@transaction.atomic
def create_builder(*, actor: User | None, values: Values, keys: Sequence[Key] = ()) -> Builder:
    """Add a builder. Raises `ClientError` `invalid` with the field, `conflict` where a source key is another's."""
    _require(can_add_builders(actor))
    record = understood(values)
    now, fields = timezone.now(), fields_of(record)
    builder = Stored(
        record=record,
        uid=new_uid(),
        provenance=said_by(fields, STAFF, now),
        locked_fields=sorted(fields),
        created_at=now,
        updated_at=now,
        keys=list(keys),
    )
    _insert(builder)
    record_act("builders.builder.created", actor=actor, target=builder.uid)
    return Builder.objects.get(pk=builder.id)


def _insert(builder: Stored) -> None:
    """Write a new builder. Whoever adds another at this moment may take its slug or its key first: then once more."""
    for _ in range(_TRIES):
        _refuse_taken(builder.keys)
        give_slugs([builder])
        try:
            with transaction.atomic():
                insert([builder])
        except IntegrityError:
            builder.slug, builder.id = "", 0
        else:
            return
    raise ClientError("conflict", "Others of this name are being added. Try again.")


def _refuse_taken(keys: Sequence[Key]) -> None:
    taken = SourceKey.objects.filter(source__in=[k.source for k in keys], key__in=[k.key for k in keys])
    if {(key.source, key.key) for key in keys} & set(taken.values_list("source", "key")):
        raise ClientError("conflict", "This source key belongs to another builder.", field="key")


@transaction.atomic
def update_builder(
    *, actor: User | None, builder: int, values: Values, expected_rev: int | None = None, **switches: bool
) -> Builder:
    """Change the fields that `values` has, which locks them against imports; a mapping empties one with None.

    `switches` are those of `SWITCHES`. `expected_rev` is the `rev` that the change was thought up at: raises
    `BuilderChanged` where the builder has another by now.
    """
    before = _locked(builder, expected_rev)
    is_owners = _authorise_change(actor, builder, switches)
    after_record = _checked(_as_record(values, before.record), before.record)
    fields = [field.name for field in FIELDS.values() if said(before.record, field) != said(after_record, field)]
    if is_owners and _NOT_THE_OWNERS & set(fields):
        raise ClientError("forbidden", "Only staff can change that.", field=min(_NOT_THE_OWNERS & set(fields)))
    differing = {name: on for name, on in switches.items() if getattr(before, name) != on}
    if not fields and not differing:
        return Builder.objects.get(pk=builder)
    difference = {name: [plain(said(r, FIELDS[name])) for r in (before.record, after_record)] for name in fields}
    after = changed(before, difference, OWNER if is_owners else STAFF, timezone.now())
    after.locked_fields = sorted({*before.locked_fields, *fields})
    for name, on in differing.items():
        setattr(after, name, on)
    replace([(before, after)])
    record_act("builders.builder.changed", actor=actor, target=before.uid, data={"fields": [*fields, *differing]})
    return Builder.objects.get(pk=builder)


def deactivate_builder(*, actor: User | None, builder: int, expected_rev: int | None = None) -> Builder:
    """Take a builder out of the directory without forgetting it."""
    return update_builder(actor=actor, builder=builder, values={}, expected_rev=expected_rev, is_active=False)


@transaction.atomic
def delete_builder(*, actor: User | None, builder: int, expected_rev: int | None = None) -> None:
    """Delete a builder with all that belongs to it. The next import of its source brings it again.

    What was merged into it goes as well: it is the same firm, and would be back in the directory without a trace.
    """
    before = _locked(builder, expected_rev)
    _require(can_delete_builders(actor))
    Builder.objects.filter(Q(pk=builder) | Q(merged_into=builder)).delete()
    record_act("builders.builder.deleted", actor=actor, target=before.uid, data={"name": before.record.name})


@transaction.atomic
def unlock_fields(*, actor: User | None, builder: int, fields: Iterable[str]) -> Builder:
    """Let imports change fields again that were set by hand; the next one that has a value replaces it."""
    before = _locked(builder, None)
    _require(can_change_builders(actor))
    freed = set(fields)
    after = msgspec.structs.replace(
        before,
        locked_fields=[name for name in before.locked_fields if name not in freed],
        provenance={name: entry for name, entry in before.provenance.items() if name not in freed},
        rev=before.rev + 1,
        updated_at=timezone.now(),
    )
    replace([(before, after)])
    record_act("builders.builder.unlocked", actor=actor, target=before.uid, data={"fields": sorted(freed)})
    return Builder.objects.get(pk=builder)


def change_many(builders: Sequence[tuple[str, int]], change: Callable[[int], object]) -> list[Changed]:
    """Do one thing to many builders, given as (uid, id), each for itself: one that is refused stops no other."""
    results = []
    for uid, pk in builders:
        try:
            change(pk)
            results.append(Changed(uid))
        except ClientError as error:
            results.append(Changed(uid, error))
    return results


def _locked(builder: int, expected_rev: int | None) -> Stored:
    found = load([builder], lock=True).get(builder)
    if found is None or found.merged_into is not None:
        raise NotFound("There is no such builder.")
    if expected_rev is not None and found.rev != expected_rev:
        raise BuilderChanged
    return found


def _authorise_change(actor: User | None, builder: int, switches: Mapping[str, bool]) -> bool:
    """Return whether it is the firm itself that changes its record. Raises where nobody may."""
    if can_change_builders(actor):
        if set(switches) - set(SWITCHES):
            raise ClientError("invalid", f"There is no switch {', '.join(set(switches) - set(SWITCHES))}.")
        return False
    _require(is_owner(actor, Builder.objects.get(pk=builder)) and not switches)
    return True


def _require(is_allowed: bool) -> None:
    if not is_allowed:
        raise ClientError("forbidden", "You may not do that to a builder.")


def _as_record(values: Values, present: Record) -> Record:
    if isinstance(values, Record):
        values = {name: plain(said(values, FIELDS[name])) for name in fields_of(values)}
        return assign(present, values)
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise ClientError("invalid", f"A builder has no field {', '.join(unknown)}.", field=unknown[0])
    try:
        return assign(present, {name: plain(value) for name, value in values.items()})
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise ClientError("invalid", str(error)) from error


def _checked(record: Record, before: Record) -> Record:
    record = fitted(tidied(before, record))
    for problem in misfits(record):
        raise ClientError("invalid", problem.message, field=problem.field)
    return record
