"""What an import reads from, whatever its file is: numbered rows, a record for each, and a fingerprint of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec

from builders.importing import exported, google, legacy
from builders.importing.errors import FileRefused
from builders.importing.files import open_table
from builders.importing.json_shapes import BUILDER, BUILDER_FLAT, LISTING, PLACES_CLASSIC, PLACES_NEW
from builders.importing.layout import Layout
from builders.importing.mapping import Mapping
from builders.importing.presets import BUILDERS
from builders.importing.tables import Table
from builders.importing.values import Reader
from builders.record import Problem, Record

Cells = list[str] | dict[str, Any]
Understood = tuple[Record, list[Problem]]


class Source(Protocol):
    """`header` names the cells of a row; it is empty where rows are records. `total` may be an estimate.

    `superseded` are the numbers of rows that say something older than another row does, with the number of that one.
    """

    header: list[str]
    total: int
    superseded: dict[int, int]

    def rows(self, after: int = 0) -> Iterator[tuple[int, Cells]]: ...

    def read(self, cells: Any) -> Understood: ...

    def fingerprint(self, cells: Any) -> str: ...


class FileSource:
    """An opened file with the mapping that staff confirmed. Close it, or use it in a `with` statement."""

    def __init__(self, table: Table, mapping: Mapping, region: str, policy: dict[str, str]) -> None:
        self._table = table
        self.header, self.total = table.header, table.total
        self.superseded = self._superseded()
        self.read = self._reader(mapping, region)
        # An unchanged row that is to be understood in another way has to be read again.
        meaning = msgspec.json.encode([self.header, mapping, region, policy, table.layout.repaired], order="sorted")
        self._hasher = hashlib.blake2b(meaning, digest_size=16)

    def rows(self, after: int = 0) -> Iterator[tuple[int, Cells]]:
        """Yield the rows behind number `after`."""
        return self._table.records(after) if self._table.kind == "records" else self._table.rows(after)

    def fingerprint(self, cells: Any) -> str:
        """Return what stays the same as long as the row does, and the way it is understood."""
        hasher = self._hasher.copy()
        # No cell holds a unit separator but by design, and then its row is only read once more than needed.
        whole = "\x1f".join(cells).encode("utf-8", "surrogatepass") if isinstance(cells, list) else _sorted_json(cells)
        hasher.update(whole)
        return hasher.hexdigest()

    def _superseded(self) -> dict[int, int]:
        if self._table.layout.shape not in (BUILDER, BUILDER_FLAT):
            return {}
        return legacy.superseded(self._table.records())

    def _reader(self, mapping: Mapping, region: str) -> Callable[[Any], Understood]:
        if self._table.kind == "rows" and mapping.preset == exported.PRESET:
            ignored = [title for title, field in zip(self.header, mapping.fields, strict=True) if not field]
            return exported.ExportReader(self.header, region, ignored).read
        if self._table.kind == "rows":
            if mapping.target != BUILDERS:
                raise FileRefused("no_builders", f"This table holds {mapping.target}, and no builders.")
            if not mapping.is_named:
                raise FileRefused("no_names", "It is not known which column holds the names of the firms.")
            return Reader(mapping, self.header, region).read
        shape = self._table.layout.shape
        if shape in (PLACES_NEW, PLACES_CLASSIC, LISTING):
            return partial(google.read, shape=shape, region=region)
        if shape in (BUILDER, BUILDER_FLAT):
            return partial(legacy.read, region=region)
        raise FileRefused("no_builders", "These records are no builders.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._table.close()


def open_source(
    path: Path, name: str, *, layout: dict[str, Any], mapping: dict[str, Any], region: str, policy: dict[str, str]
) -> FileSource:
    """Open a file as it was confirmed. Raises `FileRefused`."""
    table = open_table(path, name, layout=msgspec.convert(layout, Layout))
    return FileSource(table, msgspec.convert(mapping or {"fields": []}, Mapping), region, policy)


def _sorted_json(record: dict[str, Any]) -> bytes:
    return msgspec.json.encode(record, order="sorted")
