"""Imports over HTTP for staff: the steps of the admin site, without its pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from builders.importing import limits, runner
from builders.models import Builder, ImportJob
from builders.services.builders import update_builder
from tests.builders.admin.staff import client_with
from tests.rig import client_of, make_guest, make_member, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

URL, GOOGLE = "/api/admin/imports", "/api/admin/gmb-integration"
HEADER = "Company Name,Email,Phone,City,Country,Team Size"
MUELLER = "Stände Müller GmbH,info@mueller-stand.de,+49 211 5550101,Düsseldorf,Germany,12"
ATELIER = "L'Atelier,bonjour@atelier-stand.fr,+33 4 72 55 01 02,Lyon,France,5"
NAMELESS = ",nobody@nowhere.fr,+33 4 72 55 01 03,Lyon,France,5"
PLACES = {
    "places": [
        {
            "id": "ChIJ0123456789",
            "displayName": {"text": "Expo Graz"},
            "formattedAddress": "Messeplatz 1, 8010 Graz, Austria",
            "internationalPhoneNumber": "+43 316 555010",
        }
    ]
}


@pytest.fixture
def boss(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(runner, "start", runner.run)
    return client_of(make_staff())


def upload(client: Client, *lines: str, name: str = "fair.csv", **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    content = "\n".join(lines or (HEADER, MUELLER)).encode()
    return client.post(URL, {"file": SimpleUploadedFile(name, content), "source": "fair", **fields}, **headers)


def send(client: Client, method: str, url: str, body: Any = None, **headers: str) -> Any:
    data = "" if body is None else json.dumps(body)
    return client.generic(method, url, data, "application/json", **headers)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_routes_take_the_right_to_import(boss: Client) -> None:
    uid = upload(boss).json()["uid"]
    job = f"{URL}/{uid}"
    requests = [
        ("GET", job, None),
        ("GET", f"{job}/rows", None),
        ("GET", f"{job}/errors.csv", None),
        ("PATCH", job, {}),
        ("POST", f"{job}/commit", None),
        ("POST", f"{job}/undo", None),
        ("POST", f"{job}/cancel", None),
        ("POST", GOOGLE, PLACES),
    ]
    people = (Client(), 401), (client_of(make_guest()), 403), (client_of(make_member()), 403)
    for client, status in (*people, (client_with("view_builder", "change_builder"), 403)):
        answers = [send(client, *request) for request in requests] + [upload(client)]
        assert [answer.status_code for answer in answers] == [status] * 9
    assert ImportJob.objects.get().state == "staged"
    assert send(client_with("run_imports"), "GET", job).status_code == 200


def test_file_is_previewed_written_and_taken_back(boss: Client) -> None:
    answer = upload(boss, HEADER, MUELLER, ATELIER, NAMELESS)
    assert answer.status_code == 201, answer.content
    job = answer.json()
    assert (job["state"], job["counts"]) == ("staged", {"created": 2, "error": 1})
    url = f"{URL}/{job['uid']}"
    assert not Builder.objects.exists()
    rows = send(boss, "GET", f"{url}/rows?outcome=created&limit=1").json()
    assert (rows["items"][0]["values"]["name"], rows["next"]) == ("Stände Müller GmbH", "2")
    rest = send(boss, "GET", f"{url}/rows?outcome=created&cursor=2").json()
    assert [row["values"]["name"] for row in rest["items"]] == ["L'Atelier"]
    written = send(boss, "POST", f"{url}/commit")
    assert written.status_code == 202
    assert send(boss, "GET", url).json()["state"] == "committed"
    errors = b"".join(boss.get(f"{url}/errors.csv").streaming_content).decode()
    assert "nobody@nowhere.fr" in errors
    assert "no_name" in errors
    update_builder(actor=None, builder=Builder.objects.get(name="L'Atelier").pk, values={"founded": 1999})
    assert send(boss, "POST", f"{url}/undo").status_code == 202
    undone = send(boss, "GET", url).json()
    assert (undone["state"], undone["counts"]["left"], undone["is_running"]) == ("undone", 1, False)
    assert Builder.objects.count() == 1


def test_column_that_may_be_several_things_is_asked(boss: Client) -> None:
    job = upload(boss, "Company Name,Email,Contact,City", "Stände Müller,a@b-stand.de,see below,Graz").json()
    assert job["state"] == "uploaded"
    [asked] = [column for column in job["columns"] if column["ask"]]
    assert asked["header"] == "Contact"
    assert asked["candidates"]
    url = f"{URL}/{job['uid']}"
    answer = send(boss, "PATCH", url, {"columns": {"Contact": "contact_name"}, "rank": 10})
    assert answer.status_code == 202, answer.content
    found = send(boss, "GET", url).json()
    assert (found["state"], found["rank"], found["counts"]) == ("staged", 10, {"created": 1})
    nameless = upload(boss, "Компания,Почта", "Экспо,a@expo.example").json()
    assert (nameless["state"], [column["ask"] for column in nameless["columns"]]) == ("uploaded", [True, True])
    url = f"{URL}/{nameless['uid']}"
    answer = send(boss, "PATCH", url, {"source": "fair"})
    assert answer.status_code == 202, answer.content
    assert send(boss, "GET", url).json()["state"] == "failed"
    answer = send(boss, "PATCH", url, {"columns": {"Компания": "name"}})
    assert answer.status_code == 202, answer.content
    assert send(boss, "GET", url).json()["counts"] == {"created": 1}


def test_policy_is_said_for_a_field(boss: Client) -> None:
    first = upload(boss).json()
    send(boss, "POST", f"{URL}/{first['uid']}/commit")
    second = upload(boss, HEADER, MUELLER.replace(",12", ",15")).json()
    assert second["counts"] == {"updated": 1}
    url = f"{URL}/{second['uid']}"
    send(boss, "PATCH", url, {"policy": {"team": "keep"}})
    assert send(boss, "GET", url).json()["counts"] == {"unchanged": 1}


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    "body",
    [
        {"columns": {"No such": "name"}},
        {"columns": {"Email": "colour"}},
        {"policy": {"team": "burn"}},
        {"policy": {"colour": "keep"}},
        {"rank": 60},
        {"rank": 50},
        {"source": "x" * 41},
        {"region": "Germany"},
        {"columns": "all"},
    ],
)
def test_change_that_makes_no_sense_is_refused(boss: Client, body: dict[str, Any]) -> None:
    job = upload(boss).json()
    assert refusal(send(boss, "PATCH", f"{URL}/{job['uid']}", body)) == (422, "invalid")


@pytest.mark.backend("sqlite")
def test_step_out_of_turn_is_a_conflict(boss: Client) -> None:
    job = upload(boss).json()
    url = f"{URL}/{job['uid']}"
    assert refusal(send(boss, "POST", f"{url}/undo")) == (409, "conflict")
    assert send(boss, "POST", f"{url}/cancel").status_code == 202
    for step in ("commit", "undo", "cancel"):
        assert refusal(send(boss, "POST", f"{url}/{step}")) == (409, "conflict")
    assert refusal(send(boss, "PATCH", url, {})) == (409, "conflict")
    assert refusal(send(boss, "GET", f"{url}/rows?outcome=nonsense")) == (422, "invalid")
    assert refusal(send(boss, "GET", f"{URL}/unknown")) == (404, "not_found")


@pytest.mark.backend("sqlite")
def test_file_that_is_no_table_is_refused(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = upload(boss, "%PDF-1.7 and so on", name="a.pdf")
    assert refusal(answer) == (422, "invalid")
    assert answer.json()["errors"][0]["pointer"] == "/file"
    assert refusal(boss.post(URL, {"source": "fair"})) == (422, "invalid")
    assert refusal(upload(boss, region="Atlantis")) == (422, "invalid")
    monkeypatch.setattr(limits, "MAX_UPLOAD", 10)
    assert refusal(upload(boss)) == (413, "too_large")
    assert not ImportJob.objects.exists()


def test_repeat_with_a_key_is_one_import(boss: Client) -> None:
    headers = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    first, again = (upload(boss, HEADER, MUELLER, headers=headers) for _ in range(2))
    assert first.json()["uid"] == again.json()["uid"]
    assert refusal(upload(boss, HEADER, ATELIER, headers=headers)) == (422, "idempotency_conflict")
    assert ImportJob.objects.count() == 1


def test_records_of_google_are_previewed_and_written(boss: Client) -> None:
    answer = send(boss, "POST", GOOGLE, PLACES)
    assert answer.status_code == 201, answer.content
    job = answer.json()
    assert (job["source"], job["state"], job["counts"]) == ("google", "staged", {"created": 1})
    send(boss, "POST", f"{URL}/{job['uid']}/commit")
    row = Builder.objects.get()
    assert (row.name, row.source_keys.get().key) == ("Expo Graz", "ChIJ0123456789")
    assert send(boss, "POST", GOOGLE, PLACES).json()["counts"] == {"unchanged": 1}
    named = send(boss, "POST", f"{GOOGLE}?source=my-search&region=AT", PLACES).json()
    assert (named["source"], named["region"]) == ("my-search", "AT")


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    "body", [{}, {"places": []}, {"rows": [{"name": "x"}]}, {"companyName": "X", "headquarters": {}}]
)
def test_what_is_no_record_of_google_is_refused(boss: Client, body: dict[str, Any]) -> None:
    answer = send(boss, "POST", GOOGLE, body)
    assert refusal(answer) == (422, "invalid")
    assert not ImportJob.objects.exists()


@pytest.mark.backend("sqlite")
def test_body_that_is_no_object_is_refused(boss: Client) -> None:
    assert send(boss, "POST", GOOGLE, [PLACES]).status_code == 400
    assert boss.post(GOOGLE, {"a": "b"}).status_code == 415
    assert boss.generic("POST", URL, "{}", "multipart/form-data").status_code == 400
