from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.comparing import misfits
from builders.importing import cells
from builders.importing.fields import FIELDS
from builders.importing.mapping import Mapping, propose
from builders.importing.readings import READERS
from builders.importing.row import ERRORS, MESSAGES
from builders.importing.service_names import service_category
from builders.importing.values import Reader
from builders.models import Builder, Certification, ContactPerson, Location, PortfolioProject, Service
from builders.record import Certificate, Offering, Person, Place, Problem, Project, Record

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")


def read(*said: tuple[str, str], region: str = "", name: str = "Alpha") -> tuple[Record, list[Problem]]:
    """Read one row of columns given as (field, cell), with a name unless there is one."""
    columns = list(said)
    if "name" not in dict(said):
        columns.append(("name", name))
    mapping = Mapping(fields=[field for field, _ in columns])
    return Reader(mapping, [field.upper() for field, _ in columns], region).read([cell for _, cell in columns])


def clean(*said: tuple[str, str], region: str = "") -> Record:
    record, problems = read(*said, region=region)
    assert problems == []
    return record


def codes(*said: tuple[str, str], region: str = "") -> list[str]:
    return [problem.code for problem in read(*said, region=region)[1]]


def test_every_field_can_be_read():
    assert READERS.keys() == FIELDS.keys()


def test_empty_row_says_nothing_but_the_name():
    fields = [field for field in FIELDS if field != "name"]
    record, problems = read(*((field, "") for field in fields))
    assert (record, problems) == (Record(name="Alpha"), [])


@pytest.mark.parametrize(
    "word",
    [
        "Unknown",
        "UNKNOWN",
        " unknown ",
        "Not specified",
        "Contact Person",
        "Manager",
        "New to platform",
        "Not available",
        "XX",
        "N/A",
        "null",
        "None",
        "nan",
        "-",
        "—",
        "#N/A",
        "keine Angabe",
        "no-email+a8f@example.com",
        "unknown.com",
        "http://unknown.com",
        "https://www.unknown.com/",
        "info@unknown.com",
    ],
)
def test_words_that_mean_nothing_say_nothing(word):
    nothing = Record(name="Alpha"), []
    assert [field for field in FIELDS if field != "name" and read((field, word)) != nothing] == []


def test_name_that_means_nothing_is_none():
    record, problems = read(("name", "Unknown"))
    assert record.name == ""
    assert [(problem.code, problem.is_error, problem.column) for problem in problems] == [("no_name", True, "NAME")]


def test_words_that_only_contain_one_stay():
    assert clean(("locality", "Unknown Valley"), ("description", "Not available on Sundays")).description


def test_nothing_inside_a_list_is_left_out():
    record = clean(("services", "Design, Unknown, Not specified"), ("email", "a@x.de; no-email+1@x.de"))
    assert [service.name for service in record.services] == ["Design"]
    assert record.emails == ["a@x.de"]


@pytest.mark.parametrize("cell", ["   ", "\u200b", "\ufeff", "\x00", "\u202e"])
def test_invisible_is_empty(cell):
    assert read(("locality", cell))[0].headquarters is None


def test_invisible_is_taken_out_of_names():
    assert read(("name", "Al\x00pha\u202e \u200bStand\n GmbH "))[0].name == "Alpha Stand GmbH"


def test_name_has_single_spaces():
    assert read(("name", " Alpha  Stand "))[0].name == "Alpha Stand"


def test_name_is_composed():
    assert read(("name", "Mu\u0308ller"))[0].name == "Müller"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("x" * 201, "too_long"),
        ("!?", "not_a_name"),
        ("Expo Bau,b@x.de,089 32651170,München,Germany,", "not_a_name"),
        ("https://alpha.de", "not_a_name"),
    ],
)
def test_bad_name_keeps_the_row_out(cell, code):
    record, problems = read(("name", cell))
    assert record.name == ""
    assert [problem.code for problem in problems] == [code, "no_name"]
    assert problems[-1].is_error


def test_what_stands_below_a_table_is_no_firm():
    for name in ("Total", "GRAND TOTAL", "Gesamtsumme", "Total général", "Source: fair", "Page 1 of 2"):
        assert codes(("name", name), ("projects_completed", "42"), ("country", "DE")) == ["no_firm"]
    assert clean(("name", "Total"), ("email", "info@total.example")).name == "Total"
    assert clean(("name", "Total Expo")).name == "Total Expo"


