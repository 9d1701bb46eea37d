"""Many rows in few statements: `COPY` and set-based updates on PostgreSQL, prepared statements in bulk on SQLite.

Column names come from our own code, never from a file. JSON goes in as text.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, models, transaction

Row = Sequence[Any]


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def among(kind: str) -> str:
    """Return the condition for one list parameter of any length, as `listed` makes it. `kind`: `bigint` or `text`."""
    return f"= ANY(%s::{kind}[])" if is_postgres() else "IN (SELECT value FROM json_each(%s))"


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


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """Return primary keys that nobody else gets, whether the caller is in a transaction or not."""
    table = model._meta.db_table
    if is_postgres():
        sql = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        return [pk for (pk,) in fetch(sql, [table, count])]
    with transaction.atomic():
        # SQLite counts on from what stands here, but makes the row itself only with the first insert.
        rows = fetch("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, table])
        if not rows:
            sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s) RETURNING seq"
            rows = fetch(sql, [table, count])
    last: int = rows[0][0]
    return list(range(last - count + 1, last + 1))


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    if not rows:
        return
    table, names = model._meta.db_table, _quoted(columns)
    with connection.cursor() as cursor:
        if is_postgres():
            _copy(cursor, table, names, rows)
        else:
            marks = ", ".join(["%s"] * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
            cursor.executemany(sql, [_for_sqlite(row) for row in rows])


def update_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], key: int = 1) -> None:
    """Set the columns of rows that exist; the first `key` columns say which."""
    if not rows:
        return
    table, found, changed = model._meta.db_table, columns[:key], columns[key:]
    with connection.cursor() as cursor:
        if is_postgres():
            _copy_aside(cursor, table, columns, rows)
            assignments = ", ".join(f'"{name}" = incoming."{name}"' for name in changed)
            where = " AND ".join(f'target."{name}" = incoming."{name}"' for name in found)
            cursor.execute(f"UPDATE {table} AS target SET {assignments} FROM incoming WHERE {where}")  # noqa: S608
            cursor.execute("DROP TABLE incoming")
        else:
            assignments = ", ".join(f'"{name}" = %s' for name in changed)
            where = " AND ".join(f'"{name}" = %s' for name in found)
            sql = f"UPDATE {table} SET {assignments} WHERE {where}"  # noqa: S608
            prepared = (_for_sqlite(row) for row in rows)
            cursor.executemany(sql, [(*row[key:], *row[:key]) for row in prepared])


def upsert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], unique: Sequence[str]) -> None:
    """Insert rows, or set the columns of those that exist under the same `unique` columns."""
    if not rows:
        return
    table, names = model._meta.db_table, _quoted(columns)
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in unique)
    conflict = f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {changed}"
    with connection.cursor() as cursor:
        if is_postgres():
            _copy_aside(cursor, table, columns, rows)
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming {conflict}")  # noqa: S608
            cursor.execute("DROP TABLE incoming")
        else:
            marks = ", ".join(["%s"] * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) {conflict}"  # noqa: S608
            cursor.executemany(sql, [_for_sqlite(row) for row in rows])


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


def _copy(cursor: Any, table: str, names: str, rows: Sequence[Row]) -> None:
    # Django turns the errors of statements into its own, and does not know this one.
    with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _copy_aside(cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Put the rows into a table of this transaction's own with the columns of `table`."""
    names = _quoted(columns)
    # Types alone, no constraint and no index.
    cursor.execute(f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")  # noqa: S608
    _copy(cursor, "incoming", names, rows)


def _for_sqlite(row: Row) -> tuple[Any, ...]:
    return tuple(_adapted(value) if isinstance(value, dt.date | Decimal) else value for value in row)


def _adapted(value: dt.date | Decimal) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value)
