"""An import in the admin site, from the file to the undo, and what is refused on the way."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from builders.importing import limits, runner
from builders.models import Builder, ImportJob, ImportRow, MappingPreset, Rank
from builders.services import imports
from builders.services.builders import update_builder
from operations.models import ActivityEvent
from tests.builders.admin.staff import act, builder, client_with, confirm, messages_of
from tests.builders.importing.written import xlsx
from tests.rig import client_of, make_guest, make_staff, statements

pytestmark = pytest.mark.django_db(transaction=True)

LIST, ADD = "/admin/builders/importjob/", "/admin/builders/importjob/add/"
HEADER = "Company Name,Email,Phone,City,Country,Team Size"
MUELLER = "Stände Müller GmbH,info@mueller-stand.de,+49 211 5550101,Düsseldorf,Germany,12"
ATELIER = "L'Atelier,bonjour@atelier-stand.fr,+33 4 72 55 01 02,Lyon,France,5"
NAMELESS = ",nobody@nowhere.fr,+33 4 72 55 01 03,Lyon,France,5"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in the background elsewhere runs within the request here."""
    monkeypatch.setattr(runner, "start", runner.run)


@pytest.fixture
def boss(at_once: None, transactional_db: None) -> Client:
    return client_of(make_staff())


def file(*lines: str, name: str = "fair.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "\n".join(lines).encode())


def upload(client: Client, *lines: str, **fields: str) -> ImportJob:
    response = client.post(ADD, {"file": file(*lines), "source": "fair", **fields})
    assert response.status_code == 302, response.content.decode()
    return ImportJob.objects.latest("pk")


def url(job: ImportJob, page: str = "") -> str:
    return f"{LIST}job/{job.uid}/{page}"


def answers(client: Client, job: ImportJob, **changes: str) -> dict[str, str]:
    """Return what the page of the columns proposes, with other answers in some fields."""
    form = client.get(url(job, "columns/")).context["form"]
    return {name: str(form[name].value() or "") for name in form.fields} | changes


def staged(client: Client, *lines: str, **changes: str) -> ImportJob:
    job = upload(client, *lines)
    response = client.post(url(job, "columns/"), answers(client, job, **changes))
    assert response.status_code == 302, response.context["form"].errors
    job.refresh_from_db()
    assert job.state == "staged", job.error_message
    return job


def written(client: Client, *lines: str, **changes: str) -> ImportJob:
    job = staged(client, *lines, **changes)
    client.post(url(job, "commit/"))
    job.refresh_from_db()
    assert job.state == "committed", job.error_message
    return job


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- who may ----------------------------------------------------------------------------------------------------


def test_every_page_takes_the_right_to_import(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER)
    ends = ("", "columns/", "undo/", "rows/", "errors.csv", "progress.json")
    acts = ("columns/", "layout/", "policy/", "commit/", "cancel/", "retry/", "undo/", "decide/")
    for client, status in ((Client(), 302), (client_of(make_guest()), 302), (client_with("view_builder"), 403)):
        assert [client.get(url(job, end)).status_code for end in ends] == [status] * len(ends)
        assert [client.post(url(job, end)).status_code for end in acts] == [status] * len(acts)
        assert [client.get(page).status_code for page in (LIST, ADD)] == [status] * 2
        assert client.post(ADD, {"file": file(HEADER, MUELLER)}).status_code == status
        assert client.get(f"{LIST}{job.pk}/change/").status_code == status
    job.refresh_from_db()
    assert (job.state, ImportJob.objects.count(), Builder.objects.count()) == ("staged", 1, 0)
    assert text(client_with("run_imports"), url(job))


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("page", ["layout/", "policy/", "commit/", "cancel/", "retry/", "decide/"])
def test_what_changes_something_is_sent(boss: Client, page: str) -> None:
    assert boss.get(url(upload(boss, HEADER, MUELLER), page)).status_code == 405


@pytest.mark.backend("sqlite")
def test_import_that_there_is_not_is_not_found(boss: Client) -> None:
    assert boss.get(f"{LIST}job/unknown/").status_code == 404
    assert boss.get(f"{LIST}99/change/").status_code == 404
    assert boss.get(f"{LIST}x/change/").status_code == 404


# --- the file ---------------------------------------------------------------------------------------------------


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"%PDF-1.7 and so on", "This is no table but a PDF document."),
        ("a.csv", b"", "This file is empty."),
        ("a.xls", b"\xd0\xcf\x11\xe0 old", "Excel file from before 2007"),
        ("a.html", b"<html><table></table></html>", "This is a web page or XML"),
        ("a.json", b"{not json", "JSON"),
    ],
)
def test_file_that_is_no_table_is_refused_kindly(boss: Client, name: str, content: bytes, said: str) -> None:
    response = boss.post(ADD, {"file": SimpleUploadedFile(name, content)})
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not ImportJob.objects.exists()