def test_longer_row_is_not_believed():
    reader = Reader(Mapping(fields=["name", "email"]), ["Name", "Email"])
    record, problems = reader.read(["Alpha", "a@x.de", "moved"])
    assert record == Record()
    assert [(problem.code, problem.is_error, problem.cell) for problem in problems] == [
        ("too_many_cells", True, "moved")
    ]


def test_row_that_is_longer_by_empty_cells_is_read():
    reader = Reader(Mapping(fields=["name", "email"]), ["Name", "Email"])
    assert reader.read(["Alpha", "a@x.de", "", " "]) == (Record(name="Alpha", emails=["a@x.de"]), [])


def test_shorter_row_ends_in_empty_cells():
    reader = Reader(Mapping(fields=["name", "email", "phone"]), ["Name", "Email", "Phone"])
    assert reader.read(["Alpha"]) == (Record(name="Alpha"), [])


def test_emails():
    record = clean(("email", "Info@Alpha.de; sales@alpha.de, info@alpha.de"), ("email", "Anna <anna@alpha.de>"))
    assert record.emails == ["info@alpha.de", "sales@alpha.de", "anna@alpha.de"]


def test_separator_behind_the_only_address_is_no_part_of_it():
    assert clean(("email", "info@x.de ; ")).emails == ["info@x.de"]


def test_bad_email_is_left_out_and_told():
    record, problems = read(("email", "info at alpha.de"))
    assert record.emails == []
    assert {problem.code for problem in problems} == {"bad_email"}
    assert not any(problem.is_error for problem in problems)


def test_problem_names_column_cell_and_field():
    problem = read(("email", "info-alpha.de"))[1][0]
    assert (problem.column, problem.cell, problem.field, problem.message) == (
        "EMAIL",
        "info-alpha.de",
        "email",
        "This is no e-mail address.",
    )


@pytest.mark.parametrize(
    ("cell", "phones"),
    [
        ("+49 89 32651170", ["+498932651170"]),
        ("089 32651170; 0171 1234567", ["+498932651170", "+491711234567"]),
        ("089 32651170, 089 32651171", ["+498932651170", "+498932651171"]),
        ("089 32651170 / 089 32651171", ["+498932651170", "+498932651171"]),
        ("089/32651170", ["+498932651170"]),
        ("089 / 326511-70", ["+498932651170"]),
        ("+49 (0) 89 / 32651170", ["+498932651170"]),
        ("089 / 32651170 / 0171 1234567", ["+498932651170", "+491711234567"]),
        ("089 32651170 oder 0171 1234567", ["+498932651170", "+491711234567"]),
        ("+4989326511 70\n+49 89 32651171", ["+498932651170", "+498932651171"]),
        ("498932651170.0", ["+498932651170"]),
        ("+49 89 32651170, +498932651170", ["+498932651170"]),
    ],
)
def test_phones(cell, phones):
    assert clean(("phone", cell), ("country", "Germany")).phones == phones


def test_region_of_the_row_goes_before_that_of_the_import():
    said = ("phone", "01 53678910"), ("country", "France")
    assert clean(*said, region="DE").phones == ["+33153678910"]


def test_region_of_the_import_is_for_rows_without_a_country():
    assert clean(("phone", "089 32651170"), region="de").phones == ["+498932651170"]


def test_country_may_stand_behind_the_phone():
    assert clean(("phone", "089 32651170"), ("locality", "München"), ("country", "DE")).phones == ["+498932651170"]


def test_region_of_the_import_is_no_country_of_the_firm():
    assert clean(("phone", "089 32651170"), region="DE").headquarters is None


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("089 32651170", "phone_without_country"),
        ("+49 1", "bad_phone"),
        ("4.92E+11", "mangled_number"),
        ("4,92e11", "mangled_number"),
        ("call us", "bad_phone"),
    ],
)
def test_bad_phone(cell, code):
    record, problems = read(("phone", cell))
    assert record.phones == []
    assert [problem.code for problem in problems] == [code]


