"""`manage.py import_builders`: real files through everything."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command

from builders.importing import runner
from builders.models import Builder, ImportJob, ImportRow
from builders.services import imports
from realtime.errors import ClientError
from tests.builders.firms import HEADER, cells
from tests.rig import make_member, make_staff

pytestmark = pytest.mark.django_db(transaction=True)


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


@pytest.fixture
def run(capsys):
    def run(*args) -> dict:
        call_command("import_builders", *map(str, args), "--json")
        return json.loads(capsys.readouterr().out)

    return run


def test_numbers_are_printed_as_json(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(1), cells(2), cells(2), cells(3, name="")])
    result = run(path, "--source", "fair")
    seconds = result.pop("seconds")
    assert result == {
        "read": 4,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "duplicates": 1,
        "review": 0,
        "errors": 1,
    }
    assert seconds > 0
    assert Builder.objects.filter(source_keys__source="fair").count() == 2


def test_second_run_is_unchanged(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(n) for n in range(40)])
    assert run(path)["created"] == 40
    result = run(path)
    assert (result["unchanged"], result["created"], result["updated"]) == (40, 0, 0)


def test_dry_run_writes_nothing_and_leaves_nothing(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(1)])
    assert run(path, "--dry-run")["created"] == 1
    assert not Builder.objects.exists()
    assert not ImportJob.objects.exists()


def test_errors_file_can_be_corrected_and_imported(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(1), cells(2, name=""), cells(3, name="", email="=1+1")])
    errors = tmp_path / "errors.csv"
    assert run(path, "--source", "fair", "--errors", errors)["errors"] == 2
    with errors.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [*HEADER, "error_row", "error_column", "error_code", "error_message"]
    assert rows[0][10] == "3"
    assert rows[0][11:] == ["Company Name", "no_name", rows[0][13]]
    assert rows[1][2] == "'=1+1"
    rows[0][1], rows[1][1] = "Corrected", "Also corrected"
    with errors.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    assert run(errors, "--source", "fair")["created"] == 2
    assert Builder.objects.get(name="Corrected").source_keys.get().key == "F-2"
    assert run(path, "--source", "fair")["unchanged"] == 1


def test_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "firms.csv"
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(CommandError, match="PDF"):
        call_command("import_builders", str(path))
    assert not ImportJob.objects.exists()


LEADS = """
Client Name,Email,Phone,Company,Event Name,City,Country,Stand Size,Budget,Requirements,Priority,Source
Jo,jo@acme.com,,Acme,CES,Paris,France,36 sqm,$5k,,high,web
"""
REFUSALS = [
    ("no.csv", None, [], r"There is no file 'no\.csv'"),
    ("folder", "folder", [], "is a folder or a device"),
    ("pipe", "pipe", [], "is a folder or a device"),
    ("a.csv", b"", [], "empty"),
    ("a.csv", b"\xef\xbb\xbf", [], "no text"),
    ("a.csv", bytes(1 << 17), [], "nothing but zeros"),
    ("a.csv", LEADS.encode(), [], "holds leads, and no builders"),
    ("a.csv", b"Company,Business Name,Email\nAlpha Holding,Alpha Stands,a@alpha.de\n", [],
     "which column holds the names.*“Company”, “Business Name”"),
    ("a.csv", "Компания,Телефон\nЭкспо,8 (495) 123-45-67\n".encode(), [], "which column holds the names.*“Компания”"),
    ("a.csv", b"Erste GmbH,a@erste.de,Berlin\nZweite GmbH,b@zweite.de,Bonn\n", [], "which column holds the names"),
    ("a.csv", b"Company Name\nAlpha\n", ["--region", "XX"], "two letters"),
    ("a.csv", b"Company Name\nAlpha\n", ["--source", "x" * 41], "at most 40"),
    ("a.csv", b"Company Name\nAlpha\n", ["--source", "a\nb"], "at most 40"),
    ("a.csv", b"Company Name\nAlpha\n", ["--errors", "/proc/no/errors.csv"], "errors cannot be written to errors.csv"),
    ("a.csv", b"Company Name\nAlpha\n", ["--errors", "a.csv"], "would be overwritten"),
]  # fmt: skip


def test_what_cannot_be_imported_is_told_in_a_sentence_and_leaves_nothing(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content, more, sentence in REFUSALS:
        path = tmp_path / name
        if content == "folder":
            path.mkdir()
        elif content == "pipe":
            os.mkfifo(path)
        elif content is not None:
            path.write_bytes(content)
        with pytest.raises(CommandError, match=sentence):
            run(path, *more)
    assert not ImportJob.objects.exists()
    assert (tmp_path / "a.csv").read_bytes() == b"Company Name\nAlpha\n"


def test_what_is_left_out_is_said_beside_the_numbers(tmp_path, capsys):
    path = tmp_path / "firms.csv"
    path.write_text("Company Name,Favourite Colour,Thumbnail,City\nAlpha,red,x,MÃ¼nchen\n", encoding="utf-8")
    call_command("import_builders", str(path), "--json")
    said = capsys.readouterr()
    assert json.loads(said.out)["created"] == 1
    assert "certain what they hold: “Favourite Colour”.\n" in said.err
    assert "misread before: “City”" in said.err


def test_row_with_too_many_cells_stays_an_error_until_it_is_put_right(run, tmp_path):
    path, errors = tmp_path / "firms.csv", tmp_path / "errors.csv"
    path.write_text("Company Name,City,Email\nAlpha, Inc,Ulm,a@alpha.example\n", encoding="utf-8")
    assert run(path, "--errors", errors)["errors"] == 1
    assert run(errors)["errors"] == 1
    with errors.open(encoding="utf-8-sig", newline="") as file:
        header, row = csv.reader(file)
    assert (len(header), row[:3], row[7:]) == (7, ["Alpha", " Inc", "Ulm"], ["a@alpha.example"])
    with errors.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, ["Alpha, Inc", "Ulm", "a@alpha.example", *row[3:7]]])
    assert run(errors)["created"] == 1


def test_backup_of_a_store_that_is_broken_is_read(tmp_path, capsys):
    (tmp_path / "builders.json").write_text('{"data":[{"companyName":"Al')
    (tmp_path / "builders.json.backup").write_text('{"data":[{"companyName":"Alpha","contactInfo":{}}]}')
    call_command("import_builders", str(tmp_path / "builders.json"), "--json")
    said = capsys.readouterr()
    assert json.loads(said.out)["created"] == 1
    assert "builders.json: The JSON ends in the middle" in said.err
    assert "Its backup is read instead." in said.err


def test_errors_of_several_files_stand_under_all_their_columns(run, tmp_path):
    one, two, errors = tmp_path / "one.csv", tmp_path / "two.csv", tmp_path / "errors.csv"
    one.write_text("Company Name,City\n,Ulm\n", encoding="utf-8")
    two.write_text("Email,Company Name\na@x.de,\n", encoding="utf-8")
    assert run(one, two, "--errors", errors)["errors"] == 2
    with errors.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ["Company Name", "City", "Email", "error_row"]
    assert [row[:4] for row in rows] == [["", "Ulm", "", "2"], ["", "", "a@x.de", "2"]]


def test_import_that_is_stopped_goes_on(run, tmp_path, monkeypatch):
    path = write_csv(tmp_path / "firms.csv", [cells(1)])
    monkeypatch.setattr(runner, "commit", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(CommandError, match=r"firms\.csv: stopped") as stopped:
        run(path)
    assert stopped.value.returncode == 130
    monkeypatch.undo()
    ImportJob.objects.update(lease_until=None)
    assert run(path)["created"] == 1
    assert ImportJob.objects.get().state == "committed"


def test_another_import_that_is_being_written_is_waited_for_by_people(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(1)])
    ImportJob.objects.create(source="x", file_name="x", state="committing", worker="else", created_by=make_staff())
    with pytest.raises(CommandError, match="Another import is being written"):
        run(path)
    assert ImportJob.objects.count() == 1


def test_file_that_was_being_written_when_its_process_died_goes_on(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(n) for n in range(6)])
    with path.open("rb") as file:
        job = imports.create_import(actor=None, file=file, name="firms.csv", source="fair")
    imports.stage(job, in_background=False)
    runner.run(job.pk)
    job.refresh_from_db()
    imports.commit_import(actor=None, job=job, in_background=False)
    assert run(path)["created"] == 6
    assert ImportJob.objects.get().state == "committed"


def test_file_that_was_being_read_when_its_process_died_goes_on(run, tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(n) for n in range(6)])
    with path.open("rb") as file:
        job = imports.create_import(actor=None, file=file, name="firms.csv", source="fair")
    imports.stage(job, in_background=False)
    assert run(path, "--source", "elsewhere", "--dry-run")["created"] == 6
    assert run(path, "--source", "fair")["created"] == 6
    assert ImportJob.objects.get().state == "committed"


def test_job_that_was_left_is_taken_up_in_the_background(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "firms.csv", [cells(1)])
    with path.open("rb") as file:
        job = imports.create_import(actor=None, file=file, name="firms.csv")
    imports.stage(job, in_background=False)
    monkeypatch.setattr(runner, "start", runner.run)
    assert runner.resume_abandoned() == "1 taken up"
    job.refresh_from_db()
    assert (job.state, job.counts) == ("staged", {"created": 1})
    assert runner.resume_abandoned() == "0 taken up"


def test_import_needs_its_right(tmp_path):
    path = write_csv(tmp_path / "firms.csv", [cells(1)])
    with path.open("rb") as file, pytest.raises(ClientError) as refused:
        imports.create_import(actor=make_member(), file=file, name="firms.csv")
    assert refused.value.code == "forbidden"


def test_mapping_and_policy_are_checked(tmp_path):
    path, staff = write_csv(tmp_path / "firms.csv", [cells(1)]), make_staff()
    with path.open("rb") as file:
        job = imports.create_import(actor=staff, file=file, name="../../firms.csv")
    assert job.file_name == "firms.csv"
    with pytest.raises(ClientError, match="columns"):
        imports.confirm_mapping(actor=staff, job=job, mapping={"fields": ["name"]})
    with pytest.raises(ClientError, match="policy"):
        imports.confirm_mapping(actor=staff, job=job, policy={"name": "shred"})
    imports.confirm_mapping(actor=staff, job=job, policy={"name": "keep"}, source="other", region="de")
    job.refresh_from_db()
    assert (job.policy, job.source, job.region) == ({"name": "keep"}, "other", "DE")


def test_file_that_breaks_off_fails_and_says_why(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "firms.csv", [cells(1)])
    with path.open("rb") as file:
        job = imports.create_import(actor=None, file=file, name="firms.csv")
    Path(job.file.path).unlink()
    imports.stage(job, in_background=False)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "missing")
    assert not ImportRow.objects.exists()
