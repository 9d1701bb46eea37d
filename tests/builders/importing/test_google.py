"""Records of Google become records of ours, with nothing added, and nothing kept that is not ours to keep."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from builders.importing import google
from builders.importing.files import open_table
from builders.models import Builder
from builders.record import Offering, Place

FILES = Path(__file__).resolve().parent.parent / "files"


def places(name: str) -> list[dict]:
    with open_table(FILES / name, name) as table:
        return [record for _, record in table.records()]


def read(name: str, number: int, region: str = ""):
    record, problems = google.read(places(name)[number], region=region)
    return record, [problem.code for problem in problems]


# --- Places API (New) ---------------------------------------------------------------------------------------------


def test_new_place_is_read_whole():
    record, problems = read("google_places_new.json", 0)
    assert problems == []
    assert record.key == "ChIJfrankfurt0001-aBcDeFgHiJkLm"
    assert record.name == "Müller & Söhne Messebau GmbH"
    assert record.headquarters == Place(
        country="DE",
        region="Hessen",
        city="Frankfurt am Main",
        district="Sachsenhausen",
        street="Gerbermühlstraße 7",
        postcode="60594",
        latitude=Decimal("50.104012"),
        longitude=Decimal("8.705346"),
    )
    assert record.phones == ["+496990028012"]
    assert record.website == "https://www.mueller-messebau.example/"
    assert record.maps_url == "https://maps.google.com/?cid=1234567890123456789"
    assert (record.rating, record.review_count) == (Decimal("4.8"), 31)
    assert record.services == [Offering(name="Exhibition stand builder", category="construction")]
    assert record.status == "operational"
    assert record.extra == {
        "types": ["general_contractor"],
        "hours": {"monday": "08:00-12:00, 13:00-17:30", "friday": "08:00-14:00"},
    }


def test_new_place_in_japan_keeps_its_script_and_reads_its_national_number():
    record, problems = read("google_places_new.json", 1)
    assert problems == []
    assert (record.name, record.phones) == ("有明展示工房株式会社", ["+81355301111"])
    assert record.headquarters is not None
    assert (record.headquarters.country, record.headquarters.city, record.headquarters.postcode) == (
        "JP",
        "江東区",
        "135-0063",
    )
    assert record.headquarters.street == ""
    assert record.extra["address"].startswith("日本、〒135-0063")


def test_new_place_in_arabic_without_rating_and_position():
    record, problems = read("google_places_new.json", 2)
    assert problems == []
    assert record.headquarters == Place(country="AE", city="دبي")
    assert (record.phones, record.rating, record.review_count) == (["+97143321000"], None, None)


def test_new_place_in_britain_has_its_post_town_and_its_number_in_front():
    record, _ = read("google_places_new.json", 3)
    assert record.name == 'O\'Brien "Quick" Stands Ltd'
    assert record.headquarters is not None
    assert (record.headquarters.city, record.headquarters.street) == ("London", "12 Dock Street")
    # The address of a map is no website.
    assert record.website == ""
    assert record.maps_url.startswith("https://www.google.com/maps/place/")


def test_new_place_in_turkey_has_its_province_for_a_city():
    record, _ = read("google_places_new.json", 4)
    assert record.headquarters is not None
    assert (record.headquarters.city, record.headquarters.region) == ("İstanbul", "")
    assert record.phones == ["+902124657474"]


@pytest.mark.parametrize(("number", "status"), [(3, "closed_temporarily"), (4, "closed")])
def test_closed_place_is_not_verified(number, status):
    record, _ = read("google_places_new.json", number)
    assert (record.status, record.is_verified) == (status, False)


def test_open_place_is_not_verified_either():
    assert read("google_places_new.json", 0)[0].is_verified is None


# --- classic Places API -------------------------------------------------------------------------------------------


def test_classic_result_has_its_address_in_parts_where_it_says_them():
    record, problems = read("google_places_classic.json", 0)
    assert problems == []
    assert (record.key, record.name) == ("ChIJbarcelona0001", "Estands l'Avenç S.L.")
    assert record.headquarters == Place(
        country="ES",
        city="Barcelona",
        street="Carrer de la Fira 21",
        postcode="08038",
        latitude=Decimal("41.372100"),
        longitude=Decimal("2.151200"),
    )
    assert (record.rating, record.review_count, record.status) == (Decimal("4.6"), 57, "operational")


def test_classic_result_of_america():
    record, _ = read("google_places_classic.json", 1)
    assert record.headquarters is not None
    assert (record.headquarters.city, record.headquarters.region, record.headquarters.postcode) == (
        "Las Vegas",
        "NV",
        "89169",
    )
    assert (record.headquarters.street, record.headquarters.country) == ("4455 Paradise Rd", "US")
    assert record.rating == 5


def test_classic_result_without_a_certain_city_has_none():
    record, _ = read("google_places_classic.json", 2)
    assert record.headquarters == Place(country="IT", latitude=Decimal("44.4"), longitude=Decimal("8.93"))
    assert record.extra["address"] == "Somewhere near the port, Genoa, Italy"


def test_classic_sign_of_a_closed_place_counts():
    record, _ = read("google_places_classic.json", 2)
    assert (record.status, record.is_verified) == ("closed", False)


def test_classic_details():
    record, problems = read("google_place_details.json", 0)
    assert problems == []
    assert record.headquarters is not None
    assert (record.headquarters.street, record.headquarters.postcode) == ("Europaplein 40", "1078 GZ")
    assert record.phones == ["+31205491212"]
    assert (record.website, record.maps_url) == (
        "http://grachten-standbouw.example/",
        "https://maps.google.com/?cid=42",
    )
    assert record.extra["hours"] == dict.fromkeys(
        ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"], "00:00-24:00"
    )


# --- listings -----------------------------------------------------------------------------------------------------


def test_listing_is_read_with_the_id_of_the_place():
    record, problems = read("eb_listings.json", 0)
    assert problems == []
    assert (record.key, record.name) == ("ChIJwarszawa0001", "Wisła Stoiska Sp. z o.o.")
    assert record.headquarters == Place(
        country="PL",
        city="Warsaw",
        street="ul. Prądzyńskiego 12",
        postcode="01-222",
        latitude=Decimal("52.230100"),
        longitude=Decimal("20.971200"),
    )
    assert record.phones == ["+48225293900"]
    assert record.extra["searchRadius"] == 25


def test_listing_is_not_verified_because_it_says_so():
    assert read("eb_listings.json", 0)[0].is_verified is None
    record, _ = read("eb_listings.json", 1)
    assert (record.status, record.is_verified) == ("closed", False)


def test_listing_says_nothing_where_it_knows_nothing():
    record, problems = read("eb_listings.json", 1)
    assert problems == []
    assert (record.emails, record.website, record.services) == ([], "", [])
    assert (record.rating, record.review_count) == (None, None)
    assert record.phones == ["+551122260400"]
    assert record.headquarters is not None
    assert (record.headquarters.country, record.headquarters.city) == ("BR", "São Paulo")


def test_listing_without_gmb_id_takes_the_place_id_from_its_own():
    record, _ = google.read({"id": "gmb_real_ChIJx", "businessName": "X", "address": ""})
    assert record.key == "ChIJx"


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["google_places_new.json", "google_places_classic.json", "google_place_details.json", "eb_listings.json"]
)
def test_photos_reviews_and_keys_are_dropped(name):
    for place in places(name):
        record, _ = google.read(place)
        text = json.dumps(record.extra) + record.maps_url + record.website
        assert not any(word in text for word in ("photo", "AIza", "key=", "Great people", "A Visitor"))


@pytest.mark.parametrize(
    ("name", "shape", "total"),
    [
        ("google_places_new.json", "places_new", 5),
        ("google_places_classic.json", "places_classic", 3),
        ("google_place_details.json", "places_classic", 1),
        ("eb_listings.json", "eb_listing", 2),
    ],
)
def test_file_is_recognised_and_its_records_are_read(name, shape, total):
    with open_table(FILES / name, name) as table:
        assert (table.kind, table.layout.shape) == ("records", shape)
        names = [google.read(record, shape)[0].name for _, record in table.records()]
    assert len(names) == total
    assert all(names)


def test_place_without_a_name_is_an_error():
    _, problems = google.read({"id": "x", "displayName": {"text": ""}, "formattedAddress": "?"}, "places_new")
    assert [(problem.code, problem.column, problem.is_error) for problem in problems] == [
        ("no_name", "displayName.text", True)
    ]


def test_problems_name_column_and_cell():
    place = {
        "id": "x",
        "displayName": {"text": "X"},
        "nationalPhoneNumber": "12",
        "websiteUri": "javascript:alert(1)",
        "rating": 9,
        "businessStatus": "ASLEEP",
        "location": {"latitude": 91, "longitude": 0},
    }
    record, problems = google.read(place, "places_new", "DE")
    assert (record.phones, record.website, record.rating, record.status, record.headquarters) == (
        [],
        "",
        None,
        "",
        None,
    )
    assert {problem.code: (problem.column, problem.cell) for problem in problems} == {
        "bad_coordinate": ("location.latitude", "[91, 0]"),
        "unsafe_url": ("websiteUri", "javascript:alert(1)"),
        "unknown_status": ("businessStatus", "ASLEEP"),
        "bad_phone": ("nationalPhoneNumber", "12"),
        "bad_rating": ("rating", "9"),
    }
    assert not any(problem.is_error for problem in problems)


def test_national_number_needs_a_country():
    place = {"id": "x", "displayName": {"text": "X"}, "nationalPhoneNumber": "030 23125 123"}
    assert google.read(place)[0].phones == []
    assert google.read(place)[1][0].code == "phone_without_country"
    assert google.read(place, region="DE")[0].phones == ["+493023125123"]


@pytest.mark.parametrize(
    "place",
    [
        {"id": "x", "displayName": {"text": "X"}, "location": "here", "addressComponents": {"a": 1}, "types": "a"},
        {"id": "x", "displayName": {"text": "X"}, "addressComponents": [None, {"types": None}, {"types": ["country"]}]},
        {"id": "x", "displayName": {"text": "X"}, "regularOpeningHours": {"periods": [{"open": {"day": 9}}, None, {}]}},
        {"id": ["x"], "displayName": {"text": "X"}, "rating": "much", "userRatingCount": True, "websiteUri": 7},
        {"place_id": "x", "name": "X", "geometry": {"location": [1, 2]}},
    ],
)
def test_place_of_an_odd_form_is_read_as_far_as_it_goes(place):
    record, _ = google.read(place, "places_classic" if "place_id" in place else "places_new")
    assert record.name == "X"


def test_record_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="no record of Google"):
        google.read({"companyName": "X"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["google_places_new.json", "google_places_classic.json", "google_place_details.json", "eb_listings.json"]
)
def test_file_is_imported_and_a_second_time_nothing_changes(name, capsys):
    total = len(places(name))
    for created in (total, 0):
        call_command("import_builders", str(FILES / name), "--json")
        counts = json.loads(capsys.readouterr().out)
        assert (counts["read"], counts["created"], counts["unchanged"]) == (total, created, total - created)
    assert not Builder.objects.filter(is_verified=True).exists()
