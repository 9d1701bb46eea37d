"""The rows that could not be imported, as a file to be corrected and uploaded again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from builders.models import ImportJob, ImportRow

# Behind the cells as they came. No synonym of any field, so a second upload leaves them out.
ADDED = ("error_row", "error_column", "error_code", "error_message")
# What spreadsheets take for a formula. The reader of our files takes the apostrophe off again.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def errors_csv(job: ImportJob) -> Iterator[str]:
    """Yield the lines of a CSV file with the rows that have errors: their cells, then row, column, code, message.

    Records of a JSON file have a column for each of their keys; what is nested stands in it as JSON.
    """
    rows = ImportRow.objects.filter(job=job, outcome=ImportRow.Outcome.ERROR).order_by("number")
    header = _header(job)
    yield "\ufeff" + _line([*header, *ADDED])
    for row in rows.iterator(chunk_size=500):
        yield _line([*_cells(row.cells, header), *_said(row)])


def _header(job: ImportJob) -> list[str]:
    if job.header:
        return list(job.header)
    rows = ImportRow.objects.filter(job=job, outcome=ImportRow.Outcome.ERROR).order_by("number")
    return list(dict.fromkeys(key for row in rows.iterator(chunk_size=500) for key in row.cells))


def _cells(cells: list[str] | dict[str, Any], header: list[str]) -> list[str]:
    if isinstance(cells, dict):
        return [_text(cells.get(name, "")) for name in header]
    # A row that has too many cells would push ours out of their columns.
    return [*cells[: len(header)], *[""] * (len(header) - len(cells))]


def _said(row: ImportRow) -> list[str]:
    errors = [problem for problem in row.problems if problem.get("is_error")]
    columns = [[problem.get(name, "") for problem in errors] for name in ("column", "code", "message")]
    return [str(row.number), *(" | ".join(dict.fromkeys(filter(None, texts))) for texts in columns)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue()