@pytest.mark.backend("sqlite")
def test_file_that_is_too_large_is_refused_kindly(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UPLOAD", 10)
    response = boss.post(ADD, {"file": file(HEADER, MUELLER)})
    assert "manage.py import_builders" in response.content.decode()
    assert not ImportJob.objects.exists()


@pytest.mark.backend("sqlite")
def test_name_of_the_file_is_text(boss: Client) -> None:
    job = upload(boss, HEADER, MUELLER)
    ImportJob.objects.update(file_name="<script>alert(1)</script>.csv")
    for page in (LIST, url(job), url(job, "columns/")):
        assert "<script>alert(1)" not in boss.get(page, follow=True).content.decode()


# --- columns ----------------------------------------------------------------------------------------------------


def test_columns_are_proposed_with_samples_and_how_sure_they_are(boss: Client) -> None:
    job = upload(boss, HEADER, MUELLER, ATELIER)
    page = text(boss, url(job, "columns/"))
    assert "Stände Müller GmbH" in page
    proposed = answers(boss, job)
    assert [proposed[f"column-{n}"] for n in range(6)] == [
        "name",
        "email",
        "phone",
        "locality",
        "country",
        "team_size",
    ]
    assert page.count("badge--sure") == 6


def test_columns_that_say_nothing_here_stand_apart(boss: Client) -> None:
    content = (Path(__file__).parents[1] / "files" / "gbp.csv").read_bytes()
    boss.post(ADD, {"file": SimpleUploadedFile("gbp.csv", content)})
    job = ImportJob.objects.get()
    form = boss.get(url(job, "columns/")).context["form"]
    apart = {row.column.header for row in form.left_out}
    assert "Labels" in apart
    assert {row.column.header for row in form.rows}.isdisjoint(apart)
    assert len(form.rows) + len(apart) == len(form.columns)
    assert boss.post(url(job, "columns/"), answers(boss, job)).status_code == 302
    assert ImportJob.objects.get().counts["created"] > 0


def test_column_that_may_be_several_things_is_asked(boss: Client) -> None:
    job = upload(boss, "Company Name,Email,Contact,City", "Stände Müller,a@b-stand.de,see below,Graz")
    [column] = [c for c in boss.get(url(job, "columns/")).context["proposal"].columns if c.header == "Contact"]
    assert column.ask
    name = f"column-{column.index}"
    given = answers(boss, job)
    assert given[name] == ""
    response = boss.post(url(job, "columns/"), given)
    assert "This column may be several things" in response.content.decode()
    assert ImportJob.objects.get().state == "uploaded"
    assert boss.post(url(job, "columns/"), given | {name: "-"}).status_code == 302
    assert ImportJob.objects.get().mapping["fields"][column.index] == ""


def test_confirmed_columns_are_read_that_way(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER, **{"column-1": "-", "rank": str(Rank.SCRAPER), "source": "other"})
    assert (job.source, job.rank) == ("other", Rank.SCRAPER)
    assert "emails" not in ImportRow.objects.get().values


def test_file_without_rows_and_empty_lists_say_what_now(boss: Client) -> None:
    assert "No file has been imported yet" in text(boss, LIST)
    assert "There are no rows below the names" in text(boss, url(upload(boss, HEADER), "columns/"))
    assert "Nothing fits “<bdi>qq</bdi>”" in text(boss, f"{LIST}?q=qq")
    assert "No columns are remembered yet" in text(boss, "/admin/builders/mappingpreset/")


def test_mapping_without_a_name_is_asked_for_one(boss: Client) -> None:
    job = upload(boss, HEADER, MUELLER)
    response = boss.post(url(job, "columns/"), answers(boss, job, **{"column-0": "-"}))
    assert "Say which column holds the names of the firms" in response.content.decode()
    job.refresh_from_db()
    assert job.state == "uploaded"


def test_columns_are_remembered_and_known_again(boss: Client) -> None:
    lines = ("Firma,Kram,Ort", "Stände Müller,Modular,Graz")
    staged(boss, *lines, **{"column-1": "services", "preset_name": "Fair of Graz", "source": "graz"})
    assert MappingPreset.objects.get().name == "Fair of Graz"
    job = upload(boss, *lines, source="")
    page = text(boss, url(job, "columns/"))
    assert "remembered as <strong>Fair of Graz</strong>" in page
    # What was answered once is not asked again.
    assert ">asked<" not in page
    given = answers(boss, job)
    assert (given["column-1"], given["source"]) == ("services", "graz")
    presets = "/admin/builders/mappingpreset/"
    assert "Fair of Graz" in text(boss, presets)
    confirm(client_with("view_builder"), "forget", MappingPreset.objects.get(), page=presets)
    assert "3 columns of graz" in act(boss, "forget", MappingPreset.objects.get(), page=presets).content.decode()
    confirm(boss, "forget", MappingPreset.objects.get(), page=presets)
    assert not MappingPreset.objects.exists()
    assert ActivityEvent.objects.get(kind="builders.preset.forgotten").target == "Fair of Graz"


def test_other_sheet_is_read(boss: Client, tmp_path: Any) -> None:
    sheets = {"Notes": [["Hello"], ["x"]], "Firms": [["Company Name", "City"], ["Stände Müller", "Graz"]]}
    content = xlsx(tmp_path / "a.xlsx", sheets).read_bytes()
    boss.post(ADD, {"file": SimpleUploadedFile("a.xlsx", content)})
    job = ImportJob.objects.get()
    boss.post(url(job, "layout/"), {"sheet": "Firms", "header_row": "1"})
    assert "Stände Müller" in text(boss, url(job, "columns/"))
    assert ImportJob.objects.get().mapping["fields"] == ["name", "locality"]


def test_layout_by_which_it_is_no_table_changes_nothing(boss: Client) -> None:
    job = upload(boss, HEADER, MUELLER)
    before = ImportJob.objects.get().layout
    response = boss.post(url(job, "layout/"), {"encoding": "utf-16", "delimiter": ";", "header_row": "1"}, follow=True)
    assert messages_of(response)
    assert ImportJob.objects.get().layout == before
    boss.post(url(job, "layout/"), {"encoding": "no-such", "header_row": "x"})
    assert ImportJob.objects.get().layout == before


# --- preview ----------------------------------------------------------------------------------------------------


def test_preview_shows_what_would_change_and_writes_nothing(boss: Client) -> None:
    written(boss, HEADER, MUELLER)
    job = staged(boss, HEADER, MUELLER.replace(",12", ",15"), ATELIER, NAMELESS)
    page = text(boss, url(job))
    assert "Nothing is written yet" in page
    for said in (
        "<strong>1</strong> new",
        "<strong>1</strong> changed",
        "<strong>1</strong> error",
        "Write 2 builders",
    ):
        assert said in page
    assert "<del><bdi>12</bdi></del>" in page
    assert "<ins><bdi>15</bdi></ins>" in page
    assert "Atelier" in page
    assert Builder.objects.count() == 1


def test_preview_takes_as_many_statements_whatever_the_rows(boss: Client) -> None:
    figures = []
    for count in (1, 4):
        rows = [f"Firm {count} {n},f{count}{n}@firm{count}{n}.de,,Graz,Austria,3" for n in range(count)]
        job = staged(boss, HEADER, *rows)
        figures.append(statements(lambda job=job: boss.get(url(job))))  # type: ignore[misc]
    assert figures[0] == figures[1]


def test_policy_is_chosen_field_by_field(boss: Client) -> None:
    written(boss, HEADER, MUELLER)
    job = staged(boss, HEADER, MUELLER.replace(",12", ",15").replace("info@", "office@"))
    assert set(ImportRow.objects.get(job=job).difference) == {"team", "emails"}
    boss.post(url(job, "policy/"), {"team": "fill", "emails": "replace"})
    job.refresh_from_db()
    assert (job.state, job.policy) == ("staged", {"team": "fill", "emails": "replace"})
    row = ImportRow.objects.get(job=job)
    assert row.difference == {"emails": [["info@mueller-stand.de"], ["office@mueller-stand.de"]]}
    assert "Team" in text(boss, url(job))
    boss.post(url(job, "policy/"), {"team": "burn"})
    assert ImportJob.objects.get(pk=job.pk).policy == {"team": "fill", "emails": "replace"}


def test_rows_are_shown_by_outcome_page_by_page(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.admin.imports._ROWS_OF_A_PAGE", 2)
    job = staged(boss, HEADER, *[f"Firm {n},f{n}@firm{n}.de,,Graz,Austria,3" for n in range(3)], NAMELESS)
    first = text(boss, url(job, "rows/?outcome=created"))
    assert ("Firm 1" in first, "Firm 2" in first) == (True, False)
    assert "Firm 2" in text(boss, url(job, "rows/?outcome=created&after=3"))
    assert "without a name" in text(boss, url(job, "rows/?outcome=error"))
    assert "without a name" in text(boss, url(job, "rows/?outcome=problems"))
    assert boss.get(url(job, "rows/?outcome=nonsense")).status_code == 404
    assert "Firm 0" in text(boss, url(job, "rows/?after=nonsense"))


def test_conflicts_ahead_are_told_before_writing(boss: Client) -> None:
    written(boss, HEADER, MUELLER)
    job = staged(boss, HEADER, MUELLER.replace(",12", ",15"))
    update_builder(actor=None, builder=Builder.objects.get().pk, values={"founded": 1999})
    assert "1 of the builders that would change were written by somebody else since" in text(boss, url(job))
    boss.post(url(job, "commit/"))
    page = text(boss, url(job))
    assert "1 row changed meanwhile" in page
    assert Builder.objects.get().team_max == 12


# --- rows that wait for somebody ----------------------------------------------------------------------------------


@pytest.fixture
def in_doubt(boss: Client) -> ImportJob:
    """A row whose telephone and street are those of a builder that is there, under another name."""
    builder(
        "Messebau Nord",
        phones=["+492115550101"],
        headquarters={"country": "DE", "city": "Düsseldorf", "street": "Messeallee 1"},
    )
    lines = ("Company Name,Phone,Street,City,Country", "Expo Süd,+49 211 5550101,Messeallee 1,Düsseldorf,Germany")
    job = staged(boss, *lines)
    assert job.counts == {"review": 1}
    return job


def test_row_in_doubt_is_said_to_be_the_builder(boss: Client, in_doubt: ImportJob) -> None:
    page = text(boss, url(in_doubt, "rows/?outcome=review"))
    assert "It is <bdi>Messebau Nord" in page
    response = boss.post(url(in_doubt, "decide/"), {"number": "2", "choice": "same"}, follow=True)
    assert messages_of(response) == ["Row 2: decided."]
    boss.post(url(in_doubt, "commit/"))
    assert Builder.objects.count() == 1
    assert not ImportRow.objects.get().is_decided


def test_row_in_doubt_is_said_to_be_new_after_the_rest_was_written(boss: Client, in_doubt: ImportJob) -> None:
    boss.post(url(in_doubt, "commit/"))
    assert "1 row to be looked at" in text(boss, url(in_doubt))
    boss.post(url(in_doubt, "decide/"), {"number": "2", "choice": "new"})
    page = text(boss, url(in_doubt))
    assert "Write the rows that were decided" in page
    boss.post(url(in_doubt, "commit/"))
    assert Builder.objects.filter(name="Expo Süd").exists()


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"number": "3", "choice": "new"}, 404),
        ({"number": "x", "choice": "new"}, 404),
        ({"number": "2", "choice": "perhaps"}, 404),
        ({}, 404),
    ],
)
def test_decision_about_nothing_is_not_found(
    boss: Client, in_doubt: ImportJob, fields: dict[str, str], status: int
) -> None:
    assert boss.post(url(in_doubt, "decide/"), fields).status_code == status
    assert ImportRow.objects.get().outcome == "review"


