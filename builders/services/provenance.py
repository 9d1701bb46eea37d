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
_HEADQUARTERS = FIELDS["headquarters"]


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
    differing = differing_fields(builder.record, record).difference(builder.locked_fields)
    for name in filter(differing.__contains__, FIELDS):
        field = FIELDS[name]
        new = said(record, field)
        if new is None:
            continue
        old, entry = said(builder.record, field), builder.provenance.get(name) or {}
        if old is None or (name in _DEFAULTS and old == _DEFAULTS[name] and not entry):
            result = None if policy.get(name) == KEEP else new
        elif entry.get("rank", 0) > rank:
            continue
        else:
            result = _settled(field, old, new, policy.get(name, field.policy))
        if result is not None and not _is_same(field, old, result):
            found[name] = plain([old, result])
    return found


def _settled(field: Field, old: Any, new: Any, policy: str) -> Any:
    """Return what becomes of a field that has a value, or None where nothing does."""
    if policy in (KEEP, FILL):
        return None
    # Pictures hang on projects: an import adds some and takes none away.
    if policy == ADD or field.name in ("extra", "portfolio"):
        return merged(field, old, new) if isinstance(old, (list, dict)) else new
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


def fields_of(record: Record) -> set[str]:
    """Return the fields of which a record says something."""
    found = differing_fields(_NOTHING, record)
    # All others say something as soon as they are not as they are in a new record.
    if said(record, _HEADQUARTERS) is None:
        found.discard(_HEADQUARTERS.name)
    return found
