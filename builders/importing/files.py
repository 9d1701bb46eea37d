"""Any file to a table: `open_table` finds out what it is, and refuses what it is not."""

from __future__ import annotations

import re
import stat
import unicodedata
from pathlib import Path
from typing import Final

import msgspec

from builders.importing import csv_files, dialects, limits, text_encoding
from builders.importing.dialects import Dialect
from builders.importing.errors import FileRefused
from builders.importing.json_files import JsonFile
from builders.importing.layout import Layout, Note, Repair
from builders.importing.sheets import SheetFile
from builders.importing.tables import CellTable, RecordTable, Table

__all__ = ["FileRefused", "Layout", "Note", "Repair", "Table", "open_table", "safe_name"]

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
# What people upload by mistake, by its first bytes.
_OTHERS: Final[dict[bytes, str]] = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "a packed file; unpack it first",
    b"7z\xbc\xaf": "a packed file; unpack it first",
    b"Rar!": "a packed file; unpack it first",
    b"SQLite format 3": "a database",
}
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|head|body|table|meta|\?xml|svg)\b", re.IGNORECASE)
_JSON: Final = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{\]])')
_JSON_NAMES: Final = (".json", ".jsonl", ".ndjson", ".geojson", ".json.backup")
_LONGEST_NAME: Final = 200
_BACKUP: Final = ".backup"


def open_table(path: Path, name: str, *, layout: Layout | None = None) -> Table:
    """Open a file as a table of cells or of records. `name` is what its sender called it, and never a path.

    What `layout` leaves open is found out; `Table.layout` has the result. Raises `FileRefused`. Of a JSON file that is
    empty, cut off or no JSON, the copy `<file>.backup` beside it is tried.
    """
    layout = layout or Layout()
    try:
        return _open(path, name, layout)
    except FileRefused as error:
        backup = backup_of(path, name)
        if backup is None:
            raise
        table = _open(backup, name, layout)
        message = f"{safe_name(name)} could not be read ({error.message}) Its backup was read instead."
        note = Note("backup_used", message)
        table.layout.notes.insert(0, note)
        return table


def safe_name(name: str) -> str:
    """Return the name of a file as it may be shown and stored: no folders, one line, nothing invisible."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip()
    return shown[:_LONGEST_NAME] if shown.strip(".") else "file"


def _open(path: Path, name: str, layout: Layout) -> Table:
    try:
        _check_is_file(path)
        kind = layout.kind or _kind(path, name)
        if kind == "json":
            return _open_json(path, layout)
        if kind in ("xlsx", "ods"):
            return _open_sheet(path, layout)
        return _open_csv(path, layout)
    except OSError as error:
        raise FileRefused("unreadable", f"The file cannot be read: {error.strerror or error}.") from error


def backup_of(path: Path, name: str) -> Path | None:
    """Return the copy beside a JSON file, which the old stores kept, if there is one."""
    if not (path.name and name.lower().endswith(_JSON_NAMES)):
        return None
    backup = path.with_name(path.name + _BACKUP)
    return backup if backup.is_file() else None


def check_at_sight(path: Path, name: str) -> None:
    """Refuse what its first bytes tell to be no table, before gigabytes of it are copied. Raises `FileRefused`."""
    try:
        _check_is_file(path)
        _kind(path, name)
    except OSError as error:
        raise FileRefused("unreadable", f"The file cannot be read: {error.strerror or error}.") from error


def _check_is_file(path: Path) -> None:
    """A directory has no rows, and a device or a pipe may have no end: they are not even opened."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A name with a NUL in it is a ValueError.
        raise FileRefused("missing", f"There is no file {path.name!r}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused("not_a_file", "This is a folder or a device, and no file.")
    if not status.st_size:
        raise FileRefused("empty", "This file is empty.")


def _kind(path: Path, name: str) -> str:
    """Tell the format by the content; the name decides where the content does not."""
    with path.open("rb") as file:
        start = file.read(limits.START)
    if not start.strip(b"\0"):
        raise FileRefused("empty", "This file has no text: it begins with nothing but zeros.")
    if start.startswith(_ZIP):
        return "xlsx"
    if start.startswith(_OLD_EXCEL):
        message = "This is an Excel file from before 2007, or one with a password. Save it as XLSX without a password."
        raise FileRefused("old_excel", message)
    for beginning, what in _OTHERS.items():
        if start.startswith(beginning):
            raise FileRefused("not_a_table", f"This is no table but {what}.")
    text = start.decode(text_encoding.marked(start) or "latin-1", errors="replace").lstrip("\ufeff")
    if _MARKUP.match(text):
        message = "This is a web page or XML, whatever it is called. Save it as XLSX in a spreadsheet program."
        raise FileRefused("not_a_table", message)
    return "json" if name.lower().endswith(_JSON_NAMES) or _JSON.match(text) else "csv"


def _open_json(path: Path, layout: Layout) -> Table:
    file = JsonFile(path)
    found = msgspec.structs.replace(
        layout, kind="json", encoding=file.encoding, shape=file.shape, header_row=0, notes=list(file.notes)
    )
    if file.shape:
        return RecordTable(found, file)
    return CellTable(found, file, total=file.total, names=file.columns)


def _open_sheet(path: Path, layout: Layout) -> Table:
    file = SheetFile(path, layout.sheet)
    try:
        found = msgspec.structs.replace(
            layout, kind=file.head.kind, sheet=file.head.sheet, sheets=file.head.sheets, notes=[]
        )
        return CellTable(found, file, total=file.total)
    except BaseException:
        file.close()
        raise


def _open_csv(path: Path, layout: Layout) -> Table:
    if layout.encoding:
        text_encoding.check_encoding(layout.encoding)
        encoding, notes = layout.encoding, layout.notes
    else:
        sniffed = text_encoding.sniff(path)
        encoding, notes = sniffed.name, sniffed.notes
    dialect = _dialect(path, encoding, layout)
    found = msgspec.structs.replace(
        layout, kind="csv", encoding=encoding, delimiter=dialect.delimiter, quote=dialect.quote, notes=list(notes)
    )
    return CellTable(found, csv_files.CsvFile(path, encoding, dialect), total=csv_files.count_lines(path))


def _chosen_dialect(layout: Layout) -> Dialect:
    dialect = Dialect(layout.delimiter, layout.quote or '"')
    marks = {dialect.delimiter, dialect.quote}
    if len(marks) < 2 or any(len(mark) != 1 or mark in "\r\n" for mark in marks):
        raise FileRefused("delimiter", "A delimiter is one character, and so is a quotation mark.")
    return dialect


def _dialect(path: Path, encoding: str, layout: Layout) -> Dialect:
    chosen = _chosen_dialect(layout) if layout.delimiter else None
    sample, is_whole = csv_files.read_sample(path, encoding)
    if not sample.strip():
        raise FileRefused("empty", "This file has no text.")
    first, _, rest = sample.partition("\n")
    delimiter = csv_files.separator_of(first)
    if delimiter:
        sample = rest
    if chosen is None:
        chosen = dialects.sniff(sample, is_whole=is_whole)
        chosen = Dialect(delimiter or chosen.delimiter, chosen.quote)
    return dialects.refined(sample, chosen, is_whole=is_whole)