def test_row_that_is_decided_is_not_decided_again(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER)
    response = boss.post(url(job, "decide/"), {"number": "2", "choice": "new"}, follow=True)
    assert messages_of(response) == ["This row does not wait for a decision."]


# --- written, and taken back --------------------------------------------------------------------------------------


def test_import_is_written_and_undone_after_a_question(boss: Client) -> None:
    first = written(boss, HEADER, MUELLER)
    assert first.created_by is not None
    job = written(boss, HEADER, MUELLER.replace(",12", ",15"), ATELIER)
    assert "Written" in text(boss, url(job))
    edited = Builder.objects.get(name="L'Atelier")
    update_builder(actor=None, builder=edited.pk, values={"founded": 1999})
    asked = text(boss, url(job, "undo/"))
    for said in ("put 1 builder back", "leave 1 alone"):
        assert said in asked
    # What it would not do is not said.
    assert "delete 0" not in asked
    assert Builder.objects.filter(team_max=15).exists()
    boss.post(url(job, "undo/"))
    assert "but for 1 builder that somebody has written since" in text(boss, url(job))
    assert Builder.objects.get(name__startswith="Stände").team_max == 12
    # There is nothing more to take back.
    assert boss.get(url(job, "undo/")).status_code == 302
    response = boss.post(url(job, "undo/"), follow=True)
    assert messages_of(response) == ["This import is undone."]