def test_fax_is_no_phone():
    record = clean(("fax", "+49 89 32651179"), ("phone", "+49 89 32651170"))
    assert (record.phones, record.faxes) == (["+498932651170"], ["+498932651179"])


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("javascript:alert(1)", "unsafe_url"),
        ("https://me:secret@alpha.de", "unsafe_url"),
        ("ftp://alpha.de", "unsafe_url"),
        ("coming soon", "bad_url"),
        ("alpha", "bad_url"),
    ],
)
def test_bad_website(cell, code):
    record, problems = read(("website", cell))
    assert record.website == ""
    assert [problem.code for problem in problems] == [code]


def test_second_website_is_kept_aside():
    record = clean(("website", "www.alpha.de, www.beta.de"))
    assert (record.website, record.extra) == ("https://www.alpha.de", {"more_websites": ["https://www.beta.de"]})


def test_map_in_the_column_of_websites_is_no_website():
    record = clean(("website", "https://www.google.com/maps/place/Alpha"))
    assert (record.website, record.maps_url) == ("", "https://www.google.com/maps/place/Alpha")


def test_addresses_with_somebodys_key_are_dropped():
    picture = "https://maps.googleapis.com/maps/api/place/photo?photoreference=x&key=AIzaX"
    record = clean(("images", picture), ("maps_url", "https://www.google.com/maps/x?key=AIzaX"))
    assert (record.extra, record.maps_url) == ({}, "")


@pytest.mark.parametrize(
    ("field", "cell", "address"),
    [
        ("instagram", "@alpha", "https://www.instagram.com/alpha"),
        ("instagram", "https://instagram.com/alpha", "https://instagram.com/alpha"),
        ("instagram", "instagram.com/alpha", "https://instagram.com/alpha"),
        ("facebook", "1234567890", "https://www.facebook.com/1234567890"),
        ("twitter", "alpha", "https://x.com/alpha"),
        ("linkedin", "alpha", "https://www.linkedin.com/company/alpha"),
        ("social", "https://vimeo.com/alpha", "https://vimeo.com/alpha"),
    ],
)
def test_social_profiles(field, cell, address):
    assert clean((field, cell)).social == [address]


def test_country_by_name_and_code():
    assert clean(("country", "Deutschland"), ("country", "DE")).headquarters == Place(country="DE")


def test_two_countries_are_told():
    record, problems = read(("country", "Germany"), ("country", "AT"))
    assert record.headquarters == Place(country="DE")
    assert [problem.code for problem in problems] == ["country_conflict"]


def test_unknown_country():
    assert codes(("country", "Atlantis")) == ["unknown_country"]


@pytest.mark.parametrize(
    ("city", "country", "place"),
    [
        ("Munich, Germany", "", Place(city="Munich", country="DE")),
        ("Munich, Germany", "DE", Place(city="Munich", country="DE")),
        ("Vienna, Austria", "DE", Place(city="Vienna, Austria", country="DE")),
        ("Washington, DC", "", Place(city="Washington, DC")),
        ("Portland, ME", "", Place(city="Portland, ME")),
    ],
)
def test_city_with_country(city, country, place):
    assert clean(("locality", city), ("country", country)).headquarters == place


@pytest.mark.parametrize(
    ("cell", "city", "served"),
    [
        ("Berlin, Hamburg, Köln", "Berlin", [("Hamburg", "DE"), ("Köln", "DE")]),
        ("Berlin, Hamburg; Köln", "Berlin", [("Hamburg", "DE"), ("Köln", "DE")]),
        ("Berlin, Germany; Paris, France", "Berlin", [("Paris", "FR")]),
        ("Berlin, Germany, Paris, France", "Berlin", [("Paris", "FR")]),
        ("Berlin; Singapore; Washington, DC", "Berlin", [("Singapore", "SG"), ("Washington, DC", "DE")]),
        ("Berlin, DE; London, UK; Bari, BA", "Berlin", [("London", "GB"), ("Bari, BA", "DE")]),
        ("Berlin, Washington, DC, Ulm", "Berlin", [("Washington, DC", "DE"), ("Ulm", "DE")]),
        ("Vienna (Austria); Graz", "", [("Vienna", "AT"), ("Graz", "DE")]),
        ("Germany", "", []),
    ],
)
def test_list_of_cities_starts_with_the_headquarters(cell, city, served):
    record, problems = read(("cities", cell), ("country", "DE"))
    assert [problem.code for problem in problems] == ["country_conflict"] * (not city and bool(served))
    assert record.headquarters == Place(city=city, country="DE")
    assert [(place.city, place.country) for place in record.service_places] == served


