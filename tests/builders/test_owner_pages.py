"""The owner's pages: every section read and written through the real forms, and nobody else's firm."""

from __future__ import annotations

import io
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.models import User
from builders.completeness import PARTS, completeness
from builders.models import Builder, PortfolioImage, PortfolioProject
from builders.record import Place, Project, Record
from builders.services.builders import create_builder, update_builder
from builders.services.snapshots import snapshot
from operations.models import ActivityEvent
from tests.builders.firms import cells, understood
from tests.rig import client_of, make_guest, make_member, statements

pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]

INPUT = re.compile(r"<input ([^>]*)>")
AREA = re.compile(r'<textarea name="([^"]*)"[^>]*>\s?(.*?)</textarea>', re.DOTALL)
SELECT = re.compile(r'<select name="([^"]*)".*?</select>', re.DOTALL)
ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
SECTIONS = ("about", "contacts", "places", "services", "certificates")


@pytest.fixture
def owner() -> User:
    return make_member("Noor")


@pytest.fixture
def firm(owner) -> Builder:
    place = Place(country="DE", city="Mainz", street="Ringstraße 4", latitude="50.0", longitude="8.25")
    areas = [Place(country="DE", city="Berlin", region="Berlin"), Place(country="FR", city="Paris")]
    record = understood(cells(1))
    values = {
        **{name: getattr(record, name) for name in ("name", "emails", "services", "people", "specialisations")},
        "headquarters": place,
        "service_places": areas,
        "phones": ["+4969123456"],
        "portfolio": [Project(name="Hall 1", year=2020), Project(name="Hall 2")],
    }
    firm = create_builder(actor=None, values=values)
    return owned(firm, owner)


def owned(firm: Builder, owner: User) -> Builder:
    Builder.objects.filter(pk=firm.pk).update(owner=owner, claim_state="claimed")
    firm.refresh_from_db()
    return firm


def page_of(firm: Builder, section: str = "") -> str:
    return f"/my-firm/{firm.uid}/{section}/" if section else f"/my-firm/{firm.uid}/"


def shown(page: str) -> dict[str, str]:
    """Return what a browser would send back if somebody pressed Save at once."""
    main = page.partition("<main")[2]
    data = {}
    for tag in INPUT.findall(main):
        found = dict(ATTRIBUTE.findall(tag))
        if "name" in found:
            data[found["name"]] = unescape(found.get("value", ""))
    data |= {name: unescape(text) for name, text in AREA.findall(main)}
    for match in SELECT.finditer(main):
        chosen = re.search(r'value="([^"]*)" selected', match[0])
        data[match[1]] = chosen[1] if chosen else ""
    return data


def save(visitor: Client, path: str, **changes: str):
    return visitor.post(path, {**shown(visitor.get(path).text), **changes})


def record_of(firm: Builder) -> dict:
    return snapshot([firm.pk])[firm.pk]["record"]


@pytest.mark.parametrize("section", SECTIONS)
def test_section_saved_as_it_is_changes_nothing(firm, owner, section):
    before = record_of(firm)
    answer = save(client_of(owner), page_of(firm, section))
    assert (answer.status_code, answer["Location"]) == (302, page_of(firm))
    firm.refresh_from_db()
    assert (record_of(firm), firm.rev) == (before, 1)