def test_errors_come_as_a_file_that_can_be_corrected_and_imported(boss: Client) -> None:
    job = written(boss, HEADER, MUELLER, NAMELESS)
    response = boss.get(url(job, "errors.csv"))
    assert response["Content-Disposition"] == 'attachment; filename="fair-errors.csv"'
    content = b"".join(response.streaming_content)
    assert len(content) == int(response["Content-Length"])
    [header, row] = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    row[0] = "Named Now"
    out = io.StringIO()
    csv.writer(out).writerows([header, row])
    assert written(boss, *out.getvalue().splitlines()).counts == {"created": 1}
    assert Builder.objects.filter(name="Named Now").exists()


def test_cancelled_import_writes_nothing(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER)
    boss.post(url(job, "cancel/"))
    assert "Cancelled. Nothing was written." in text(boss, url(job))
    assert messages_of(boss.post(url(job, "commit/"), follow=True)) == ["This import is cancelled."]
    assert not Builder.objects.exists()


def test_second_import_waits_for_the_first(boss: Client) -> None:
    first, second = staged(boss, HEADER, MUELLER), staged(boss, HEADER, ATELIER)
    ImportJob.objects.filter(pk=first.pk).update(state="committing", worker="elsewhere:1:1:abc", lease_until=soon())
    assert "Another import is writing at the moment" in text(boss, url(second))
    response = boss.post(url(second, "commit/"), follow=True)
    assert messages_of(response) == ["Another import is being written. Try again when it is through."]


