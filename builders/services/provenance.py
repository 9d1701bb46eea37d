"""Whose word counts: what a source may change in a builder, and who said what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from builders.comparing import ADD, FIELDS, FILL, KEEP, Field, assign, differing_fields, merged, plain, said
from builders.record import Record
from builders.services.stored import Stored

Difference = dict[str, list[Any]]
# What a builder has without anybody having said so.
_DEFAULTS = {"plan": "free", "is_verified": False}
_NOTHING = Record()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value comes from. `rank` is a `Rank`; `job` and `row` are those of an import."""

    source: str
    rank: int
    job: str = ""
    row: int | None = None

    def entry(self, at: dt.datetime) -> dict[str, Any]:
        return {"source": self.source, "rank": self.rank, "job": self.job, "row": self.row, "at": at.isoformat()}


def difference(builder: Stored, record: Record, rank: int, policy: Mapping[str, str]) -> Difference:
    """Return what `record` changes in the builder: `{field: [before, after]}` as JSON has it.

    `policy` says of a field whether the word of a source fills it where it is empty (`fill`), takes the place of what
    is there (`replace`), is added to it (`add`, lists alone) or leaves it as it is (`keep`). A locked field does not
    change, and a value gives way only to one of its own rank or above.
    """
    found: Difference = {}
    differing = differing_fields(builder.record, record)
    for field in FIELDS.values():
        if field.name not in differing or field.name in builder.locked_fields:
            continue
        new, old = said(record, field), said(builder.record, field)
        if new is None:
            continue
        if old is None or (field.name in _DEFAULTS and old == _DEFAULTS[field.name] and not _entry(builder, field)):
            result = None if policy.get(field.name) == KEEP else new
        elif _entry(builder, field).get("rank", 0) > rank:
            continue
        else:
            result = _settled(field, old, new, policy.get(field.name, field.policy))
        if result is not None and not _is_same(field, old, result):
            found[field.name] = [plain(old), plain(result)]
    return found


def _entry(builder: Stored, field: Field) -> dict[str, Any]:
    return builder.provenance.get(field.name) or {}


def _settled(field: Field, old: Any, new: Any, policy: str) -> Any:
    """Return what becomes of a field that has a value, or None where nothing does."""
    if policy in (KEEP, FILL):
        return None
    # Pictures hang on projects: an import adds some and takes none away.
    if policy == ADD or field.name in ("extra", "portfolio"):
        return merged(field, old, new) if isinstance(old, list | dict) else new
    return new


def _is_same(field: Field, old: Any, new: Any) -> bool:
    if old == new:
        return True
    if field.name == "specialisations" and old is not None:
        # The directory has one spelling for each, whatever a source writes.
        identity = field.identity
        return identity is not None and [identity(item) for item in old] == [identity(item) for item in new]
    return False


def changed(builder: Stored, changes: Difference, origin: Origin, at: dt.datetime) -> Stored:
    """Return the builder with the difference applied, one `rev` on."""
    after = assign(builder.record, {name: value for name, (_, value) in changes.items()})
    return msgspec.structs.replace(
        builder,
        record=after,
        provenance={**builder.provenance, **said_by(changes, origin, at)},
        rev=builder.rev + 1,
        updated_at=at,
    )


def said_by(fields: Iterable[str], origin: Origin, at: dt.datetime) -> dict[str, dict[str, Any]]:
    entry = origin.entry(at)
    return dict.fromkeys(fields, entry)


def fields_of(record: Record) -> list[str]:
    """Return the fields of which a record says something."""
    return [name for name in differing_fields(_NOTHING, record) if said(record, FIELDS[name]) is not None]
