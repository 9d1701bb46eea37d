"""Empties the database after a test that commits, quickly.

Django truncates all tables and makes all content types and permissions anew, which takes longer than most tests. Here
only tables with rows are emptied, and what belongs to the installation stays.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase

# Made by migrations, changed by no test.
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def clean_quickly() -> None:
    """From now on tests that commit leave the database by `empty_tables`."""
    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign]


def _fixture_teardown(case: Any) -> None:
    empty_tables()


def empty_tables() -> None:
    """Delete all rows that a test may have left."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_question())
        filled = [name for (name,) in cursor.fetchall()]
        # In one transaction, for foreign keys are looked at only at its end.
        for name in filled:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")


@cache
def _question() -> str:
    """Return the statement that names the tables with rows."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    quoted = [(name, connection.ops.quote_name(name)) for name in sorted(set(names) - _KEPT)]
    return " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {table})" for name, table in quoted)