# --- how far it is --------------------------------------------------------------------------------------------------


INTERRUPTED = (
    "Writing to the directory was interrupted (row 500 of about 1,000). Nothing is lost: "
    "it goes on by itself within a minute or two."
)


def soon() -> dt.datetime:
    return timezone.now() + dt.timedelta(minutes=1)


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("fields", "said", "percent"),
    [
        ({"state": "staging"}, "Reading the file: waiting to begin.", 0),
        ({"state": "staging", "worker": "far:1:1:x", "lease_until": soon}, "Reading the file: just begun.", 0),
        (
            {"state": "committing", "worker": "far:1:1:x", "lease_until": soon, "progress": 500},
            "Writing to the directory: row 500 of about 1,000.",
            50,
        ),
        (
            {"state": "committing", "worker": "far:1:1:x", "lease_until": timezone.now, "progress": 500},
            INTERRUPTED,
            50,
        ),
        (
            {"state": "committing", "worker": "far:1:1:x", "lease_until": soon, "wants_cancel": True},
            "Stopping after the present rows (just begun).",
            0,
        ),
        (
            {"state": "undoing", "worker": "far:1:1:x", "lease_until": soon, "progress": 1000},
            "Taking back what was written: row 1,000 of about 1,000.",
            99,
        ),
    ],
)
def test_progress_is_told_as_it_is(boss: Client, fields: dict[str, Any], said: str, percent: int) -> None:
    values = {name: value() if callable(value) else value for name, value in fields.items()}
    job = ImportJob.objects.create(source="fair", file_name="f.csv", total=1000, **values)
    answer = boss.get(url(job, "progress.json")).json()
    assert answer == {"is_running": True, "percent": percent, "line": said, "state": fields["state"]}
    page = text(boss, url(job))
    assert said in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert said.rstrip(".") in text(boss, LIST)


