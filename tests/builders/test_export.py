"""The export: no cell of it runs, it is written as it is read, and our own import reads the same records back."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from decimal import Decimal

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from builders.folding import slug_of
from builders.importing import export
from builders.importing.export import csv_chunks, records, stream_csv, write_xlsx
from builders.importing.exported import HEADER, KEY, PRESET, ExportReader, row
from builders.importing.files import open_table
from builders.importing.guards import guarded, unguarded
from builders.importing.mapping import propose
from builders.models import Builder
from builders.record import Certificate, Offering, Person, Place, Project, Record
from builders.services.stored import Stored, load
from builders.services.writing import insert
from realtime.errors import ClientError
from realtime.ids import new_uid
from tests.rig import in_db, statements

FULL = Record(
    name='Müller & Söhne, "Messebau" GmbH',
    description='Stands since 1987.\n\n=HYPERLINK("http://evil.example") is no formula here; 展示 شركة',
    website="https://mueller.example/a?b=c;d",
    maps_url="https://maps.google.com/?cid=42",
    emails=["info@mueller.example", "graz@mueller.example"],
    phones=["+493023125123", "+4331680880"],
    faxes=["+493023125124"],
    social=["https://www.linkedin.com/company/m;x", "https://x.example/a,b"],
    headquarters=Place(
        country="DE",
        region="Hessen",
        city="Frankfurt am Main",
        district="Ost",
        street="Gerbermühlstraße 7, Hof 2",
        postcode="60594",
        latitude=Decimal("50.104012"),
        longitude=Decimal("-8.705346"),
    ),
    service_places=[
        Place(country="AT", city="Graz"),
        Place(country="DE", city="Frankfurt (Oder)"),
        Place(country="CH"),
        Place(country="SI", city="Maribor", street="Ulica 1", latitude=Decimal("46.5"), longitude=Decimal("15.6")),
    ],
    people=[Person(name="Eva Größer", role="CEO"), Person(name="Jean (Hans) Ott")],
    services=[
        Offering(
            name="Stand construction", category="construction", price_from=Decimal("320.00"), currency="EUR", unit="m²"
        ),
        Offering(name="Catering; drinks", category="other", description="=1+1"),
    ],
    specialisations=["Double-deck", "Medical; pharma"],
    certifications=[Certificate(name="ISO 9001", issuer="TÜV", valid_until=dt.date(2027, 3, 31))],
    portfolio=[Project(name="Island", trade_show="MEDICA", year=2023, city="Düsseldorf", country="DE", stand_m2=36)],
    languages=["de", "en"],
    founded=1987,
    team_min=25,
    team_max=50,
    stand_min_m2=9,
    stand_max_m2=1200,
    projects_completed=410,
    rating=Decimal("4.8"),
    review_count=96,
    status="closed_temporarily",
    plan="professional",
    is_verified=True,
    extra={"hours": {"monday": "08:00-17:00"}, "awards": [{"name": "Best"}], "n": 1.5, "+x": "=1"},
)
BARE = Record(name="-Stand", plan="free", is_verified=False)
PLAIN = Record(
    name="Simple Stands",
    headquarters=Place(city="Atlantis"),
    service_places=[Place(country="NO", city="Oslo"), Place(country="SE")],
    people=[Person(name="Ola")],
    services=[Offering(name="Design", category="design"), Offering(name="Rental", category="rental")],
    certifications=[Certificate(name="ISO 9001")],
    portfolio=[Project(name="Tower")],
    plan="free",
    is_verified=False,
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''+1", "=cmd|' /C calc'!A0"]


def store(*records: Record) -> None:
    now = timezone.now()
    insert(
        [
            Stored(
                record=record,
                uid=(uid := new_uid()),
                slug=f"{slug_of(record.name)}-{uid}",
                created_at=now,
                updated_at=now,
            )
            for record in records
        ]
    )


@pytest.fixture
def directory(db) -> list[Record]:
    """The builders in the directory, as they are stored."""
    store(FULL, BARE, PLAIN)
    return list(records(Builder.objects.all()))


def read_back(path) -> list[Record]:
    with open_table(path, path.name) as table:
        proposal = propose(table.header, table.sample())
        assert (proposal.preset, proposal.questions) == (PRESET, [])
        read = ExportReader(table.header).read
        found = [read(cells) for _, cells in table.rows()]
    assert [problem for _, problems in found for problem in problems] == []
    return [record for record, _ in found]


# --- there and back -----------------------------------------------------------------------------------------------


def test_records_are_those_of_the_directory(directory):
    assert [record.name for record in directory] == [FULL.name, BARE.name, PLAIN.name]
    assert directory[0].key == Builder.objects.get(name=FULL.name).uid
    assert msgspec.structs.replace(directory[0], key="") == FULL


def test_csv_reads_back_the_same(directory, tmp_path):
    path = tmp_path / "builders.csv"
    path.write_bytes(b"".join(csv_chunks(Builder.objects.all())))
    assert read_back(path) == directory


def test_xlsx_reads_back_the_same(directory, tmp_path):
    path = tmp_path / "builders.xlsx"
    assert write_xlsx(Builder.objects.all(), path) == 3
    assert read_back(path) == directory


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_import_of_our_own_export_changes_nothing(directory, tmp_path, capsys, kind):
    path = tmp_path / f"builders.{kind}"
    call_command("export_builders", str(path))
    capsys.readouterr()
    call_command("import_builders", str(path), "--json")
    counts = json.loads(capsys.readouterr().out)
    assert (counts["read"], counts["unchanged"]) == (3, 3)
    assert list(records(Builder.objects.all())) == directory
    # Nobody wrote to them: whoever looked at one before the import may still save it.
    assert set(Builder.objects.values_list("rev", flat=True)) == {1}


def test_import_of_an_edited_export_changes_what_was_edited(directory, tmp_path, capsys):
    path = tmp_path / "builders.csv"
    call_command("export_builders", str(path))
    path.write_bytes(path.read_bytes().replace(b"Atlantis", b"Bergen").replace(b"Oslo (NO); SE", b"Oslo (NO)"))
    capsys.readouterr()
    call_command("import_builders", str(path), "--json")
    counts = json.loads(capsys.readouterr().out)
    assert (counts["updated"], counts["unchanged"]) == (1, 2)
    record = next(one for one in records(Builder.objects.all()) if one.name == "Simple Stands")
    assert record.headquarters == Place(city="Bergen")
    assert record.service_places == PLAIN.service_places


def test_lists_are_written_for_people_where_that_is_exact():
    cells = dict(zip(HEADER, row(PLAIN), strict=True))
    assert cells["Service areas"] == "Oslo (NO); SE"
    assert cells["Services"] == "Design (design); Rental (rental)"
    assert (cells["Contact people"], cells["Certifications"], cells["Portfolio"]) == ("Ola", "ISO 9001", "Tower")
    assert dict(zip(HEADER, row(FULL), strict=True))["Specialisations"] == '["Double-deck","Medical; pharma"]'


def test_what_people_type_in_is_understood():
    typed = {
        KEY: "abc",
        "Name": "Typed",
        "Country": "Germany",
        "Phone": "030 23125 123; 123",
        "E-mail": "INFO@x.example; nobody",
        "Service areas": "Wien (Austria); France",
        "Services": "Graphics; Modular stands",
        "Languages": "German; Klingon",
        "Founded": "1850",
        "Verified": "ja",
        "Portfolio": "[{]",
        "Website": "javascript:alert(1)",
    }
    record, problems = ExportReader(list(typed)).read(list(typed.values()))
    assert (record.key, record.phones, record.emails) == ("abc", ["+493023125123"], ["info@x.example"])
    assert record.service_places == [Place(country="AT", city="Wien"), Place(country="FR")]
    assert [(o.name, o.category) for o in record.services] == [("Graphics", "graphics"), ("Modular stands", "modular")]
    assert (record.languages, record.is_verified, record.portfolio) == (["de"], True, [])
    assert sorted(problem.code for problem in problems) == [
        "bad_email",
        "bad_json",
        "bad_phone",
        "unknown_language",
        "unsafe_url",
    ]


def test_row_with_too_many_cells_is_an_error():
    record, problems = ExportReader([KEY, "Name"]).read(["k", "X", "", "shifted"])
    assert (record, [problem.code for problem in problems]) == (Record(), ["too_many_cells"])


def test_column_that_is_left_out_says_nothing():
    record, _ = ExportReader([KEY, "Name", "Country"], ignored=["Country"]).read(["k", "X", "DE"])
    assert record == Record(key="k", name="X")


# --- nothing runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*FORMULAS, "'", "''", "it's", "a=b", "", "Stand + Bau", "'quoted'", "’=1"])
def test_guard_comes_off_as_it_went_on(text):
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_cell_that_could_be_a_formula_is_guarded(text):
    assert guarded(text).startswith("'")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_nothing_in_an_export_is_a_formula(db, tmp_path, kind):
    hostile = [
        Record(name=f"{text} Ltd", description=text, extra={text: text}, plan="free")
        for text in ("=1+1", "+1", "-1", "@x")
    ]
    store(*hostile)
    path = tmp_path / f"builders.{kind}"
    call_command("export_builders", str(path))
    if kind == "csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    else:
        with zipfile.ZipFile(path) as archive:
            sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
        assert sheets
        assert not any("<f>" in sheet or "<f " in sheet or "<hyperlink" in sheet for sheet in sheets)
    assert [record.name for record in read_back(path)] == [record.name for record in hostile]


# --- much of it ---------------------------------------------------------------------------------------------------


def test_export_takes_the_same_statements_for_one_as_for_many(db):
    store(Record(name="One", plan="free"))
    few = statements(lambda: list(records(Builder.objects.all())))
    store(*(Record(name=f"Builder {number}", plan="free") for number in range(100)))
    assert statements(lambda: list(records(Builder.objects.all()))) == few


def test_export_comes_in_pieces(db, monkeypatch):
    monkeypatch.setattr(export, "_CHUNK", 10)
    store(*(Record(name=f"Builder {number:03}", plan="free") for number in range(35)))
    pieces = list(csv_chunks(Builder.objects.all()))
    assert len(pieces) == 4
    lines = list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))
    assert [line["Name"] for line in lines] == [f"Builder {number:03}" for number in range(35)]


def test_export_of_some_of_them(directory):
    pieces = b"".join(csv_chunks(Builder.objects.filter(name="Simple Stands").order_by("-name")))
    assert pieces.count(b"\r\n") == 2


def test_export_of_nobody_is_a_header(db):
    assert b"".join(csv_chunks(Builder.objects.all())).decode("utf-8-sig").strip().split(",")[0] == KEY


@pytest.mark.django_db(transaction=True)
async def test_export_streams_without_holding_the_server():
    await in_db(store, Record(name="One", plan="free"))
    pieces = [piece async for piece in stream_csv(Builder.objects.all())]
    # A request gives its connection back at its end; here it is done by hand.
    await sync_to_async(connections.close_all)()
    assert b"One" in b"".join(pieces)


def test_text_too_long_for_a_spreadsheet_is_named_and_takes_nothing_away(db, tmp_path):
    long = Record(name="Long", plan="free", is_verified=False, extra={"text": "x" * 40_000})
    store(long)
    path = tmp_path / "builders.xlsx"
    write_xlsx(Builder.objects.all(), path)
    with open_table(path, path.name) as table:
        cells = dict(zip(table.header, next(table.rows())[1], strict=True))
    assert (cells["Other facts"], cells["Left out"]) == ("", "Other facts")
    assert read_back(path)[0].extra == {}


def test_more_builders_than_a_sheet_has_rows_are_refused(directory, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_MOST_ROWS", 3)
    with pytest.raises(ClientError) as refusal:
        write_xlsx(Builder.objects.all(), tmp_path / "x.xlsx")
    assert refusal.value.code == "too_large"


# --- command ------------------------------------------------------------------------------------------------------


def test_command_leaves_out_what_is_not_listed(directory, tmp_path):
    Builder.objects.filter(name="Simple Stands").update(is_active=False)
    call_command("export_builders", str(tmp_path / "listed.csv"))
    call_command("export_builders", str(tmp_path / "all.csv"), "--all")
    assert len(read_back(tmp_path / "listed.csv")) == 2
    assert len(read_back(tmp_path / "all.csv")) == 3


def test_command_overwrites_nothing(directory, tmp_path):
    path = tmp_path / "builders.csv"
    path.write_text("mine")
    with pytest.raises(CommandError, match="exists"):
        call_command("export_builders", str(path))
    assert path.read_text() == "mine"


def test_command_knows_two_formats(directory, tmp_path):
    with pytest.raises(CommandError, match=r"\.csv or \.xlsx"):
        call_command("export_builders", str(tmp_path / "builders.pdf"))


def test_stored_record_is_what_is_loaded(directory):
    assert {stored.record.name for stored in load(Builder.objects.values_list("pk", flat=True)).values()} == {
        record.name for record in directory
    }
