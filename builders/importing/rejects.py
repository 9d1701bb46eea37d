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


def errors_csv(*jobs: ImportJob) -> Iterator[str]:
    """Yield the lines of a CSV file with the rows that have errors: their cells, then row, column, code, message.

    Records of a JSON file have a column for each of their keys; what is nested stands in it as JSON. Rows of several
    files stand under the columns of all of them.
    """
    headers = [_header(job) for job in jobs]
    names = list(dict.fromkeys(name for header in headers for name in header))
    yield "\ufeff" + _line([*names, *ADDED])
    for job, header in zip(jobs, headers, strict=True):
        for row in _rejected(job):
            cells = _cells(row.cells, header)
            if header != names:
                named = dict(zip(header, cells, strict=True))
                cells = [named.get(name, "") for name in names]
            yield _line([*cells, *_said(row), *_too_many(row.cells, header)])


def _rejected(job: ImportJob) -> Iterator[ImportRow]:
    rows = ImportRow.objects.filter(job=job, outcome=ImportRow.Outcome.ERROR).order_by("number")
    return rows.iterator(chunk_size=500)


def _header(job: ImportJob) -> list[str]:
    if job.header:
        return list(job.header)
    return list(dict.fromkeys(key for row in _rejected(job) for key in row.cells))


def _cells(cells: list[str] | dict[str, Any], header: list[str]) -> list[str]:
    if isinstance(cells, dict):
        return [_text(cells.get(name, "")) for name in header]
    return [*cells[: len(header)], *[""] * (len(header) - len(cells))]


def _too_many(cells: list[str] | dict[str, Any], header: list[str]) -> list[str]:
    """Return the cells that have no column. Behind ours they keep the row an error until somebody has put it right."""
    return cells[len(header) :] if isinstance(cells, list) else []


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