def test_end_of_a_run_is_told(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER)
    assert boss.get(url(job, "progress.json")).json()["is_running"] is False


@pytest.mark.backend("sqlite")
def test_failed_import_says_why_and_is_tried_again(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER)
    ImportJob.objects.update(state="failed", error_code="internal", error_message="the disk was full")
    page = text(boss, url(job))
    assert "It failed: the disk was full" in page
    assert "Undo" not in page
    boss.post(url(job, "retry/"))
    assert ImportJob.objects.get().state == "staged"


@pytest.mark.backend("sqlite")
def test_file_of_requests_is_refused(boss: Client) -> None:
    names = "Client Name,Email,Phone,Company,Event Name,City,Country,Stand Size,Budget,Requirements,Priority,Source"
    job = upload(boss, names, "Ada,a@b.de,,X,Fair,Graz,AT,20,1000,none,high,web")
    assert "requests of clients, and no builders" in text(boss, url(job, "columns/"))
    assert boss.post(url(job, "columns/"), answers(boss, job)).status_code == 200
    assert ImportJob.objects.get().state == "uploaded"


def test_records_of_a_known_form_have_no_columns(boss: Client) -> None:
    place = '{"places": [{"id": "ChIJ123", "displayName": {"text": "Expo Graz"}, "formattedAddress": "Graz, Austria"}]}'
    response = boss.post(ADD, {"file": SimpleUploadedFile("g.json", place.encode())})
    assert response.status_code == 302
    job = ImportJob.objects.get()
    assert "There are no columns to choose" in text(boss, url(job, "columns/"))
    boss.post(url(job, "columns/"), answers(boss, job))
    assert ImportJob.objects.get().counts == {"created": 1}


@pytest.mark.backend("sqlite")
def test_file_that_is_gone_is_told(boss: Client) -> None:
    job = staged(boss, HEADER, MUELLER, NAMELESS)
    Path(job.file.path).unlink()
    assert messages_of(boss.get(url(job, "columns/"), follow=True))[0].startswith("There is no file")
    # The errors need none: they come from the preview.
    errors = b"".join(boss.get(url(job, "errors.csv")).streaming_content)
    assert b"no_name" in errors
    ImportJob.objects.update(state="uploaded")
    assert boss.get(url(job), follow=True).redirect_chain[-1][0] == LIST
    boss.post(url(job, "retry/"))
    assert "It failed: There is no file" in text(boss, url(job))


def test_nobody_is_left_with_an_error_after_logging_out(boss: Client) -> None:
    assert boss.post("/admin/logout/").status_code == 200


@pytest.mark.backend("sqlite")
def test_hostile_cells_are_text_on_every_page(boss: Client) -> None:
    script = "<script>alert(1)</script>"
    columns = ("name", "email", "phone", "locality", "country", "team_size")
    chosen = {f"column-{number}": field for number, field in enumerate(columns)}
    job = staged(boss, HEADER, ",".join([script] * 6), f",{script},,,,", **chosen)
    for page in ("", "columns/", "rows/", "rows/?outcome=problems"):
        assert script not in text(boss, url(job, page))
    boss.post(url(job, "commit/"))
    assert script not in text(boss, url(job))


def test_service_refusals_reach_the_page(boss: Client) -> None:
    job = upload(boss, HEADER, MUELLER)
    response = boss.post(url(job, "commit/"), follow=True)
    assert messages_of(response) == ["This import is uploaded, columns to be confirmed."]
    assert imports.proposal_of(job) is not None
