"""JSON files: records of a known format, or a table with a column for each key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from builders.importing import limits
from builders.importing.errors import FileRefused
from builders.importing.javascript import number, stringify
from builders.importing.json_shapes import shape_of
from builders.importing.json_store import Store
from builders.importing.json_stream import JsonStream
from builders.importing.layout import Note
from builders.importing.text_encoding import marked, open_text

# Small objects whose parts are columns of their own everywhere else; other objects stay together, as JSON in a cell.
_SPREAD: Final = frozenset(("location", "coordinates", "displayName", "display_name"))


class JsonFile:
    """A JSON file that was read once from end to end: it is whole, and what is in it is known.

    `shape` is the format of most of its records, "" for a table. `columns` are the keys of a table in order.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self.encoding = marked(file.read(limits.START)) or "utf-8"
        self.total = 0
        self.shape = ""
        self.columns: list[str] = []
        self.notes: list[Note] = []
        self._survey()

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records, numbered from 1."""
        with closing(open_text(self._path, self.encoding, is_strict=True)) as stream:
            store = Store(JsonStream(stream), is_checked=False)
            for position, (_, record) in enumerate(store.records(), 1):
                yield position, record

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the records as rows of a table, numbered from 1."""
        for position, record in self.records():
            spread = dict(_spread(record))
            yield position, [_text(spread.get(column)) for column in self.columns]

    def _survey(self) -> None:
        shapes: Counter[str] = Counter()
        columns: dict[str, None] = {}
        with closing(open_text(self._path, self.encoding, is_strict=True)) as stream:
            store = Store(JsonStream(stream), is_checked=True)
            for origin, record in store.records():
                shape = shape_of(record, origin)
                shapes[shape] += 1
                # What has a format needs no columns; what has none must not fill the memory with them.
                if not shape and len(columns) <= limits.MAX_COLUMNS:
                    columns.update((column, None) for column, _ in _spread(record))
        if not shapes:
            raise FileRefused("empty", "This file has no records.")
        self.total = shapes.total()
        self.shape = shapes.most_common(1)[0][0]
        self.columns = [] if self.shape else list(columns)
        self.notes = [*store.notes(), *self._mixed(shapes)]
        if len(self.columns) > limits.MAX_COLUMNS:
            message = f"The records have more than {limits.MAX_COLUMNS:,} different keys: this is no list of firms."
            raise FileRefused("too_many_columns", message)

    def _mixed(self, shapes: Counter[str]) -> list[Note]:
        strangers = self.total - shapes[self.shape]
        if not strangers:
            return []
        return [Note("mixed", f"{strangers} of {self.total} records are not of the same format as the others.")]


def _spread(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if key in _SPREAD and isinstance(value, dict):
            yield from ((f"{key}.{inner}", part) for inner, part in value.items())
        else:
            yield key, value


def _text(value: Any) -> str:
    """Return a value as the cell of a table: a list by semicolons where they divide it clearly, else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # A long number is somebody's name for something, and must keep its last digits.
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list) and all(isinstance(part, str) and ";" not in part for part in value):
        return "; ".join(value)
    return stringify(value)