def test_list_of_cities_beside_a_city_is_all_served():
    record = clean(("cities", "Berlin, Hamburg"), ("locality", "Berlin"), ("country", "DE"))
    assert record.headquarters == Place(city="Berlin", country="DE")
    assert [place.city for place in record.service_places] == ["Berlin", "Hamburg"]


def test_served_places_have_no_country_that_nobody_named():
    record = clean(
        ("service_cities", "Vienna (Austria); Paris, France; Bern"),
        ("service_countries", "Italy, UK"),
        ("country", "DE"),
    )
    assert record.service_places == [
        Place(city="Vienna", country="AT"),
        Place(city="Paris", country="FR"),
        Place(city="Bern"),
        Place(country="IT"),
        Place(country="GB"),
    ]


@pytest.mark.parametrize(
    ("address", "more", "place"),
    [
        ("Ring 1, 80331 München, Germany", {}, Place(street="Ring 1, 80331 München", country="DE")),
        (
            "Ring 1, 80331 München, Germany",
            {"locality": "München", "postcode": "80331"},
            Place(street="Ring 1", city="München", postcode="80331", country="DE"),
        ),
        ("Ring 1, München", {"locality": "Muenchen"}, Place(street="Ring 1, München", city="Muenchen")),
        ("1 Peachtree St, Atlanta, Georgia", {}, Place(street="1 Peachtree St, Atlanta, Georgia")),
        ("1 Main St, Palo Alto, CA", {}, Place(street="1 Main St, Palo Alto, CA")),
        ("Germany", {}, Place(street="Germany")),
    ],
)
def test_whole_address(address, more, place):
    assert clean(("address_full", address), *more.items()).headquarters == place


def test_country_of_an_address_is_for_its_phone():
    assert clean(("phone", "089 32651170"), ("address_full", "Ring 1, München, Deutschland")).phones == [
        "+498932651170"
    ]


def test_lines_of_an_address_go_before_the_whole():
    record = clean(
        ("address_full", "Elsewhere 1"),
        ("address_line_2", "Hof 2"),
        ("address_line_1", "Ring 1"),
        ("address_line_3", "Ring 1"),
    )
    assert record.headquarters == Place(street="Ring 1, Hof 2")


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("48.137154", "11.575382", Place(latitude=Decimal("48.137154"), longitude=Decimal("11.575382"))),
        ("48,1371544", "-11,5", Place(latitude=Decimal("48.137154"), longitude=Decimal("-11.500000"))),
        ("0", "6.5", Place(latitude=Decimal("0.000000"), longitude=Decimal("6.500000"))),
        ("0", "0", None),
        ("0.0", "0,000", None),
    ],
)
def test_position(latitude, longitude, place):
    assert clean(("latitude", latitude), ("longitude", longitude)).headquarters == place


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("91", "11"), ("48", "181"), ("48", ""), ("", "11"), ("N 48°", "11"), ("4.8e1", "11")]
)
def test_bad_position_is_left_out(latitude, longitude):
    record, problems = read(("latitude", latitude), ("longitude", longitude))
    assert record.headquarters is None
    assert [(problem.code, problem.column) for problem in problems] in (
        [("bad_coordinate", "LATITUDE")],
        [("bad_coordinate", "LONGITUDE")],
    )


@pytest.mark.parametrize(
    ("cell", "size"),
    [
        ("25-50", (25, 50)),
        ("25 – 50", (25, 50)),
        ("25 to 50 employees", (25, 50)),
        ("12", (12, 12)),
        ("12.0", (12, 12)),
        ("50+", (50, None)),
        ("> 50", (50, None)),
        ("bis 10", (None, 10)),
        ("1,000-5,000", (1000, 5000)),
        ("1.000", (1000, 1000)),
        ("ca. 30 Mitarbeiter", (30, 30)),
        ("0", (None, None)),
    ],
)
def test_team_size(cell, size):
    record = clean(("team_size", cell))
    assert (record.team_min, record.team_max) == size


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("50-25", "bad_number"),
        ("many", "bad_number"),
        ("-5", "bad_number"),
        ("20-Oct", "mangled_number"),
        ("Okt 20", "bad_number"),
        ("2020-10-01 00:00:00", "mangled_number"),
        ("99999999999", "bad_number"),
    ],
)
def test_bad_team_size(cell, code):
    record, problems = read(("team_size", cell))
    assert (record.team_min, record.team_max) == (None, None)
    assert [problem.code for problem in problems] == [code]


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        ("1998", 1998),
        ("1998.0", 1998),
        ("since 1998", 1998),
        ("1998-05-17", 1998),
        ("17.05.1998", 1998),
        ("5/1998", 1998),
        ("1900", 1900),
        ("0", None),
    ],
)
def test_founded(cell, year):
    assert clean(("founded", cell)).founded == year


