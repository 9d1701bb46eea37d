"""Files that are broken, not what they say, or made to do harm: a clear refusal, and no more memory than any other."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.importing import limits
from builders.importing.errors import FileRefused
from builders.importing.files import open_table, safe_name
from builders.importing.layout import Layout
from tests.builders.importing.written import (
    FIRMS,
    HEADER,
    XLSX_SHEET,
    csv_text,
    ods,
    ods_row,
    opened,
    part_of,
    rows,
    with_part,
    xlsx,
)

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MEBIBYTE = 1 << 20
# Opens a file, reads all of it, and says what came of it and how far memory grew meanwhile, in KiB.
READER = """
import json, resource, sys
from pathlib import Path
from builders.importing.files import FileRefused, open_table
small, large = map(Path, sys.argv[1:])
def read(path):
    with open_table(path, path.name) as table:
        return sum(1 for _ in (table.rows() if table.kind == "rows" else table.records()))
read(small)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    result = read(large)
except FileRefused as error:
    result = error.code
print(json.dumps([result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


def refusal_of(path: Path, name: str = "", layout: Layout | None = None) -> str:
    """Return the code with which a file is refused, at the start or on the way through it."""
    with pytest.raises(FileRefused) as refusal, open_table(path, name or path.name, layout=layout) as table:
        for _ in table.rows():
            pass
    assert refusal.value.message.endswith((".", "?"))
    assert str(path.parent) not in refusal.value.message
    return refusal.value.code


def read_apart(small: Path, large: Path) -> tuple[int | str, float]:
    """Read a large file in a process of its own; return how many rows or which refusal, and the growth in MiB."""
    small.write_text("Name,City\nAcme,Graz\n")
    command = [sys.executable, "-c", READER, str(small), str(large)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result, growth = json.loads(done.stdout)
    return result, growth / 1024


def sheet_xml(cells: str) -> bytes:
    return f'<worksheet xmlns="{NAMESPACE}"><sheetData>{cells}</sheetData></worksheet>'.encode()


def cell_xml(place: str, text: str = "x") -> str:
    row = "".join(filter(str.isdigit, place))
    return f'<row r="{row}"><c r="{place}" t="inlineStr"><is><t>{text}</t></is></c></row>'


# --- What is no file, or no table.


def test_file_that_is_not_there_is_refused(tmp_path):
    assert refusal_of(tmp_path / "firms.csv") == "missing"
    assert refusal_of(tmp_path / "firms.csv" / "x") == "missing"
    assert refusal_of(tmp_path / "nul\0.csv") == "missing"


def test_folder_device_and_pipe_are_refused_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    # Opening the pipe would wait for a writer for ever.
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "pipe.csv", Path("/")):
        assert refusal_of(path, "firms.csv") == "not_a_file"
        assert refusal_of(path, "firms.json") == "not_a_file"


def test_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def refuse(path: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    (tmp_path / "firms.csv").write_text("Name\n")
    # Rights on the disk would not stop root, as whom tests may run.
    monkeypatch.setattr(Path, "open", refuse)
    assert refusal_of(tmp_path / "firms.csv") == "unreadable"


@pytest.mark.parametrize(
    "content", [b"", b"\n \n\t\n", b"\xef\xbb\xbf", b"\0\0\0\0", b",,,\n,,,\n", b"\xff\xfe", b"sep=;\n"]
)
def test_file_without_text_is_empty(tmp_path, content):
    (tmp_path / "firms.csv").write_bytes(content)
    assert refusal_of(tmp_path / "firms.csv") == "empty"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7 text", "not_a_table"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not_a_table"),
        (b"\xff\xd8\xff\xe0" + bytes(64), "not_a_table"),
        (b"\x1f\x8b\x08" + bytes(64), "not_a_table"),
        (b"SQLite format 3\0" + bytes(64), "not_a_table"),
        (b"\x7fELF\x02\x01\x01" + bytes(range(1, 32)) * 8, "not_a_table"),
        (b"<html><table><tr><td>Name</td></tr></table></html>", "not_a_table"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>", "not_a_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "old_excel"),
    ],
)
@pytest.mark.parametrize("name", ["firms.csv", "firms.xlsx", "firms.xls"])
def test_other_formats_are_named_whatever_the_file_is_called(tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    assert refusal_of(tmp_path / name) == code


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("firms.csv", "firms.csv"),
        ("../../../etc/passwd", "passwd"),
        ("C:\\Users\\eve\\firms.csv", "firms.csv"),
        ("/etc/cron.d/", "file"),
        ("..", "file"),
        ("", "file"),
        ("a\0b\n\u202ec.csv", "abc.csv"),
        ("Mu\u0308ller.csv", "M\u00fcller.csv"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_name_of_a_file_is_never_a_path(name, shown):
    assert safe_name(name) == shown


def test_name_that_is_a_path_leads_nowhere(tmp_path):
    (tmp_path / "secret.json.backup").write_text('[{"companyName":"Secret"}]')
    (tmp_path / "upload").write_text("{")
    assert refusal_of(tmp_path / "upload", str(tmp_path / "secret.json")) == "truncated"


# --- Text that does not end.


def test_line_of_one_gibibyte_is_refused_in_little_memory(tmp_path):
    path = tmp_path / "line.csv"
    with path.open("wb") as file:
        file.write(b"Name,City\nAcme,")
        # A hole in the file: it takes no room on the disk, and is read as zeros.
        file.truncate(1 << 30)
    code, growth = read_apart(tmp_path / "small.csv", path)
    assert code == "line_too_long"
    assert growth < 48


@pytest.mark.parametrize("end", ["", ","])
def test_long_line_of_letters_is_refused_in_little_memory(tmp_path, end):
    path = tmp_path / "line.csv"
    with path.open("w") as file:
        file.write("Name,City\n")
        for _ in range(64):
            file.write(("x" * 15 + (end or "x")) * (MEBIBYTE // 16))
    code, growth = read_apart(tmp_path / "small.csv", path)
    assert code == "line_too_long"
    assert growth < 48


def test_record_that_never_ends_is_refused(tmp_path):
    path = tmp_path / "record.csv"
    path.write_text("Name,City\n" + '"a\n",' * (limits.MAX_RECORD // 4) + "\n")
    assert refusal_of(path) == "row_too_long"


def test_quotation_that_never_ends_is_refused(tmp_path):
    path = tmp_path / "quotation.csv"
    path.write_text('Name,City\n"Acme,Graz\n' + "Beta,Linz\n" * 200_000)
    assert refusal_of(path) == "row_too_long"


def test_file_that_is_cut_off_inside_quotation_marks_is_refused(tmp_path):
    text = csv_text([HEADER, *FIRMS, ["Acme\nGmbH", "a@acme.example", "", "Graz", ""]])
    path = tmp_path / "firms.csv"
    path.write_text(text[: text.rindex("GmbH")])
    assert refusal_of(path) == "open_quotation"


def test_utf16_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "firms.csv"
    path.write_bytes(csv_text([HEADER, *FIRMS]).encode("utf-16")[:-1])
    assert refusal_of(path) == "encoding"


def test_ten_thousand_columns_are_refused(tmp_path):
    names = [f"Column {number}" for number in range(10_000)]
    (tmp_path / "wide.csv").write_text(csv_text([names, ["x"] * 10_000, ["y"] * 10_000]))
    assert refusal_of(tmp_path / "wide.csv") == "too_many_columns"
    assert refusal_of(xlsx(tmp_path / "wide.xlsx", {"Firms": [names, ["x"] * 10_000]})) == "too_many_columns"
    (tmp_path / "wide.json").write_text(json.dumps([dict.fromkeys(names, "x")]))
    assert refusal_of(tmp_path / "wide.json") == "too_many_columns"


def test_one_row_of_ten_thousand_cells_stops_nobody(tmp_path):
    text = csv_text([["Name", "City"], ["Acme", "Graz"], ["x"] * 10_000, ["Beta", "Linz"]])
    found = rows(opened(tmp_path / "firms.csv", text))
    assert (found[0], found[2]) == (["Acme", "Graz"], ["Beta", "Linz"])
    assert len(found[1]) == limits.MAX_COLUMNS + 1


# --- Spreadsheets.


@pytest.fixture
def book(tmp_path) -> Path:
    return xlsx(tmp_path / "firms.xlsx", {"Firms": [HEADER, *FIRMS]})


def test_bomb_is_refused_by_its_size(book):
    assert refusal_of(with_part(book, XLSX_SHEET, b" " * (64 * MEBIBYTE))) == "zip_bomb"
    assert refusal_of(with_part(book, "xl/media/picture.bin", bytes(64 * MEBIBYTE))) == "zip_bomb"


@pytest.mark.parametrize("stated", [100, 20 * MEBIBYTE])
def test_bomb_that_lies_about_its_size_is_refused(book, stated):
    with_part(book, XLSX_SHEET, b" " * (64 * MEBIBYTE))
    data = bytearray(book.read_bytes())
    true = struct.pack("<I", 64 * MEBIBYTE)
    assert data.count(true) >= 2
    book.write_bytes(data.replace(true, struct.pack("<I", stated)))
    assert refusal_of(book) in ("zip_bomb", "damaged")


def test_archive_of_too_many_files_is_refused(book):
    with zipfile.ZipFile(book, "a") as archive:
        for number in range(limits.MAX_ENTRIES):
            archive.writestr(f"xl/{number}.xml", "<x/>")
    assert refusal_of(book) == "zip_bomb"


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        " " * (1 << 18) + "<!DOCTYPE x>",
        " " * ((1 << 18) - 5) + "<!DOCTYPE x>",
    ],
)
def test_external_entities_are_refused(book, tmp_path, prologue):
    head = b'<?xml version="1.0" encoding="UTF-8"?>' + prologue.encode()
    strings = part_of(book, "xl/sharedStrings.xml").partition(b"?>")[2]
    assert refusal_of(with_part(book, "xl/sharedStrings.xml", head + strings)) == "external_entities"
    path = ods(tmp_path / "firms.ods", ods_row(["Name", "City"]), prologue=prologue)
    assert refusal_of(path) == "external_entities"


def test_entities_hidden_in_another_encoding_are_refused(book):
    xml = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x/>'
    for encoding in ("utf-16", "utf-16-be", "utf-16-le"):
        assert refusal_of(with_part(book, "xl/styles.xml", xml.encode(encoding))) == "external_entities"


@pytest.mark.parametrize("furthest", ["XFD1048576", "ALL1048576"])
def test_sheet_with_two_cells_far_apart_is_refused(book, furthest):
    with_part(book, XLSX_SHEET, sheet_xml(cell_xml("A1") + cell_xml(furthest)))
    assert refusal_of(book) in ("too_large", "too_many_columns")


def test_ods_that_repeats_its_cells_a_billion_times_is_refused(tmp_path):
    repeated = 'table:number-columns-repeated="900"'
    cell = f'<table:table-cell {repeated} office:value-type="string"><text:p>x</text:p></table:table-cell>'
    path = ods(
        tmp_path / "firms.ods", f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    )
    assert refusal_of(path) in ("too_large", "damaged")


def test_one_long_text_in_a_hundred_thousand_cells_is_refused(book):
    text = os.urandom(16_000).hex()
    strings = f'<sst xmlns="{NAMESPACE}"><si><t>{text}</t></si></sst>'
    with_part(book, "xl/sharedStrings.xml", strings.encode())
    lines = "".join(
        f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c><c r="B{row}" t="s"><v>0</v></c></row>'
        for row in range(1, 60_000)
    )
    assert refusal_of(with_part(book, XLSX_SHEET, sheet_xml(lines))) == "too_large"


def test_spreadsheet_that_is_cut_off_is_refused(book):
    data = book.read_bytes()
    for length in (30, len(data) // 2, len(data) - 5):
        book.write_bytes(data[:length])
        assert refusal_of(book) == "damaged"


@pytest.mark.parametrize("content", [b"", b"no XML", b"<worksheet><sheetData><row>", b"\x00\x01\x02"])
def test_spreadsheet_with_a_broken_sheet_is_refused(book, content):
    assert refusal_of(with_part(book, XLSX_SHEET, content)) in ("damaged", "empty", "external_entities")


def test_spreadsheet_with_bits_that_fell_over_is_refused_or_read(book):
    data = book.read_bytes()
    for place in range(40, len(data), len(data) // 25):
        book.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        # Nothing but a refusal comes through: a crash of the reader would be one as well.
        with contextlib.suppress(FileRefused), open_table(book, book.name) as table:
            list(table.rows())


def test_archive_that_is_no_spreadsheet_is_refused(tmp_path):
    for names in (["word/document.xml"], ["a.csv"], ["mimetype", "content.xml"]):
        with zipfile.ZipFile(tmp_path / "firms.xlsx", "w") as archive:
            for name in names:
                archive.writestr(name, "application/vnd.oasis.opendocument.text")
        assert refusal_of(tmp_path / "firms.xlsx") == "not_a_table"


def test_encrypted_spreadsheet_is_refused(book):
    data = bytearray(book.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    book.write_bytes(data)
    assert refusal_of(book) == "password"


@pytest.mark.parametrize(("offset", "value"), [(6, 200), (10, 12), (10, 14), (10, 99)])
def test_spreadsheet_packed_in_an_unknown_way_is_refused(book, offset, value):
    data = bytearray(book.read_bytes())
    data[data.index(b"PK\x01\x02") + offset] = value
    book.write_bytes(data)
    assert refusal_of(book) == "damaged"


def test_empty_spreadsheet_is_refused(tmp_path):
    assert refusal_of(xlsx(tmp_path / "firms.xlsx", {"Firms": []})) == "empty"
    assert refusal_of(ods(tmp_path / "firms.ods", "")) == "empty"


def test_formulas_are_never_calculated(tmp_path):
    path = tmp_path / "firms.xlsx"
    with xlsxwriter.Workbook(str(path)) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["Name", "City", "Website", "Phone"])
        sheet.write_formula(1, 0, '=HYPERLINK("http://127.0.0.1:9","Acme")', None, "Acme")
        sheet.write_string(1, 1, "=1+1")
        sheet.write_formula(1, 2, '=WEBSERVICE("http://127.0.0.1:9")', None, "")
        sheet.write_formula(1, 3, "=1/0", None, "#DIV/0!")
        sheet.write_string(2, 0, "@SUM(1)")
    with open_table(path, path.name) as table:
        first, second = rows(table)
        assert first[:3] == ["Acme", "=1+1", ""]
        assert first[3] in ("", "#DIV/0!")
        assert second[0] == "@SUM(1)"
    text = 'Name,City\n"=cmd|\' /C calc\'!A0",=HYPERLINK("http://127.0.0.1:9")\n'
    assert rows(opened(tmp_path / "firms.csv", text))[0][0] == "=cmd|' /C calc'!A0"


def test_markup_is_text_like_any_other(tmp_path):
    firm = ["<script>alert(1)</script>", "javascript:alert(1)", "<img src=x onerror=alert(1)>"]
    assert rows(opened(tmp_path / "firms.csv", csv_text([["Name", "Website", "City"], firm]))) == [firm]
    with open_table(xlsx(tmp_path / "f.xlsx", {"F": [["Name", "Website", "City"], firm]}), "f.xlsx") as table:
        assert rows(table) == [firm]


PIECES = st.sampled_from(
    [
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\0",
        b"sep=;\n",
        b"[",
        b"{",
        b"}",
        b"]",
        b":",
        b'"a"',
        b"-",
        b"1e9",
        b"Name,City\n",
    ]
    + ["\ufeff".encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    + ["Łódź, 東京".encode(code) for code in ("utf-8", "utf-16-le", "gb18030")]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PIECES | st.binary(max_size=8), max_size=40), name=st.sampled_from(["firms.csv", "firms.json"]))
def test_any_bytes_are_read_or_refused(tmp_path, parts, name):
    path = tmp_path / name
    path.write_bytes(b"".join(parts))
    with contextlib.suppress(FileRefused), open_table(path, name) as table:
        if table.kind == "rows":
            assert all(len(cells) >= len(table.header) for _, cells in table.rows())
        else:
            assert all(isinstance(record, dict) for _, record in table.records())


# --- Memory.


def test_memory_stays_flat_at_half_a_million_rows(tmp_path):
    path = tmp_path / "large.csv"
    block = csv_text(FIRMS * 10)
    with path.open("w", newline="") as file:
        file.write(csv_text([HEADER]))
        for _ in range(500_000 // 90 + 1):
            file.write(block)
    count, growth = read_apart(tmp_path / "small.csv", path)
    assert count == (500_000 // 90 + 1) * 90
    assert growth < 32


def test_memory_of_the_server_stays_flat_for_a_large_spreadsheet(tmp_path, book):
    texts = [firm[0].replace("&", "&amp;") for firm in FIRMS]
    lines = (
        f'<row r="{row}">'
        + "".join(
            f'<c r="{column}{row}" t="inlineStr"><is><t>{texts[row % 9]} {row}</t></is></c>' for column in "ABCDE"
        )
        + "</row>"
        for row in range(1, 100_001)
    )
    with_part(book, XLSX_SHEET, sheet_xml("".join(lines)))
    count, growth = read_apart(tmp_path / "small.csv", book)
    assert count == 100_000
    assert growth < 32


def test_memory_stays_flat_for_a_large_store(tmp_path):
    path = tmp_path / "builders.json"
    builder = json.dumps(
        {"companyName": "Acme", "headquarters": {"city": "Łódź"}, "contactInfo": {}, "note": "x" * 200}
    )
    with path.open("w") as file:
        file.write('{"_metadata":{"checksum":"0"},"data":[')
        file.writelines(f"{builder},\n" for _ in range(40_000))
        file.write(f"{builder}]}}")
    count, growth = read_apart(tmp_path / "small.csv", path)
    assert count == 40_001
    assert growth < 32


# --- What is said about it.


def codes_in_the_sources() -> set[str]:
    sources = "\n".join(path.read_text() for path in (ROOT / "builders" / "importing").glob("*.py"))
    return set(re.findall(r'(?:FileRefused|_refuse)\(\s*"([a-z_0-9]+)"', sources))


def notes_in_the_sources() -> set[str]:
    sources = "\n".join(path.read_text() for path in (ROOT / "builders" / "importing").glob("*.py"))
    return set(re.findall(r'Note\(\s*"([a-z_]+)"', sources))


def test_codes_and_notes_are_documented_and_nothing_else_is():
    document = (ROOT / "docs" / "importing-files.md").read_text()
    refusals, _, notes = document.partition("## Why a file is refused")[2].partition("## Remarks")
    assert set(re.findall(r"^\| `([a-z_0-9]+)` \|", refusals, re.MULTILINE)) == codes_in_the_sources()
    assert set(re.findall(r"^\| `([a-z_]+)` \|", notes, re.MULTILINE)) == notes_in_the_sources()
