"""Files made to do harm, through the whole command: a clear error, bounded memory, nothing written, nothing left."""

from __future__ import annotations

import csv
import io
import resource
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from builders.importing.export import csv_chunks
from builders.models import Builder, ImportChange, ImportJob, ImportRow
from tests.builders.importing.written import FIRMS, HEADER, XLSX_SHEET, part_of, with_part, xlsx

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.backend("sqlite")]
MEBIBYTE = 1 << 20
ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def uploads(settings, tmp_path_factory) -> Path:
    """The folder of uploaded files, without those of other tests."""
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")
    return settings.MEDIA_ROOT / "private" / "imports"


def zip_bomb(folder: Path) -> Path:
    return with_part(xlsx(folder / "bomb.xlsx", {"Firms": [HEADER, *FIRMS]}), XLSX_SHEET, b" " * (64 * MEBIBYTE))


def external_entity(folder: Path) -> Path:
    book = xlsx(folder / "entity.xlsx", {"Firms": [HEADER, *FIRMS]})
    strings = part_of(book, "xl/sharedStrings.xml").partition(b"?>")[2]
    return with_part(book, "xl/sharedStrings.xml", ENTITY + strings)


def endless_line(folder: Path) -> Path:
    path = folder / "line.csv"
    with path.open("wb") as file:
        file.write(b"Name,City\nAcme,")
        # Zeros without end. A gibibyte of them is tried where it need not be copied: importing/test_hostile_files.py.
        file.truncate(96 * MEBIBYTE)
    return path


def ten_thousand_columns(folder: Path) -> Path:
    path = folder / "wide.csv"
    path.write_text("\n".join([",".join(f"Column {n}" for n in range(10_000)), ",".join("x" * 10_000)]))
    return path


def late_damage(folder: Path) -> Path:
    """A file that looks well until its last row."""
    path = folder / "late.csv"
    rows = [f"Messe {n},Graz" for n in range(6000)]
    path.write_text("\n".join(["Name,City", *rows, '"never closed,Linz']) + "\n")
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (zip_bomb, "unpacks"),
        (external_entity, "entit"),
        (endless_line, "line"),
        (ten_thousand_columns, "columns"),
        (late_damage, "quotation"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_hostile_file_ends_in_a_clear_error_and_leaves_nothing(tmp_path, uploads, make, said):
    path = make(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CommandError, match=said) as refused:
        call_command("import_builders", str(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 96 * 1024
    assert str(tmp_path) not in str(refused.value)
    assert str(refused.value).startswith(f"{path.name}: ")
    assert not Builder.objects.exists()
    assert not ImportJob.objects.exclude(state="failed").exists()
    assert not any(uploads.glob("*"))


def imported(path: Path, **columns: str) -> Builder:
    """Import a firm with these cells among twenty that are like any other, and return it."""
    usual = {"Company Name": "Expo", "Website": "https://www.expo.example/", "City": "Wien", "Street": "Weg "}
    others = [[f"{usual[name]}{number}" if name in usual else "" for name in columns] for number in range(20)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, columns.values(), *others])
    call_command("import_builders", str(path), stdout=io.StringIO())
    return Builder.objects.get(pk=ImportChange.objects.get(row_number=2).builder_id)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc"])
def test_address_that_is_a_script_is_left_out_and_reported(tmp_path, address):
    builder = imported(tmp_path / "firms.csv", **{"Company Name": "Messe Eins", "Website": address, "City": "Graz"})
    assert builder.website == ""
    [problem] = ImportRow.objects.get(number=2).problems
    assert (problem["column"], problem["code"], problem["cell"]) == ("Website", "unsafe_url", address)


def test_markup_in_every_field_is_text(tmp_path):
    names = ["Company Name", "Description", "City", "Street", "Services", "Specializations", "Contact Person", "Notes"]
    builder = imported(tmp_path / "firms.csv", **dict.fromkeys(names, SCRIPT))
    assert (builder.name, builder.description) == (SCRIPT, SCRIPT)
    assert SCRIPT not in builder.slug
    place = builder.locations.get()
    assert (place.city, place.street) == (SCRIPT, SCRIPT)


@pytest.mark.parametrize("formula", ["=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x")'])
def test_formula_is_text_and_none_when_it_is_exported(tmp_path, formula):
    builder = imported(tmp_path / "firms.csv", **{"Company Name": f"{formula} Messe", "City": "Graz"})
    assert builder.name.startswith(formula)
    text = b"".join(csv_chunks(Builder.objects.filter(pk=builder.pk))).decode("utf-8-sig")
    header, row = csv.reader(io.StringIO(text))
    assert row[header.index("Name")].startswith("'")


def test_name_of_a_file_is_never_a_path(tmp_path):
    path = tmp_path / "..\\..\\=cmd|' C calc'!A0.csv"
    imported(path, **{"Company Name": "Messe Eins", "City": "Graz"})
    job = ImportJob.objects.get()
    assert "\\" not in job.file_name
    assert job.file.name == f"private/imports/{job.uid}"