@pytest.mark.parametrize("cell", ["1899", "1", "98", "soon", "19988", str(dt.datetime.now(tz=dt.UTC).year + 1)])
def test_bad_year(cell):
    assert codes(("founded", cell)) == ["bad_year"]


@pytest.mark.parametrize(
    ("cell", "rating"),
    [
        ("4.7", "4.7"),
        ("4,7", "4.7"),
        ("4.65", "4.7"),
        ("5", "5.0"),
        ("4.5/5", "4.5"),
        ("4,5 von 5", "4.5"),
        ("4 stars", "4.0"),
        ("0", None),
    ],
)
def test_rating(cell, rating):
    assert clean(("rating", cell)).rating == (Decimal(rating) if rating else None)


@pytest.mark.parametrize("cell", ["5.1", "-1", "good", "47", "1e1", "nan%"])
def test_bad_rating(cell):
    assert codes(("rating", cell)) == ["bad_rating"]


@pytest.mark.parametrize(("cell", "count"), [("1,204", 1204), ("1.204", 1204), ("1 204", 1204), ("12.0", 12), ("0", 0)])
def test_counts(cell, count):
    assert clean(("reviews", cell)).review_count == count


@pytest.mark.parametrize("cell", ["1.5", "-3", "few", "99999999999"])
def test_bad_count(cell):
    assert codes(("reviews", cell)) == ["bad_number"]


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("Yes", True),
        ("YES", True),
        ("ja", True),
        ("Oui", True),
        ("sí", True),
        ("TRUE", True),
        ("1", True),
        ("evet", True),
        ("Não", False),
        ("no", False),
        ("Falsch", False),
        ("HAYIR", False),
        ("0", False),
    ],
)
def test_yes_and_no(cell, answer):
    assert clean(("verified", cell)).is_verified is answer


def test_neither_yes_nor_no():
    record, problems = read(("verified", "maybe"))
    assert record.is_verified is None
    assert [problem.code for problem in problems] == ["bad_yes_no"]


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("OPERATIONAL", "operational"),
        ("CLOSED_TEMPORARILY", "closed_temporarily"),
        ("CLOSED_PERMANENTLY", "closed"),
        ("Permanently closed", "closed"),
        ("Open ⋅ Closes 5 PM", "operational"),
        ("Closed ⋅ Opens 9 AM Mon", "operational"),
        ("Published", ""),
        ("verified", ""),
    ],
)
def test_status(cell, status):
    assert clean(("status", cell)).status == status
    assert status in Builder.Status.values


def test_closed_alone_may_be_the_hour():
    assert codes(("status", "Closed")) == ["unknown_status"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ((("closed_permanently", "true"),), "closed"),
        ((("closed_permanently", "2024-01-31"),), "closed"),
        ((("closed_permanently", "false"), ("closed_temporarily", "TRUE")), "closed_temporarily"),
        ((("closed_permanently", "no"),), ""),
        ((("status", "OPERATIONAL"), ("closed_permanently", "yes")), "closed"),
        ((("closed_permanently", "yes"), ("closed_temporarily", "yes")), "closed"),
    ],
)
def test_closed(said, status):
    assert clean(*said).status == status


@pytest.mark.parametrize(("cell", "plan"), [("Professional", "professional"), ("FREE", "free")])
def test_plan(cell, plan):
    assert clean(("plan", cell)).plan == plan


def test_unknown_plan():
    assert codes(("plan", "Gold")) == ["unknown_plan"]


