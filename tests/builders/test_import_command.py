"""`manage.py import_builders`: real files through everything."""

from __future__ import annotations

import csv
import json
from pathlib import Path

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