def test_owner_writes_every_section(firm, owner):
    visitor = client_of(owner)
    about = {"name": "Adler & Söhne", "description": "We build.\r\nStands.", "website": "adler.de", "founded": "1990"}
    save(visitor, page_of(firm, "about"), **about, languages="German\r\nen", team_min="5", team_max="9")
    assert "German\nEnglish</textarea>" in visitor.get(page_of(firm, "about")).text
    save(visitor, page_of(firm, "contacts"), emails="Info@Adler.de\r\nb@adler.de", phones="06131 123456")
    save(
        visitor,
        page_of(firm, "places"),
        **{"row-2-city": "Wien", "row-2-country": "Österreich", "row-1-city": "", "row-1-country": ""},
    )
    service = {"row-2-name": "Rental", "row-2-category": "rental", "row-2-price_from": "99.50", "row-2-currency": "eur"}
    save(visitor, page_of(firm, "services"), **service, specialisations="Medical")
    certificate = {"row-0-name": "ISO 9001", "row-0-issuer": "TÜV", "row-0-valid_until": "2030-01-31"}
    save(visitor, page_of(firm, "certificates"), **certificate)
    record = record_of(firm)
    assert (record["name"], record["description"], record["website"]) == (
        "Adler & Söhne", "We build.\nStands.", "https://adler.de",
    )  # fmt: skip
    assert (record["languages"], record["founded"], record["team_min"], record["team_max"]) == (
        ["de", "en"],
        1990,
        5,
        9,
    )
    assert (record["emails"], record["phones"]) == (["info@adler.de", "b@adler.de"], ["+496131123456"])
    assert record["service_places"] == [
        {"country": "DE", "region": "Berlin", "city": "Berlin"},
        {"country": "AT", "city": "Wien"},
    ]
    assert record["headquarters"]["latitude"] == "50.000000"
    assert record["services"][-1] == {"name": "Rental", "category": "rental", "price_from": "99.50", "currency": "EUR"}
    assert (record["specialisations"], len(record["services"])) == (["Medical"], 3)
    assert record["certifications"] == [{"name": "ISO 9001", "issuer": "TÜV", "valid_until": "2030-01-31"}]
    firm.refresh_from_db()
    assert firm.provenance["services"]["rank"] == 60
    assert {"description", "phones", "service_places", "services", "certifications"} <= set(firm.locked_fields)
    assert ActivityEvent.objects.filter(kind="builders.builder.changed", actor=owner).count() == 5


def test_fields_and_rows_are_emptied(firm, owner):
    visitor = client_of(owner)
    save(visitor, page_of(firm, "contacts"), emails="", phones="", **{"row-0-name": "", "row-0-role": ""})
    save(visitor, page_of(firm, "places"), street="", city="", country="")
    record = record_of(firm)
    assert not {"emails", "phones", "people"} & set(record)
    assert "headquarters" not in record


def test_row_that_is_ticked_is_taken_out_whatever_stands_in_it(firm, owner):
    save(client_of(owner), page_of(firm, "contacts"), **{"row-0-DELETE": "on", "row-0-name": ""})
    assert "people" not in record_of(firm)


def test_another_address_leaves_the_old_point_on_the_map(firm, owner):
    save(client_of(owner), page_of(firm, "places"), street="Hafenweg 90")
    assert record_of(firm)["headquarters"] == {"country": "DE", "city": "Mainz", "street": "Hafenweg 90"}


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("about", {"name": ""}, "required"),
        ("about", {"website": "javascript:alert(1)"}, "no address of the web"),
        ("about", {"languages": "Klingon"}, "is no language"),
        ("about", {"founded": "1200"}, "The year lies between"),
        ("about", {"founded": "soon"}, "whole number"),
        ("about", {"team_min": "9", "team_max": "5"}, "the smaller one"),
        ("contacts", {"emails": "not an address"}, "is no e-mail address"),
        ("contacts", {"phones": "12"}, "is no telephone number"),
        ("contacts", {"row-1-role": "Sales"}, "empty the whole row"),
        ("places", {"country": "Atlantis"}, "no country that we know"),
        ("places", {"country": "²"}, "no country that we know"),
        ("services", {"row-0-price_from": "9", "row-0-price_to": "5"}, "the smaller one"),
        ("services", {"row-0-category": "magic"}, "valid choice"),
        ("services", {"row-TOTAL_FORMS": "5000"}, "at most 60"),
        ("services", {"row-TOTAL_FORMS": "many"}, "missing or has been tampered with"),
        ("services", {"row-0-price_from": "9" * 5000}, "no more than"),
        ("services", {"row-0-name": "\x00"}, "Null characters"),
        ("about", {"founded": "9" * 5000}, "whole number"),
        ("about", {"description": "x" * 10_001}, "at most 10000"),
        ("certificates", {"row-0-name": "ISO", "row-0-valid_until": "31.12."}, "valid date"),
    ],
)
def test_values_that_make_no_profile_are_refused_beside_their_field(firm, owner, section, changes, words):
    before = record_of(firm)
    page = save(client_of(owner), page_of(firm, section), **changes)
    assert page.status_code == 422
    assert words in unescape(page.text)
    assert record_of(firm) == before


def test_what_somebody_changed_meanwhile_is_shown_and_not_overwritten(firm, owner):
    visitor = client_of(owner)
    data = {**shown(visitor.get(page_of(firm, "about")).text), "description": "Mine."}
    update_builder(actor=None, builder=firm.pk, values={"description": "By staff."})
    page = visitor.post(page_of(firm, "about"), data)
    assert page.status_code == 409
    assert "By staff." in page.text
    assert "Mine." in shown(page.text)["description"]
    assert record_of(firm)["description"] == "By staff."
    assert visitor.post(page_of(firm, "about"), shown(page.text)).status_code == 302
    assert record_of(firm)["description"] == "Mine."