def test_services_are_distinct_and_have_a_category():
    record = clean(
        ("services", "Stand Design; stand  design; Verleih; Catering"), ("categories", "Business > Exhibit Builder")
    )
    assert record.services == [
        Offering(name="Stand Design", category="design"),
        Offering(name="Verleih", category="rental"),
        Offering(name="Catering"),
        Offering(name="Exhibit Builder", category="construction"),
    ]
    assert {service.category for service in record.services} <= set(Service.Category.values)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Modular systems", "modular"),
        ("Graphic design", "graphics"),
        ("Project Management", "management"),
        ("AV", "technology"),
        ("Avatars", "other"),
        ("Montage & Demontage", "installation"),
        ("Storage", "logistics"),
        ("Alquiler de stands", "rental"),
        ("Standbouw", "construction"),
        ("Innenarchitektur", "design"),
        ("", "other"),
    ],
)
def test_category_of_a_service(name, category):
    assert service_category(name) == category


def test_too_long_part_of_a_list_is_left_out():
    record, problems = read(("specialisations", "modular; " + "x" * 81))
    assert record.specialisations == ["modular"]
    assert [problem.code for problem in problems] == ["too_long"]


@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("locality", 120),
        ("region", 120),
        ("postcode", 20),
        ("description", 10_000),
        ("external_key", 200),
        ("contact_name", 120),
    ],
)
def test_too_long_is_left_out_and_told(field, longest):
    assert codes((field, "x" * longest)) == []
    record, problems = read((field, "x" * (longest + 1)))
    assert record == Record(name="Alpha")
    assert [problem.code for problem in problems] == ["too_long"]
    assert len(problems[0].cell) <= 200


@pytest.mark.parametrize(
    ("field", "kind", "model"),
    [
        ("headquarters", Place, Location),
        ("people", Person, ContactPerson),
        ("services", Offering, Service),
        ("certifications", Certificate, Certification),
        ("portfolio", Project, PortfolioProject),
    ],
)
def test_text_that_its_column_does_not_take_is_told(field, kind, model):
    least = {"name": "x"} if "name" in kind.__struct_fields__ else {}
    columns = {column.name: column.max_length for column in model._meta.concrete_fields if column.max_length}
    texts = columns.keys() & set(kind.__struct_fields__) - {"category", "country"}
    assert texts
    for name in texts:
        for length, told in ((columns[name], []), (columns[name] + 1, [field])):
            item = kind(**least | {name: "x" * length})
            record = Record(name="Alpha", **{field: item if kind is Place else [item]})
            assert [problem.field for problem in misfits(record)] == told, name


def test_person():
    record = clean(("contact_name", "Anna Groß"), ("contact_role", "CEO"))
    assert record.people == [Person(name="Anna Groß", role="CEO")]


def test_first_and_last_name():
    assert clean(("contact_last_name", "Groß"), ("contact_first_name", "Anna")).people == [Person(name="Anna Groß")]


def test_firm_is_no_contact_person():
    assert clean(("contact_name", "ALPHA")).people == []


def test_position_without_a_person_is_kept_aside():
    assert clean(("contact_role", "CEO")).extra == {"contact_role": "CEO"}


@pytest.mark.parametrize("cell", ["a@x.de", "12345", "https://x.de"])
def test_what_is_no_person(cell):
    assert codes(("contact_name", cell)) == ["not_a_name"]


@pytest.mark.parametrize(("cell", "key"), [("ChIJ1", "ChIJ1"), ("17.0", "17"), ("007", "007")])
def test_key(cell, key):
    assert clean(("external_key", cell)).key == key


def test_mangled_key_is_no_key():
    record, problems = read(("external_key", "1.23457E+18"))
    assert record.key == ""
    assert [problem.code for problem in problems] == ["mangled_number"]


@pytest.mark.parametrize(
    ("cell", "postcode"), [("80331", "80331"), ("80331.0", "80331"), ("01067", "01067"), ("E16 1XL", "E16 1XL")]
)
def test_postcode(cell, postcode):
    assert clean(("postcode", cell)).headquarters == Place(postcode=postcode)


def test_languages():
    record = clean(("languages", "German, English, français; 中文".replace(";", ",")))
    assert record.languages == ["de", "en", "fr", "zh"]


def test_codes_of_languages():
    assert clean(("languages", "zh, no, ja")).languages == ["zh", "no", "ja"]


