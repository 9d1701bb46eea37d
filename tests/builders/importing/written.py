"""Files for the tests, written by hand where a library would write them well."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import xlsxwriter

from builders.importing.files import Table, open_table
from builders.importing.layout import Layout

HEADER = ["Company Name", "Email", "Phone", "City", "Country"]
# Invented firms from eight countries, in as many scripts as a fair has.
FIRMS = [
    ["Müller & Söhne Messebau GmbH", "info@mueller-messebau.example", "+49 211 5550101", "Düsseldorf", "Germany"],
    ["L'Atelier des Stands", "bonjour@atelier.example", "+33 4 72 55 01 02", "Lyon", "France"],
    ["Expo Señal, S.L.", "hola@expo-senal.example", "+34 93 555 01 03", "Barcelona", "Spain"],
    ["Stoisko Łódź Sp. z o.o.", "biuro@stoisko.example", "+48 42 555 01 04", "Łódź", "Poland"],
    ["Fuarcılık İnşaat A.Ş.", "bilgi@fuar.example", "+90 212 555 01 05", "İstanbul", "Türkiye"],
    ["Выставка Стенд", "info@stend.example", "+7 495 555 01 06", "Москва", "Russia"],
    ["東京ブース株式会社", "info@tokyo-booth.example", "+81 3 5550 1007", "東京", "Japan"],
    ["أجنحة دبي", "info@ajniha.example", "+971 4 555 0108", "دبي", "United Arab Emirates"],
    ['The "Stand" House', "hello@stand-house.example", "+44 20 5555 0109", "London", "United Kingdom"],
]
XLSX_SHEET = "xl/worksheets/sheet1.xml"
ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"


def opened(path: Path, content: str | bytes, *, encoding: str = "utf-8", layout: Layout | None = None) -> Table:
    """Write a file and open it."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return open_table(path, path.name, layout=layout)


def rows(table: Table) -> list[list[str]]:
    return [cells for _, cells in table.rows()]


def xlsx(path: Path, sheets: dict[str, list[list[Any]]], **options: Any) -> Path:
    with xlsxwriter.Workbook(str(path), options) as book:
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for row, line in enumerate(lines):
                for column, value in enumerate(line):
                    if hasattr(value, "isoformat"):
                        sheet.write_datetime(row, column, value, date)
                    else:
                        sheet.write(row, column, value)
    return path


def with_part(path: Path, name: str, content: bytes) -> Path:
    """Replace one part of a spreadsheet, or add it."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    parts[name] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    return path


def part_of(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def ods(path: Path, cells: str, *, prologue: str = "") -> Path:
    """Write a spreadsheet with one sheet; `cells` is the XML of its rows."""
    names = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{prologue}'
        f'<office:document-content xmlns:office="{names}:office:1.0" xmlns:table="{names}:table:1.0"'
        f' xmlns:text="{names}:text:1.0" office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="Firms">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS_TYPE}"/></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", ODS_TYPE, zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def ods_row(values: list[str | float]) -> str:
    return f"<table:table-row>{''.join(map(_ods_cell, values))}</table:table-row>"


def _ods_cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
    return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>?</text:p></table:table-cell>'


def csv_text(lines: list[list[str]], delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(lines)
    return out.getvalue()
