"""Rows as PostgreSQL's COPY reads them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection

from builders.models import MappingPreset
from builders.services.copying import copy_lines
from builders.services.tables import Ready, among, fetch, insert_missing_rows, insert_rows, listed, ready, with_ends

TEXTS = ["plain", "", "a\tb", "line\nline\r\n", "back\\slash \\N \\.", "Łódź 東京 👋", "\"quoted\", 'too'", "\x01\x7f"]


@pytest.mark.backend("sqlite")
def test_values_of_every_type_are_written_as_they_are_read():
    at = dt.datetime(2026, 11, 21, 10, 30, 0, 123456, tzinfo=dt.UTC)
    row = (1, True, False, None, Decimal("1.50"), at, at.date(), "a\tb\\", MappingPreset.__name__)
    line = b"1\tt\tf\t\\N\t1.50\t2026-11-21T10:30:00.123456+00:00\t2026-11-21\ta\\tb\\\\\tMappingPreset\n"
    assert copy_lines([row]) == line
    # Columns of one type are written in another way than mixed ones.
    mixed = line.replace(b"\n", b"\t\n") + b"\t" + line
    assert copy_lines([(*row, ""), ("", *row)]) == mixed
    assert copy_lines([]) == b""


@pytest.mark.django_db
def test_texts_come_back_to_the_letter():
    columns = ("name", "source", "header", "mapping", "created_at")
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    rows = ready([(f"{number}{text}", text, "[]", "{}", now) for number, text in enumerate(TEXTS)])
    insert_rows(MappingPreset, columns, rows)
    insert_missing_rows(MappingPreset, columns, rows)
    assert list(MappingPreset.objects.order_by("pk").values_list("source", flat=True)) == TEXTS
    assert set(MappingPreset.objects.values_list("created_at", flat=True)) == {now}


@pytest.mark.django_db
def test_rows_that_were_made_ready_get_other_ends():
    columns = ("name", "source", "header", "mapping", "created_at")
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    rows = Ready()
    for number, text in enumerate(TEXTS):
        rows.add([(f"{number}{text}", text, "[]", "{}", now)])
    assert with_ends(rows, 1, {}) is rows
    insert_rows(
        MappingPreset, columns, with_ends(rows, 1, {2: ("two\n\t", '["2"]', "{}", now), 7: ("", "[]", "{}", now)})
    )
    found = list(MappingPreset.objects.order_by("pk").values_list("name", "source"))
    sources = [*TEXTS[:2], "two\n\t", *TEXTS[3:7], ""]
    assert found == [
        (f"{number}{text}", source) for (number, text), source in zip(enumerate(TEXTS), sources, strict=True)
    ]
    assert MappingPreset.objects.get(source="two\n\t").header == ["2"]


@pytest.mark.django_db
@pytest.mark.parametrize("texts", [TEXTS, ["{a,b}", '"', "\\"], [""], []], ids=["hard", "harder", "empty", "none"])
def test_list_of_texts_reaches_the_database_to_the_letter(texts):
    marks = "unnest(%s::text[])" if connection.vendor == "postgresql" else "(SELECT value FROM json_each(%s))"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {marks}", [listed(texts)])
        assert [text for (text,) in cursor.fetchall()] == texts


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "has_index"), [("text", True), ("text", False), ("bigint", True), ("bigint", False)])
def test_rows_among_many_are_found_without_reading_all(kind, has_index):
    columns = ("name", "source", "header", "mapping", "created_at")
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    insert_rows(MappingPreset, columns, [(f"{number:>80}", "a", "[]", "{}", now) for number in range(3000)])
    column = "id" if kind == "bigint" else "name"
    wanted = list(MappingPreset.objects.order_by("pk").values_list(column, flat=True))[::3]
    sql = f"SELECT {column} FROM builders_mappingpreset WHERE {column} {among(kind, has_index=has_index)}"
    assert sorted(value for (value,) in fetch(sql, [listed(wanted)])) == wanted
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE builders_mappingpreset")
        plan = " ".join(line for (line,) in fetch(f"EXPLAIN {sql}", [listed(wanted)]))
        assert "Seq Scan" not in plan
