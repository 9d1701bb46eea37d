"""What a chunk of staged rows comes to, worked out before the transaction that writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone

from builders.models import Builder, ImportChange, ImportJob, ImportRow, SourceKey
from builders.record import Record
from builders.services.provenance import Difference, Origin, changed, fields_of, said_by
from builders.services.slugs import free_slugs, wishes_of
from builders.services.stored import FIRST_REV, Stored, thawed
from builders.services.tables import fetch, insert_missing_rows, insert_rows, new_ids, ready, upsert_rows
from builders.services.writing import KEY_COLUMNS, Insertion, Replacement
from realtime.ids import new_uid

Outcome = ImportRow.Outcome
_CHANGE = ("job_id", "row_number", "builder_id", "is_new", "rev", "is_undone")
_ROWS = """
SELECT number, outcome, source_key, builder_id, builder_rev, fingerprint,
    CASE WHEN outcome = 'created' OR "values" LIKE '%%"other_keys"%%' THEN "values" END, difference, before
FROM builders_importrow
WHERE job_id = %s AND number > %s AND number <= %s AND outcome IN ('created', 'updated', 'unchanged') {which}
ORDER BY number
"""
_records = msgspec.json.Decoder(Record)
_differences = msgspec.json.Decoder(dict[str, list[Any]])


class Span(NamedTuple):
    """Rows by their numbers: those behind the first one, up to the last one. `ids` are for new builders."""

    after: int
    upto: int
    ids: Sequence[int] = ()


class Row(NamedTuple):
    """What a staged row that is to be written is about."""

    number: int
    outcome: str
    key: str
    builder: int | None
    rev: int | None


class _Content(NamedTuple):
    """What a staged row says. `before` is there for a builder that changes.

    `values` is there for one that is new, and where other sources have names for it.
    """

    fingerprint: str
    values: str | None
    difference: str
    before: str | None


def other_keys(values: str | None) -> dict[str, str]:
    """Return the names that other sources have for the builder of a staged row."""
    return _records.decode(values).other_keys if values and '"other_keys"' in values else {}


class Drafting:
    """Makes drafts of the rows of a job. Can be pickled."""

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        # After the first time, what is left are the rows that somebody has decided on since.
        self.which = "" if job.committed_at is None else "AND is_decided"

    def __call__(self, span: Span, without: Collection[int] = ()) -> Draft:
        """Return what those rows come to; `without` are the numbers of some that are left out."""
        found = fetch(_ROWS.format(which=self.which), [self._job.pk, span.after, span.upto])
        rows = [(Row(*row[:5]), _Content(*row[5:])) for row in found if row[0] not in without]
        return Draft(self._job, span, rows)


class Draft:
    """All rows of the database that come of some staged rows. Can be pickled."""

    def __init__(self, job: ImportJob, span: Span, rows: Sequence[tuple[Row, _Content]]) -> None:
        self._job, self._now, self.span, self.rows = job, timezone.now(), span, [row for row, _ in rows]
        created = [(row, said) for row, said in rows if row.outcome == Outcome.CREATED]
        updated = [(row, said) for row, said in rows if row.outcome == Outcome.UPDATED]
        new = dict(zip([row.number for row, _ in created], span.ids or new_ids(Builder, len(created)), strict=False))
        self._wishes: list[tuple[str, ...]] = []
        # Each builder is gone again when the next ones are made: only its rows are kept.
        self._insertion = Insertion(self._created(row, said, new[row.number]) for row, said in created)
        self._replacement = Replacement(self._updated(row, said) for row, said in updated)
        pairs = [(row, said, new.get(row.number) or row.builder) for row, said in rows]
        self._new_keys = ready([self._key(*it) for it in pairs if it[0].outcome == Outcome.CREATED])
        self._known_keys = ready([self._key(*it) for it in pairs if it[0].outcome != Outcome.CREATED])
        self._other_keys = ready(
            [(*key, builder, "", None) for _, said, builder in pairs for key in other_keys(said.values).items()]
        )
        self._changes = ready(
            [
                *((job.pk, row.number, new[row.number], True, FIRST_REV, False) for row, _ in created),
                *((job.pk, row.number, row.builder, False, (row.rev or 0) + 1, False) for row, _ in updated),
            ]
        )

    def write_names(self, avoided_slugs: Iterable[str] = ()) -> Sequence[str]:
        """Write what no two builders may have: first, so that others can be written beside the rest.

        Inside the caller's transaction, which holds the locks of the builders that change. Return the slugs of the new
        ones; `avoided_slugs` are given away, and perhaps not committed yet.
        """
        slugs = free_slugs(self._wishes, avoided_slugs)
        self._insertion.write_names(slugs)
        self._replacement.write_names()
        insert_rows(SourceKey, KEY_COLUMNS, self._new_keys)
        upsert_rows(SourceKey, KEY_COLUMNS, self._known_keys, unique=("source", "key"))
        # One that leads to another builder goes on doing so.
        insert_missing_rows(SourceKey, KEY_COLUMNS, self._other_keys)
        return slugs

    def write_rest(self) -> None:
        self._insertion.write_rest()
        self._replacement.write_rest()
        insert_rows(ImportChange, _CHANGE, self._changes)

    def _created(self, row: Row, said: _Content, pk: int) -> Stored:
        record = _records.decode(said.values or "{}")
        record.key, record.other_keys = "", {}
        builder = Stored(
            record=record,
            id=pk,
            uid=new_uid(),
            provenance=said_by(fields_of(record), self._origin(row), self._now),
            created_at=self._now,
            updated_at=self._now,
        )
        self._wishes.append(wishes_of(builder))
        return builder

    def _updated(self, row: Row, said: _Content) -> tuple[Stored, Stored]:
        before = thawed(said.before or "")
        changes: Difference = _differences.decode(said.difference)
        return before, changed(before, changes, self._origin(row), self._now)

    def _origin(self, row: Row) -> Origin:
        return Origin(source=self._job.source, rank=self._job.rank, job=self._job.uid, row=row.number)

    def _key(self, row: Row, said: _Content, builder: int | None) -> tuple[Any, ...]:
        return self._job.source, row.key, builder, said.fingerprint, self._now