def test_unknown_language():
    assert codes(("languages", "Klingon")) == ["unknown_language"]


def test_certifications():
    assert clean(("certifications", "ISO 9001; FAMAB")).certifications == [
        Certificate(name="ISO 9001"),
        Certificate(name="FAMAB"),
    ]


def test_description_keeps_its_paragraphs():
    assert clean(("description", " One \r\n two\r\n\r\n\r\n\r\nthree\x00 ")).description == "One\ntwo\n\nthree"


def test_stand_sizes():
    record = clean(("stand_size", "20-500 sqm"))
    assert (record.stand_min_m2, record.stand_max_m2) == (20, 500)


def test_column_to_keep():
    assert clean(("extra", "Hall 7")).extra == {"EXTRA": "Hall 7"}


def test_first_column_with_something_in_it_counts():
    assert clean(("region", ""), ("region", "Bayern"), ("region", "Hessen")).headquarters == Place(region="Bayern")


def test_columns_left_out_are_not_read():
    reader = Reader(Mapping(fields=["name", "", ""]), ["Name", "Secret", "Phone"])
    assert reader.read(["Alpha", "x", "not a phone"]) == (Record(name="Alpha"), [])


def test_mapping_may_come_as_json():
    reader = Reader({"fields": ["name"], "preset": "eb-e"}, ["Name"])
    assert reader.read(["Alpha"])[0].name == "Alpha"


@pytest.mark.parametrize(
    "mapping",
    [Mapping(fields=["name"]), Mapping(fields=["name", "nonsense"]), Mapping(fields=["name", "email"], target="leads")],
)
def test_mapping_that_does_not_fit_is_refused(mapping):
    with pytest.raises(ValueError, match=r"columns|field|leads"):
        Reader(mapping, ["Name", "Email"])


def test_rows_do_not_share_anything():
    reader = Reader(Mapping(fields=["name", "email", "services", "extra"]), ["Name", "Email", "Services", "X"])
    first, second = reader.read(["A", "a@x.de", "Design", "1"])[0], reader.read(["B", "b@x.de", "Build", "2"])[0]
    assert (first.emails, second.emails) == (["a@x.de"], ["b@x.de"])
    assert (first.extra, second.extra) == ({"X": "1"}, {"X": "2"})


def test_empty_lists_of_two_records_are_not_one():
    reader = Reader(Mapping(fields=["name"]), ["Name"])
    one, other = reader.read(["A"])[0], reader.read(["B"])[0]
    for field in ("emails", "phones", "services", "people", "service_places", "extra"):
        assert getattr(one, field) is not getattr(other, field)


def test_every_code_has_a_message_and_every_error_is_one():
    assert ERRORS <= MESSAGES.keys()
    assert all(message.endswith(".") for message in MESSAGES.values())


@given(st.lists(st.text(), min_size=len(FIELDS), max_size=len(FIELDS)))
def test_any_row_is_read(row):
    reader = Reader(Mapping(fields=list(FIELDS)), list(FIELDS))
    record, problems = reader.read(row)
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record
    assert record.name or any(problem.is_error for problem in problems)
    assert {problem.code for problem in problems} <= MESSAGES.keys()


@given(st.text())
def test_any_cell_is_split(text):
    parts = cells.parts_of(text)
    assert len(set(parts)) == len(parts)
    assert all(part == part.strip() and part for part in parts)


HOSTILE = (
    " ",
    "1",
    "@",
    "a@",
    "a",
    ",",
    "; ",
    "(",
    "google.",
    "★",
    "\n ",
    "+49 ",
    '"',
    "[",
    "http://a.",
    "-",
    "1.",
    "/ ",
    "é",
    "{",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_cell_of_a_million_characters_costs_no_more_than_its_length(piece):
    cell = "x" + piece * (1_000_000 // len(piece)) + "!"
    reader = Reader(Mapping(fields=list(FIELDS)), list(FIELDS))
    begun = time.process_time()
    reader.read([cell] * len(FIELDS))
    propose(list(FIELDS), [[cell[1:]] * len(FIELDS)])
    # Some 50 fields read a million characters each; what grows with the square would take hours.
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_code_is_documented(code):
    document = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
    assert f"| `{code}` |" in document


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_field_is_documented(field):
    document = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
    assert f"`{field}`" in document
