"""What a chunk of staged rows comes to, worked out before the transaction that writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone

from builders.models import ImportChange, ImportJob, ImportRow, SourceKey
from builders.record import Record
from builders.services.provenance import Difference, Origin, changed, fields_of, said_by
from builders.services.slugs import give_slugs
from builders.services.stored import Stored, thawed
from builders.services.tables import insert_missing_rows, insert_rows, ready, upsert_rows
from builders.services.writing import KEY_COLUMNS, Insertion, Replacement, give_ids
from realtime.ids import new_uid

Outcome = ImportRow.Outcome
_CHANGE = ("job_id", "row_number", "builder_id", "is_new", "rev", "is_undone")
_records = msgspec.json.Decoder(Record)
_differences = msgspec.json.Decoder(dict[str, list[Any]])


class Row(NamedTuple):
    """A staged row that is to be written. `before` is there for a builder that changes.

    `values` is there for one that is new, and where other sources have names for it.
    """

    number: int
    outcome: str
    key: str
    fingerprint: str
    builder: int | None
    rev: int | None
    values: str | None
    difference: str
    before: str | None


def other_keys(values: str | None) -> dict[str, str]:
    """Return the names that other sources have for the builder of a staged row."""
    return _records.decode(values).other_keys if values and '"other_keys"' in values else {}


class Draft:
    """All rows of the database that come of some staged rows. `slugs` are those that it gives to new builders."""

    def __init__(self, job: ImportJob, rows: Sequence[Row], avoided_slugs: Iterable[str] = ()) -> None:
        self._job, self._now, self.rows = job, timezone.now(), rows
        created = [(row, self._created(row)) for row in rows if row.outcome == Outcome.CREATED]
        updated = [(row, *self._updated(row)) for row in rows if row.outcome == Outcome.UPDATED]
        builders = [builder for _, builder in created]
        give_ids(builders)
        give_slugs(builders, avoided_slugs)
        self.slugs = {builder.slug for builder in builders}
        self._insertion = Insertion(builders)
        self._replacement = Replacement([(before, after) for _, before, after in updated])
        self._new_keys = ready([self._key(row, builder.id) for row, builder in created])
        self._known_keys = ready([self._key(row, row.builder) for row in rows if row.outcome != Outcome.CREATED])
        others = [(row.values, builder.id) for row, builder in created]
        others += [(row.values, row.builder or 0) for row in rows if row.outcome != Outcome.CREATED]
        self._other_keys = ready([key for values, builder in others for key in self._keys_elsewhere(values, builder)])
        self._changes = ready(
            [
                *((job.pk, row.number, builder.id, True, builder.rev, False) for row, builder in created),
                *((job.pk, row.number, after.id, False, after.rev, False) for row, _, after in updated),
            ]
        )

    def write(self) -> None:
        """Write everything, inside the caller's transaction, which holds the locks of the builders that change."""
        self._insertion.write()
        self._replacement.write()
        insert_rows(SourceKey, KEY_COLUMNS, self._new_keys)
        upsert_rows(SourceKey, KEY_COLUMNS, self._known_keys, unique=("source", "key"))
        # One that leads to another builder goes on doing so.
        insert_missing_rows(SourceKey, KEY_COLUMNS, self._other_keys)
        insert_rows(ImportChange, _CHANGE, self._changes)

    def _created(self, row: Row) -> Stored:
        record = _records.decode(row.values or "{}")
        record.key, record.other_keys = "", {}
        return Stored(
            record=record,
            uid=new_uid(),
            provenance=said_by(fields_of(record), self._origin(row), self._now),
            created_at=self._now,
            updated_at=self._now,
        )

    def _updated(self, row: Row) -> tuple[Stored, Stored]:
        before = thawed(row.before or "")
        changes: Difference = _differences.decode(row.difference)
        return before, changed(before, changes, self._origin(row), self._now)

    def _origin(self, row: Row) -> Origin:
        return Origin(source=self._job.source, rank=self._job.rank, job=self._job.uid, row=row.number)

    def _keys_elsewhere(self, values: str | None, builder: int) -> list[tuple[Any, ...]]:
        return [(source, key, builder, "", None) for source, key in other_keys(values).items()]

    def _key(self, row: Row, builder: int | None) -> tuple[Any, ...]:
        return self._job.source, row.key, builder, row.fingerprint, self._now
