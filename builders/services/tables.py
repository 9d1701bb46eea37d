"""Many rows in few statements: `COPY` and set-based updates on PostgreSQL, prepared statements in bulk on SQLite.

Column names come from our own code, never from a file. JSON goes in as text.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection, models, transaction

from builders.services.copying import copy_lines

Row = Sequence[Any]


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def among(kind: str, *, has_index: bool = True) -> str:
    """Return the condition for one list parameter of any length, as `listed` makes it. `kind`: `bigint` or `text`.

    PostgreSQL is not shown the list while it plans: for thousands of values it would read the whole table, with other
    processes to help it, which takes several times as long as an index and longer with every firm. Texts are hashed
    where the table is small. Ids are searched from the first one there, a little cheaper where an index asks for them,
    and without one a great deal dearer: `has_index`.
    """
    if not is_postgres():
        return "IN (SELECT value FROM json_each(%s))"
    if kind == "bigint" and has_index:
        return "= ANY((SELECT %s::bigint[])::bigint[])"
    return f"= ANY(SELECT unnest((SELECT %s::{kind}[])))"


def listed(values: Iterable[Any]) -> Any:
    """Return the values, numbers or texts without NUL, as the parameter of `among`."""
    return _array(list(values)) if is_postgres() else json.dumps(list(values))


def _array(values: list[Any]) -> str:
    """Return an array as PostgreSQL writes it: for thousands of texts in a tenth of the time that the driver takes."""
    if not values or not isinstance(values[0], str):
        return f"{{{','.join(map(str, values))}}}"
    inner = '","'.join(values)
    if "\\" in inner or inner.count('"') != 2 * (len(values) - 1):
        inner = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in values])
    return f'{{"{inner}"}}'


def fetch(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def need_no_flush() -> None:
    """Let the present transaction be committed before it is on the disk: who lost it to a power cut would do it again.

    It is never lost in part, nor before one that was committed earlier.
    """
    if is_postgres():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


def wait_no_longer(seconds: int) -> None:
    """Let statements of the present transaction fail that wait longer for a lock: PostgreSQL would wait for ever."""
    if is_postgres():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout TO '{seconds}s'")


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """Return primary keys that nobody else gets, whether the caller is in a transaction or not."""
    if not count:
        return []
    table = model._meta.db_table
    if is_postgres():
        # The sequence is looked up once, and not for each number.
        sql = """
            WITH found AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence)
            SELECT nextval(sequence) FROM found, generate_series(1, %s)
        """
        return [pk for (pk,) in fetch(sql, [table, count])]
    with transaction.atomic():
        # SQLite counts on from what stands here, but makes the row itself only with the first insert.
        rows = fetch("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, table])
        if not rows:
            sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s) RETURNING seq"
            rows = fetch(sql, [table, count])
    last: int = rows[0][0]
    return list(range(last - count + 1, last + 1))


@dataclass(slots=True)
class Ready:
    """Rows in the form that the database takes. To make them asks nobody, so that it can be done beforehand."""

    count: int = 0
    lines: bytearray = field(default_factory=bytearray)
    tuples: list[Row] = field(default_factory=list)

    def add(self, rows: Sequence[Row]) -> None:
        self.count += len(rows)
        if is_postgres():
            self.lines += copy_lines(rows)
        else:
            self.tuples += [_for_sqlite(row) for row in rows]


def ready(rows: Sequence[Row] | Ready) -> Ready:
    """Return the rows in that form, where they are not in it yet."""
    if isinstance(rows, Ready):
        return rows
    made = Ready()
    made.add(rows)
    return made


def with_column(rows: Ready, values: Sequence[str]) -> Ready:
    """Return the rows with one text more in each, which was not known when they were made ready."""
    if not is_postgres():
        return Ready(rows.count, tuples=[(*row, value) for row, value in zip(rows.tuples, values, strict=True)])
    texts = copy_lines([[value] for value in values])
    # A line ends in no other way than a row.
    pairs = zip(rows.lines.splitlines(), texts.splitlines(keepends=True), strict=True)
    return Ready(rows.count, lines=bytearray().join([line + b"\t" + text for line, text in pairs]))


def with_ends(rows: Ready, start: int, ends: Mapping[int, Row]) -> Ready:
    """Return the rows, some of them, by their numbers, with other values from the column `start` on."""
    if not ends:
        return rows
    if not is_postgres():
        tuples = [(*row[:start], *ends[n]) if n in ends else row for n, row in enumerate(rows.tuples)]
        return Ready(rows.count, tuples=tuples)
    lines = rows.lines.splitlines(keepends=True)
    for number, end in ends.items():
        lines[number] = bytearray(b"\t").join([*lines[number].split(b"\t")[:start], copy_lines([end])])
    return Ready(rows.count, lines=bytearray().join(lines))


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row] | Ready) -> None:
    rows = ready(rows)
    if not rows.count:
        return
    table, names = model._meta.db_table, _quoted(columns)
    with connection.cursor() as cursor:
        if is_postgres():
            _copy(cursor, table, names, rows.lines)
        else:
            marks = ", ".join(["%s"] * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
            cursor.executemany(sql, rows.tuples)


def update_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row] | Ready, key: int = 1) -> None:
    """Set the columns of rows that exist; the first `key` columns say which."""
    rows = ready(rows)
    if not rows.count:
        return
    table, found, changed = model._meta.db_table, columns[:key], columns[key:]
    with connection.cursor() as cursor:
        if is_postgres():
            _copy_aside(cursor, table, columns, rows.lines)
            assignments = ", ".join(f'"{name}" = incoming."{name}"' for name in changed)
            where = " AND ".join(f'target."{name}" = incoming."{name}"' for name in found)
            cursor.execute(f"UPDATE {table} AS target SET {assignments} FROM incoming WHERE {where}")  # noqa: S608
            cursor.execute("DROP TABLE incoming")
        else:
            assignments = ", ".join(f'"{name}" = %s' for name in changed)
            where = " AND ".join(f'"{name}" = %s' for name in found)
            sql = f"UPDATE {table} SET {assignments} WHERE {where}"  # noqa: S608
            cursor.executemany(sql, [(*row[key:], *row[:key]) for row in rows.tuples])


def upsert_rows(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Row] | Ready, unique: Sequence[str]
) -> None:
    """Insert rows, or set the columns of those that exist under the same `unique` columns."""
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in unique)
    _insert_unless(f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {changed}", model, columns, rows)


def insert_missing_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row] | Ready) -> None:
    """Insert those of the rows that no unique constraint forbids."""
    _insert_unless("ON CONFLICT DO NOTHING", model, columns, rows)


def _insert_unless(
    conflict: str, model: type[models.Model], columns: Sequence[str], rows: Sequence[Row] | Ready
) -> None:
    rows = ready(rows)
    if not rows.count:
        return
    table, names = model._meta.db_table, _quoted(columns)
    with connection.cursor() as cursor:
        if is_postgres():
            _copy_aside(cursor, table, columns, rows.lines)
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming {conflict}")  # noqa: S608
            cursor.execute("DROP TABLE incoming")
        else:
            marks = ", ".join(["%s"] * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) {conflict}"  # noqa: S608
            cursor.executemany(sql, rows.tuples)


def delete_rows(model: type[models.Model], ids: Iterable[int], *, column: str = "builder_id", where: str = "") -> None:
    """Delete the rows that belong to the builders with these ids; `where` narrows it down, in SQL of our own."""
    ids = list(ids)
    if not ids:
        return
    condition = f"{column} {among('bigint')}" + (f" AND {where}" if where else "")
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {condition}", [listed(ids)])  # noqa: S608


def _quoted(columns: Sequence[str]) -> str:
    """Some of our columns are called what SQL calls something else."""
    return ", ".join(f'"{name}"' for name in columns)


def _copy(cursor: Any, table: str, names: str, lines: bytearray) -> None:
    # Django turns the errors of statements into its own, and does not know this one.
    with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        copy.write(lines)


def _copy_aside(cursor: Any, table: str, columns: Sequence[str], lines: bytearray) -> None:
    """Put the rows into a table of this transaction's own with the columns of `table`."""
    names = _quoted(columns)
    # Types alone, no constraint and no index.
    cursor.execute(f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")  # noqa: S608
    _copy(cursor, "incoming", names, lines)


def _for_sqlite(row: Row) -> list[Any]:
    return [value if value.__class__ in _PLAIN else _adapted(value) for value in row]


_PLAIN = frozenset({str, int, bool, type(None), float})


def _adapted(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value) if isinstance(value, dt.date) else value