@pytest.mark.parametrize("rev", ["", "abc", "-1", "9" * 40])
def test_page_without_its_state_saves_nothing(firm, owner, rev):
    page = save(client_of(owner), page_of(firm, "about"), name="Else", expected_rev=rev)
    assert page.status_code == 409
    assert record_of(firm)["name"] != "Else"


def test_projects_are_added_changed_and_removed_with_their_pictures(firm, owner):
    visitor = client_of(owner)
    there = PortfolioProject.objects.get(name="Hall 1")
    picture = PortfolioImage.objects.bulk_create([PortfolioImage(project=there, file="x.webp", width=1, height=1)])[0]
    path = f"/my-firm/{firm.uid}/portfolio/"
    answer = save(visitor, path, name="Hall 3", year="2023", country="Spain", city="Madrid", stand_m2="36")
    made = PortfolioProject.objects.get(name="Hall 3")
    assert answer["Location"] == f"{path}{made.pk}/"
    assert (made.country, made.city, made.stand_m2) == ("ES", "Madrid", 36)
    assert "1 picture" in visitor.get(path).text
    save(visitor, f"{path}{there.pk}/", name="Hall 1", year="2021")
    assert PortfolioImage.objects.filter(pk=picture.pk, project=there).exists()
    assert PortfolioProject.objects.get(pk=there.pk).year == 2021
    firm.refresh_from_db()
    assert firm.provenance["portfolio"]["rank"] == 60
    assert "portfolio" in firm.locked_fields
    save(visitor, f"{path}{there.pk}/", remove="yes")
    assert sorted(PortfolioProject.objects.values_list("name", flat=True)) == ["Hall 2", "Hall 3"]
    assert not PortfolioImage.objects.exists()
    kinds = ActivityEvent.objects.filter(kind__startswith="builders.project.").order_by("pk")
    assert [kind.rpartition(".")[2] for kind in kinds.values_list("kind", flat=True)] == ["added", "changed", "removed"]


def picture(width: int = 400) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (width, 300), "teal").save(out, "JPEG")
    return SimpleUploadedFile("stand.jpg", out.getvalue(), "image/jpeg")


def test_pictures_are_shown_captioned_and_removed(firm, owner):
    visitor = client_of(owner)
    there = PortfolioProject.objects.get(name="Hall 1")
    path = f"/my-firm/{firm.uid}/portfolio/{there.pk}/"
    page = visitor.post(f"{path}pictures/", {"file": picture(), "caption": "From the left"}, follow=True)
    assert page.redirect_chain == [(path, 302)]
    image = there.images.get()
    assert image.file.url in page.text
    assert visitor.get(image.file.url).status_code == 200
    assert 'value="63"' in visitor.get(page_of(firm)).text
    visitor.post(f"{path}pictures/", {"picture": str(image.pk), "caption": "From the right"})
    assert there.images.get().caption == "From the right"
    visitor.post(f"{path}pictures/", {"picture": str(image.pk), "remove": "yes"})
    assert not there.images.exists()


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({}, 422, "Choose a picture first"),
        ({"file": SimpleUploadedFile("a.jpg", b"<html>")}, 422, "no picture that can be read"),
        ({"picture": "999999999"}, 404, "no such picture"),
        ({"picture": "x", "remove": "yes"}, 404, "no such picture"),
        ({"caption": "x" * 161}, 422, "at most 160"),
    ],
)
def test_pictures_that_are_none_are_refused(firm, owner, data, status, words):
    there = PortfolioProject.objects.get(name="Hall 1")
    if "caption" in data:
        data = {**data, "file": picture()}
    page = client_of(owner).post(f"/my-firm/{firm.uid}/portfolio/{there.pk}/pictures/", data)
    assert page.status_code == status
    assert words in page.text
    assert not there.images.exists()


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": " "}, {"year": "1200"}, {"country": "Atlantis"}])
def test_project_that_is_none_is_refused(firm, owner, changes):
    visitor = client_of(owner)
    there = PortfolioProject.objects.get(name="Hall 1")
    for path in (f"/my-firm/{firm.uid}/portfolio/", f"/my-firm/{firm.uid}/portfolio/{there.pk}/"):
        assert save(visitor, path, **{"name": "Hall 9", **changes}).status_code == 422
    assert sorted(PortfolioProject.objects.values_list("name", flat=True)) == ["Hall 1", "Hall 2"]


