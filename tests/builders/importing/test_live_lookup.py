"""Look-ups at Places, against a server of our own that speaks the same format."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from builders.importing import google, live_lookup, places_client
from builders.importing.files import open_table
from builders.importing.live_lookup import LookUpsOff, QuotaSpent, place_details, requests_left, search_places
from builders.importing.places_client import LookUpRefused, Patience
from builders.models import LookUpDay, PlaceAnswer
from operations.models import ActivityEvent
from realtime.errors import ClientError, NotFound, Overloaded
from tests.builders.importing.places_server import KEY, Fault, PlacesServer, serving
from tests.rig import make_guest, make_staff

pytestmark = pytest.mark.django_db

FILES = Path(__file__).resolve().parent.parent / "files"


@pytest.fixture
def google_places(settings, monkeypatch):
    monkeypatch.setattr(places_client, "PATIENCE", Patience(tries=4, first_wait=0.01, longest_wait=1.5))
    with serving() as server:
        settings.PLACES_BASE_URL = server.url
        settings.PLACES_API_KEY = KEY
        settings.PLACES_DAILY_QUOTA = 100
        yield server


def place(number: int) -> dict:
    return {"id": f"place-{number}", "displayName": {"text": f"Stands {number}"}, "photos": [{"name": "p"}]}


def search(query: str = "stand builder Berlin", **options) -> list[dict]:
    return search_places(actor=None, query=query, **options)


# --- what is asked and answered -------------------------------------------------------------------------------------


def test_search_reads_all_pages(google_places: PlacesServer):
    google_places.places = [place(number) for number in range(45)]
    found = search(region="de")
    assert [one["id"] for one in found] == [f"place-{number}" for number in range(45)]
    assert len(google_places.requests) == 3
    bodies = [body for _, _, body, _ in google_places.requests]
    assert bodies[0] == {"textQuery": "stand builder Berlin", "languageCode": "en", "pageSize": 20, "regionCode": "DE"}
    assert all(body["textQuery"] == bodies[0]["textQuery"] and body["pageToken"] for body in bodies[1:])


def test_search_stops_at_the_limit(google_places: PlacesServer):
    google_places.places = [place(number) for number in range(45)]
    assert len(search(limit=25)) == 25
    assert len(google_places.requests) == 2
    assert len(search(limit=5)) == 5
    assert google_places.requests[-1][2]["pageSize"] == 5


def test_search_without_a_result(google_places: PlacesServer):
    assert search() == []


def test_photos_are_not_even_asked_for(google_places: PlacesServer):
    google_places.places = [place(1)]
    assert "photos" not in search()[0]


def test_place_on_two_pages_is_one(google_places: PlacesServer):
    google_places.places = [*(place(number) for number in range(20)), place(19), place(20)]
    assert len(search()) == 21


def test_details_of_one_place(google_places: PlacesServer):
    google_places.places = [place(1)]
    assert place_details(actor=None, place_id="place-1")["displayName"] == {"text": "Stands 1"}
    assert google_places.requests[0][:2] == ("GET", "/v1/places/place-1?languageCode=en")


def test_details_of_an_unknown_place(google_places: PlacesServer):
    with pytest.raises(NotFound):
        place_details(actor=None, place_id="nowhere")


def test_answer_is_a_file_that_an_import_reads(google_places: PlacesServer, tmp_path):
    google_places.places = json.loads((FILES / "google_places_new.json").read_text(encoding="utf-8"))["places"]
    path = tmp_path / "places.json"
    path.write_bytes(live_lookup.as_upload(search()))
    with open_table(path, path.name) as table:
        assert table.layout.shape == "places_new"
        read = [google.read(record, table.layout.shape)[0] for _, record in table.records()]
    uploaded = [google.read(record)[0] for record in google_places.places]
    assert read == uploaded


# --- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_failure_that_may_pass_is_tried_again(google_places: PlacesServer, status):
    google_places.places = [place(1)]
    google_places.faults = [Fault(status=status), Fault(status=status)]
    assert len(search()) == 1
    assert len(google_places.requests) == 3


def test_waits_grow(google_places: PlacesServer, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(places_client, "time", SimpleNamespace(sleep=waits.append))
    google_places.faults = [Fault() for _ in range(4)]
    with pytest.raises(Overloaded):
        search()
    assert len(google_places.requests) == 4
    assert waits[0] == 0
    assert 0.005 <= waits[1] <= 0.01 <= waits[2] <= 0.02 <= waits[3] <= 0.04


def test_retry_after_is_honoured(google_places: PlacesServer):
    google_places.places = [place(1)]
    google_places.faults = [Fault(status=429, headers={"Retry-After": "1"})]
    assert len(search()) == 1
    first, second = (moment for *_, moment in google_places.requests)
    assert second - first >= 1.0


def test_retry_after_that_is_too_long_is_told_and_not_waited_for(google_places: PlacesServer):
    google_places.faults = [Fault(status=429, headers={"Retry-After": "120"})]
    with pytest.raises(ClientError) as refusal:
        search()
    assert (refusal.value.code, refusal.value.retry_after_ms) == ("rate_limited", 120_000)
    assert len(google_places.requests) == 1


def test_retry_after_may_be_a_date(google_places: PlacesServer):
    moment = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90), usegmt=True)
    google_places.faults = [Fault(status=503, headers={"Retry-After": moment})]
    with pytest.raises(Overloaded) as refusal:
        search()
    assert 80_000 < refusal.value.retry_after_ms <= 90_000


def test_retry_after_that_is_neither_counts_as_none(google_places: PlacesServer):
    google_places.faults = [Fault(headers={"Retry-After": "soon"})]
    assert search() == []


def test_server_that_breaks_off_is_tried_again(google_places: PlacesServer):
    google_places.faults = [Fault(breaks=True)]
    assert search() == []
    assert len(google_places.requests) == 2


def test_server_that_is_silent_is_given_up(google_places: PlacesServer, monkeypatch):
    monkeypatch.setattr(places_client, "_TIMEOUT", httpx.Timeout(0.1))
    google_places.faults = [Fault(silence=0.4) for _ in range(4)]
    with pytest.raises(Overloaded, match="does not answer"):
        search()


def test_nobody_listens(google_places: PlacesServer, settings):
    settings.PLACES_BASE_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(Overloaded):
        search()


def test_wrong_key_is_said_without_the_key(google_places: PlacesServer, settings):
    settings.PLACES_API_KEY = "another-invented-key"
    with pytest.raises(LookUpRefused) as refusal:
        search()
    assert refusal.value.code == "unsupported"
    assert "PLACES_API_KEY" in refusal.value.message
    assert "another-invented-key" not in refusal.value.message
    assert len(google_places.requests) == 1


def test_refusal_repeats_the_reason_and_is_not_tried_again(google_places: PlacesServer):
    body = json.dumps(
        {"error": {"code": 400, "message": "Invalid region code.", "status": "INVALID_ARGUMENT"}}
    ).encode()
    google_places.faults = [Fault(status=400, body=body)]
    with pytest.raises(LookUpRefused, match="Invalid region code"):
        search()
    assert len(google_places.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b"\xff\xfe", b""])
def test_answer_that_is_no_object_is_refused(google_places: PlacesServer, body):
    google_places.faults = [Fault(status=200, body=body)]
    with pytest.raises(LookUpRefused):
        search()


@pytest.mark.parametrize("body", [b'{"places": 7}', b'{"places": ["x", null]}', b'{"nextPageToken": 5}'])
def test_answer_of_an_odd_form_holds_no_places(google_places: PlacesServer, body):
    google_places.faults = [Fault(status=200, body=body)]
    assert search() == []


def test_answer_without_end_is_refused(google_places: PlacesServer, monkeypatch):
    monkeypatch.setattr(places_client, "MAX_ANSWER", 1000)
    google_places.faults = [Fault(status=200, body=b" " * 2000)]
    with pytest.raises(LookUpRefused, match="too long"):
        search()


def test_redirect_does_not_carry_the_key_away(google_places: PlacesServer):
    with serving() as elsewhere:
        google_places.faults = [Fault(status=307, headers={"Location": f"{elsewhere.url}/places:searchText"})]
        with pytest.raises(LookUpRefused):
            search()
        assert elsewhere.requests == []


@pytest.mark.parametrize("place_id", ["", "../x", "a/b", "a?b", "x" * 400, "ä"])
def test_place_id_of_another_form_is_never_sent(google_places: PlacesServer, place_id):
    with pytest.raises(ClientError) as refusal:
        place_details(actor=None, place_id=place_id)
    assert refusal.value.code == "invalid"
    assert google_places.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"query": " "},
        {"query": "x" * 201},
        {"query": "x", "region": "DEU"},
        {"query": "x", "language": "!"},
        {"query": "x", "limit": 61},
    ],
)
def test_question_of_another_form_is_never_sent(google_places: PlacesServer, options):
    with pytest.raises(ClientError) as refusal:
        search_places(actor=None, **options)
    assert refusal.value.code == "invalid"
    assert google_places.requests == []


# --- quota ----------------------------------------------------------------------------------------------------------


def test_quota_counts_every_request_that_goes_out(google_places: PlacesServer, settings):
    settings.PLACES_DAILY_QUOTA = 3
    google_places.faults = [Fault()]
    search("one")
    assert requests_left() == 1
    search("two")
    with pytest.raises(QuotaSpent) as refusal:
        search("three")
    assert refusal.value.code == "rate_limited"
    assert 0 < refusal.value.retry_after_ms <= 24 * 3600 * 1000
    assert len(google_places.requests) == 3


def test_quota_is_new_on_the_next_day_of_utc(google_places: PlacesServer, settings):
    settings.PLACES_DAILY_QUOTA = 1
    with time_machine.travel("2026-05-01T23:59:00Z", tick=False):
        search("one")
        with pytest.raises(QuotaSpent) as refusal:
            search("two")
        assert refusal.value.retry_after_ms == 60_000
    with time_machine.travel("2026-05-02T00:00:00Z", tick=False):
        search("two")
    assert list(LookUpDay.objects.values_list("requests", flat=True)) == [1, 1]


def test_quota_of_zero_asks_nothing(google_places: PlacesServer, settings):
    settings.PLACES_DAILY_QUOTA = 0
    with pytest.raises(QuotaSpent):
        search()
    assert google_places.requests == []


# --- memory ---------------------------------------------------------------------------------------------------------


def test_answer_is_remembered_and_costs_nothing_the_second_time(google_places: PlacesServer):
    google_places.places = [place(1)]
    assert search() == search("  stand   builder Berlin ")
    assert len(google_places.requests) == 1
    search(region="AT")
    search(language="de")
    assert len(google_places.requests) == 3


def test_answer_is_forgotten_after_thirty_days(google_places: PlacesServer):
    search()
    PlaceAnswer.objects.update(fetched_at=timezone.now() - dt.timedelta(days=29, hours=23))
    search()
    assert len(google_places.requests) == 1
    PlaceAnswer.objects.update(fetched_at=timezone.now() - dt.timedelta(days=30))
    search()
    assert len(google_places.requests) == 2
    assert PlaceAnswer.objects.count() == 1


def test_job_deletes_what_may_no_longer_be_kept(google_places: PlacesServer):
    search("old")
    PlaceAnswer.objects.update(fetched_at=timezone.now() - dt.timedelta(days=30))
    LookUpDay.objects.create(day=timezone.now().date() - dt.timedelta(days=91), requests=5)
    search("new")
    assert live_lookup.forget_old_answers() == "1 answers of Google Places deleted"
    assert (PlaceAnswer.objects.count(), LookUpDay.objects.count()) == (1, 1)


def test_failure_is_not_remembered(google_places: PlacesServer):
    google_places.places = [place(number) for number in range(30)]
    google_places.faults = [Fault(status=400)]
    with pytest.raises(LookUpRefused):
        search()
    assert len(search()) == 30


def test_key_is_stored_nowhere(google_places: PlacesServer):
    google_places.places = [place(1)]
    search()
    stored = [
        *PlaceAnswer.objects.values_list("question", "body"),
        *ActivityEvent.objects.values_list("data", flat=True),
    ]
    assert KEY not in repr(stored)


# --- rights ---------------------------------------------------------------------------------------------------------


def test_look_ups_are_off_without_a_key(settings):
    settings.PLACES_API_KEY = ""
    assert not live_lookup.is_configured()
    with pytest.raises(LookUpsOff):
        search()


def test_who_may_not_import_may_not_look_up(google_places: PlacesServer):
    with pytest.raises(ClientError) as refusal:
        search_places(actor=make_guest("Bob"), query="x")
    assert refusal.value.code == "forbidden"
    assert google_places.requests == []


def test_look_up_is_recorded(google_places: PlacesServer):
    google_places.places = [place(1)]
    search_places(actor=make_staff(), query="x")
    event = ActivityEvent.objects.get(kind="builders.places.searched")
    assert event.data == {"query": "x", "found": 1}


# --- command --------------------------------------------------------------------------------------------------------


def test_command_writes_a_file(google_places: PlacesServer, tmp_path, capsys):
    google_places.places = [place(1), place(2)]
    out = tmp_path / "places.json"
    call_command("look_up_builders", "stand builder Graz", "--region", "AT", "--out", str(out))
    assert len(json.loads(out.read_text())["places"]) == 2
    assert capsys.readouterr().out.startswith(f"2 places written to {out}. 99 requests left today.")


def test_command_overwrites_nothing_and_asks_nothing_then(google_places: PlacesServer, tmp_path):
    out = tmp_path / "places.json"
    out.write_text("mine")
    with pytest.raises(CommandError, match="exists"):
        call_command("look_up_builders", "x", "--out", str(out))
    assert (out.read_text(), google_places.requests) == ("mine", [])


def test_command_says_what_is_wrong(google_places: PlacesServer, settings, tmp_path):
    settings.PLACES_API_KEY = ""
    with pytest.raises(CommandError, match="PLACES_API_KEY"):
        call_command("look_up_builders", "x", "--out", str(tmp_path / "x.json"))
