"""What is checked of a spreadsheet, which is a ZIP archive of XML files, before a library opens it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

from builders.importing import limits
from builders.importing.errors import FileRefused

_BLOCK: Final = 1 << 18
_XML: Final = (".xml", ".rels", ".vml")
_DECLARATIONS: Final = (b"<!DOCTYPE", b"<!ENTITY")
_OVERLAP: Final = 16
_IS_ENCRYPTED: Final = 1
# What spreadsheet programs use. The others unpack without a bound on memory.
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
_MOST_ENTRIES_MESSAGE: Final = f"This spreadsheet is an archive of more than {limits.MAX_ENTRIES:,} files."
_BOMB_MESSAGE: Final = "This spreadsheet unpacks to far more than a table needs. If it is meant so, save it as CSV."
_BROKEN_MESSAGE: Final = "This spreadsheet is damaged or cut off. Open it in a spreadsheet program and save it again."


def check_spreadsheet(path: Path) -> str:
    """Return "xlsx" or "ods". Raises `FileRefused` for anything else, and for what would harm whoever opens it.

    Unpacks every part once and counts, because the sizes in the archive's directory are what its maker says they are.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > limits.MAX_ENTRIES:
                raise FileRefused("zip_bomb", _MOST_ENTRIES_MESSAGE)
            if any(part.flag_bits & _IS_ENCRYPTED for part in parts):
                raise FileRefused("password", "This spreadsheet is encrypted. Save it without a password.")
            if any(part.compress_type not in _PACKINGS for part in parts):
                raise FileRefused("damaged", _BROKEN_MESSAGE)
            kind = _kind(archive)
            _refuse_bomb(sum(part.file_size for part in parts), parts)
            room = limits.MAX_UNPACKED
            for part in parts:
                room -= _check_part(archive, part, room)
    # A version or a packing that the library does not know is a RuntimeError.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error, ValueError, OSError) as error:
        raise FileRefused("damaged", _BROKEN_MESSAGE) from error
    return kind


def _kind(archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "content.xml" in names and "mimetype" in names:
        with archive.open("mimetype") as part:
            if part.read(len(_ODS) + 1).decode("ascii", errors="replace").strip() == _ODS:
                return "ods"
    message = "This ZIP archive is no XLSX or ODS spreadsheet. Unpack it, or save the table as XLSX, ODS or CSV."
    raise FileRefused("not_a_table", message)


def _refuse_bomb(total: int, parts: list[zipfile.ZipInfo]) -> None:
    too_dense = any(
        part.file_size > limits.RATIO_COUNTS_FROM and part.file_size > limits.MAX_RATIO * part.compress_size
        for part in parts
    )
    if total > limits.MAX_UNPACKED or too_dense:
        raise FileRefused("zip_bomb", _BOMB_MESSAGE)


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, room: int) -> int:
    """Return the true size of a part, read a block at a time."""
    size = 0
    tail = b""
    is_xml = part.filename.lower().endswith(_XML)
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > room or (size > limits.RATIO_COUNTS_FROM and size > limits.MAX_RATIO * part.compress_size):
                raise FileRefused("zip_bomb", _BOMB_MESSAGE)
            if is_xml:
                _refuse_declarations(tail + block, is_start=not tail)
                tail = block[-_OVERLAP:]
    return size


def _refuse_declarations(block: bytes, *, is_start: bool) -> None:
    """No spreadsheet program writes declarations, and they are how XML reads other files or grows without end."""
    # In UTF-16 the declarations would look different; no spreadsheet program writes that either.
    is_wide = is_start and b"\0" in block[:4]
    if is_wide or any(declaration in block for declaration in _DECLARATIONS):
        message = "This spreadsheet holds XML declarations that could read other files. Save it again as XLSX or CSV."
        raise FileRefused("external_entities", message)