@pytest.mark.parametrize("extra", [{}, {"remove": "yes"}])
def test_project_changed_meanwhile_is_left_alone(firm, owner, extra):
    there = PortfolioProject.objects.get(name="Hall 1")
    path = f"/my-firm/{firm.uid}/portfolio/{there.pk}/"
    page = save(client_of(owner), path, name="Else", expected_rev="0", **extra)
    assert page.status_code == 409
    assert "changed meanwhile" in page.text
    assert PortfolioProject.objects.get(pk=there.pk).name == "Hall 1"


def paths(firm: Builder) -> list[str]:
    project = PortfolioProject.objects.filter(builder=firm).first()
    own = [page_of(firm), *(page_of(firm, section) for section in SECTIONS), page_of(firm, "portfolio")]
    return [*own, f"/my-firm/{firm.uid}/portfolio/{project.pk}/"]


def test_pictures_are_taken_of_the_owner_alone(client, firm):
    path = f"/my-firm/{firm.uid}/portfolio/{PortfolioProject.objects.first().pk}/pictures/"
    assert client.post(path, {"file": picture()}).status_code == 302
    assert client_of(make_member()).post(path, {"file": picture()}).status_code == 404
    assert client_of(firm.owner).get(path).status_code == 405
    assert not PortfolioImage.objects.exists()


def test_pages_of_a_firm_are_its_owners_alone(client, firm):
    for path in paths(firm):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")
        for stranger in (client_of(make_member()), client_of(make_guest())):
            assert stranger.get(path).status_code == 404
            assert stranger.post(path, {"name": "Mine"}).status_code in (404, 405)
    firm.refresh_from_db()
    assert firm.rev == 1


def test_withdrawn_owner_is_a_stranger(firm, owner):
    Builder.objects.filter(pk=firm.pk).update(owner=None, claim_state="unclaimed")
    assert client_of(owner).get(page_of(firm)).status_code == 404


def test_pages_that_are_none_and_methods_that_are_not_taken(firm, owner):
    visitor = client_of(owner)
    other = owned(create_builder(actor=None, values={"name": "B", "portfolio": [Project(name="X")]}), make_member())
    foreign = PortfolioProject.objects.get(builder=other)
    for path in (page_of(firm, "secrets"), f"/my-firm/{firm.uid}/portfolio/{foreign.pk}/", "/my-firm/unknown/"):
        assert visitor.get(path).status_code == 404
    assert visitor.post(page_of(firm)).status_code == 405
    assert visitor.put(page_of(firm, "about")).status_code == 405
    strict = client_of(owner, enforce_csrf_checks=True)
    assert strict.post(page_of(firm, "about"), {"name": "Else"}).status_code == 403


def test_my_firm_leads_to_the_one_and_lists_more(firm, owner):
    visitor = client_of(owner)
    assert visitor.get("/my-firm/")["Location"] == page_of(firm)
    second = owned(create_builder(actor=None, values={"name": "Second"}), owner)
    page = visitor.get("/my-firm/").text
    assert page_of(firm) in page
    assert page_of(second) in page
    empty = client_of(make_member()).get("/my-firm/").text
    assert "No firm yet" in empty
    assert 'href="/builders/"' in empty


def test_meter_says_what_is_missing_and_where(firm, owner):
    page = client_of(owner).get(page_of(firm)).text
    assert 'value="53"' in page
    assert "A price for a service" in page
    assert page_of(firm, "services") in page
    assert "An e-mail address" not in page
    assert f'href="/builders/{firm.slug}/"' in page


def test_weights_add_up_and_every_part_counts():
    assert sum(part.weight for part in PARTS) == 100
    assert completeness(Record(), 0).percent == 0
    assert len(completeness(Record(), 0).missing) == len(PARTS)
    assert completeness(Record(emails=["a@b.example"]), 1).percent == 20


def test_pages_take_as_few_statements_for_many_rows(firm, owner):
    visitor = client_of(owner)
    few = [statements(lambda path=path: visitor.get(path)) for path in paths(firm)]
    areas = [Place(country="DE", city=f"Ort {n}") for n in range(20)]
    projects = [Project(name=f"Hall {n}") for n in range(20)]
    update_builder(actor=owner, builder=firm.pk, values={"service_places": areas, "portfolio": projects})
    assert [statements(lambda path=path: visitor.get(path)) for path in paths(firm)] == few
