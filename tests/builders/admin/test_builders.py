"""The directory in the admin site: found by any name, changed through the services, and done to many at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from builders.models import Builder, ContactPoint, ImportJob, Location, PortfolioProject, Rank, Service
from builders.queries import staff as queries
from builders.record import Offering, Person, Place, Project
from builders.services.builders import update_builder
from builders.services.snapshots import snapshot
from builders.services.stored import Key
from operations.models import ActivityEvent
from tests.builders.admin.staff import (
    LIST,
    act,
    add_row,
    builder,
    client_with,
    confirm,
    fields_of,
    messages_of,
    prefix_of,
)
from tests.rig import client_of, make_guest, make_member, make_staff, statements

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"
EVERYTHING: dict[str, Any] = {
    "description": "one\n\ntwo",
    "website": "https://mueller.example/",
    "emails": ["a@mueller.example", "b@mueller.example"],
    "phones": ["+49301234567"],
    "maps_url": "https://maps.example/1",
    "headquarters": Place(country="DE", city="Düsseldorf", street="Messeallee 1", latitude="51.2", longitude="6.7"),
    "service_places": [Place(country="AT", city="Graz", street="Ring 3"), Place(country="FR")],
    "people": [Person(name="Ada Weiß", role="Sales")],
    "services": [Offering(name="Rental", category="rental", price_from="100", currency="EUR", unit="m²")],
    "specialisations": ["Double-deck"],
    "portfolio": [Project(name="Hall 1", year=2020, country="DE", stand_m2=40)],
    "languages": ["de", "en"],
    "founded": 1999,
    "team": [3, 9],
    "rating": ["4.5", 12],
    "status": "operational",
    "plan": "basic",
    "is_verified": True,
    "extra": {"hours": "9 to 5"},
}


@pytest.fixture
def boss(db) -> Client:
    return client_of(make_staff())


def page_of(row: Builder) -> str:
    return f"{LIST}{row.pk}/change/"


def found(client: Client, **query: str) -> list[str]:
    return [each.name for each in client.get(LIST, query).context["cl"].result_list]


def kept(row: Builder) -> dict[str, Any]:
    return snapshot([row.pk])[row.pk]


# --- who may ----------------------------------------------------------------------------------------------------


@pytest.mark.backend("sqlite")
def test_pages_are_for_staff_alone(boss: Client) -> None:
    row = builder()
    for page in (LIST, page_of(row), f"{LIST}add/"):
        assert Client().get(page).status_code == 302
        assert client_of(make_guest()).get(page).status_code == 302
        assert client_of(make_member()).get(page).status_code == 302
        assert client_with().get(page).status_code == 403
        assert boss.get(page).status_code == 200


def test_who_may_only_look_changes_nothing() -> None:
    row = builder(emails=["a@b.example"])
    client = client_with("view_builder")
    page = client.get(page_of(row))
    assert page.status_code == 200
    assert "a@b.example" in page.content.decode()
    before = kept(row)
    assert client.post(page_of(row), {"name": "Mine"}).status_code == 403
    assert client.post(f"{LIST}add/", {"name": "Mine"}).status_code == 403
    for action in ("verify", "feature", "deactivate", "reactivate", "delete_for_good", "merge"):
        confirm(client, action, row, phrase="x", typed="x")
    assert kept(row) == before
    assert Builder.objects.count() == 1


def test_deleting_takes_a_right_of_its_own_and_no_page_of_djangos(boss: Client) -> None:
    row = builder()
    client = client_with("view_builder", "change_builder")
    confirm(client, "delete_for_good", row, phrase="delete 1 builder", typed="delete 1 builder")
    assert boss.get(f"{LIST}{row.pk}/delete/").status_code == 403
    assert boss.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Builder.objects.filter(pk=row.pk).exists()


# --- the list ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("dusseldorf", ["Stände Müller"]),
        ("müller stände", ["Stände Müller"]),
        ("oman", []),
        ("romania", ["Bukarest Expo"]),
        ("INFO@mueller.example", ["Stände Müller"]),
        ("+49 30 1234567", ["Stände Müller"]),
        ("030 1234567", ["Stände Müller"]),
        ("www.muller-stande.de", ["Stände Müller"]),
        ("stande-muller", ["Stände Müller"]),
        ("F-17", ["Bukarest Expo"]),
        ("nobody", []),
        ("…", []),
    ],
)
def test_builders_are_found_by_words_and_by_what_names_them(boss: Client, text: str, names: list[str]) -> None:
    builder(
        emails=["info@mueller.example"],
        phones=["+49301234567"],
        website="https://muller-stande.de",
        headquarters=Place(country="DE", city="Düsseldorf"),
    )
    other = builder("Bukarest Expo", headquarters=Place(country="RO", city="București"))
    other.source_keys.create(source="fair", key="F-17")
    assert found(boss, q=text) == names


def test_builder_is_found_by_its_uid(boss: Client) -> None:
    row = builder()
    builder("Another")
    assert found(boss, q=row.uid) == ["Stände Müller"]


def test_list_is_filtered(boss: Client) -> None:
    first = builder("A", headquarters=Place(country="DE"), service_places=[Place(country="AT", city="Graz")])
    second = builder("B", is_verified=True, plan="basic")
    second.source_keys.create(source="fair", key="1")
    ImportJob.objects.create(source="fair", file_name="f.csv")
    update_builder(actor=None, builder=first.pk, values={}, is_active=False, is_featured=True)
    assert found(boss, country="AT") == ["A"]
    assert found(boss, source="fair") == ["B"]
    assert found(boss, is_active__exact="0") == ["A"]
    assert found(boss, is_featured__exact="1") == ["A"]
    assert found(boss, is_verified__exact="1") == ["B"]
    assert found(boss, plan__exact="basic") == ["B"]
    assert found(boss) == ["A", "B"]


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("key", ["\x00", "x", "9" * 30])
def test_what_no_list_sends_is_refused(boss: Client, key: str) -> None:
    builder()
    assert boss.post(LIST, {"action": "merge", "_selected_action": [key]}).status_code == 400
    # A pattern that never ends would hold the whole process.
    assert boss.get(LIST, {"name__regex": "(S+)+$"}).status_code == 400
    for address in (f"{LIST}?plan__exact=%00", f"{LIST}%00/change/", "/admin/builders/importjob/job/%00/"):
        assert boss.get(address).status_code == 400


def test_builder_that_was_merged_is_not_listed(boss: Client) -> None:
    first, second = builder("A"), builder("B")
    Builder.objects.filter(pk=second.pk).update(merged_into=first)
    assert found(boss) == ["A"]


def test_list_takes_as_many_statements_whatever_its_length(boss: Client) -> None:
    figures = []
    for count in (1, 3):
        for number in range(count):
            builder(f"Firm {count}-{number}", headquarters=Place(country="DE", city="Berlin"))
        figures.append(statements(lambda: boss.get(LIST)))
    assert figures[0] == figures[1]


def test_rows_are_counted_up_to_a_bound(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "COUNTED_AT_MOST", 2)
    for name in "AB":
        builder(name)
    assert "Counted and paged up to" not in boss.get(LIST).content.decode()
    builder("C")
    builder("D")
    page = boss.get(LIST)
    assert page.context["cl"].paginator.count == 3
    assert "Counted and paged up to" in page.content.decode()


# --- one builder ------------------------------------------------------------------------------------------------


def test_saved_unchanged_writes_nothing(boss: Client) -> None:
    row = builder(**EVERYTHING)
    before = kept(row)
    response = boss.post(page_of(row), fields_of(boss.get(page_of(row))))
    assert response.status_code == 302, response.context["errors"]
    assert kept(row) == before


def test_changed_fields_are_written_locked_and_logged(boss: Client) -> None:
    row = builder(**EVERYTHING)
    Builder.objects.filter(pk=row.pk).update(locked_fields=[])
    page = boss.get(page_of(row))
    fields = fields_of(page) | {"name": "Stände Meier", "language_names": "German, fr", "team_max": "12"}
    fields |= {"specialisation_names": "Double-deck, Medical", "is_featured": "on"}
    add_row(page, fields, "contacts", kind="phone", value="030 7654321", position=0)
    add_row(page, fields, "service areas", city="Łódź", country="Poland")
    add_row(page, fields, "services", name="Graphics", category="graphics")
    prefix = prefix_of(page, "service areas")
    fields[f"{prefix}-1-DELETE"] = "on"
    assert boss.post(page_of(row), fields).status_code == 302
    stored = Builder.objects.get(pk=row.pk)
    assert (stored.name, stored.languages, stored.team_max, stored.is_featured) == (
        "Stände Meier",
        ["de", "fr"],
        12,
        True,
    )
    assert sorted(stored.specialisations.values_list("name", flat=True)) == ["Double-deck", "Medical"]
    phones = ContactPoint.objects.filter(builder=row, kind="phone").order_by("position")
    assert [point.value for point in phones] == ["+49301234567", "+49307654321"]
    places = Location.objects.filter(builder=row, is_headquarters=False).order_by("pk")
    # The street of the place that stays is not in the form, and stays all the same.
    assert [(p.city, p.country.code, p.street) for p in places] == [("Graz", "AT", "Ring 3"), ("Łódź", "PL", "")]
    assert Location.objects.filter(builder=row, is_headquarters=True).get().street == "Messeallee 1"
    assert sorted(Service.objects.filter(builder=row).values_list("name", flat=True)) == ["Graphics", "Rental"]
    changed = ["languages", "name", "phones", "service_places", "services", "specialisations", "team"]
    assert stored.locked_fields == changed
    assert {stored.provenance[name]["rank"] for name in changed} == {Rank.STAFF}
    assert stored.rev == row.rev + 1
    event = ActivityEvent.objects.filter(kind="builders.builder.changed").latest("pk")
    assert sorted(event.data["fields"]) == sorted([*changed, "is_featured"])


def test_field_is_emptied(boss: Client) -> None:
    row = builder(**EVERYTHING)
    page = boss.get(page_of(row))
    fields = fields_of(page) | {"founded": "", "rating": "", "review_count": "0", "description": ""}
    fields[f"{prefix_of(page, 'headquarters')}-0-DELETE"] = "on"
    assert boss.post(page_of(row), fields).status_code == 302
    stored = Builder.objects.get(pk=row.pk)
    assert (stored.founded, stored.rating, stored.description) == (None, None, "")
    assert not Location.objects.filter(builder=row, is_headquarters=True).exists()


def test_projects_are_changed_in_place_for_their_pictures(boss: Client) -> None:
    row = builder(**EVERYTHING | {"portfolio": [Project(name=f"Hall {n}", year=2020 - n) for n in range(1, 4)]})
    first, second, third = PortfolioProject.objects.order_by("name")
    page = boss.get(page_of(row))
    fields = fields_of(page) | {"founded": "1998"}
    prefix = prefix_of(page, "portfolio")
    fields |= {f"{prefix}-0-name": "Hall One", f"{prefix}-1-DELETE": "on"}
    add_row(page, fields, "portfolio", name="Hall 4", country="France")
    assert boss.post(page_of(row), fields).status_code == 302
    assert PortfolioProject.objects.get(name="Hall One").pk == first.pk
    assert PortfolioProject.objects.filter(pk=third.pk, name="Hall 3").exists()
    assert not PortfolioProject.objects.filter(pk=second.pk).exists()
    assert PortfolioProject.objects.get(name="Hall 4").country.code == "FR"
    stored = Builder.objects.get(pk=row.pk)
    assert (stored.founded, stored.rev) == (1998, row.rev + 4)
    assert "portfolio" in stored.locked_fields


def test_bad_project_undoes_the_whole_page(boss: Client) -> None:
    row = builder(**EVERYTHING)
    before = kept(row)
    page = boss.get(page_of(row))
    fields = fields_of(page) | {"founded": "1998"}
    add_row(page, fields, "portfolio", name="Hall 2", year="3000")
    assert "The year lies between" in boss.post(page_of(row), fields).content.decode()
    assert kept(row) == before


def test_builder_is_added(boss: Client) -> None:
    page = boss.get(f"{LIST}add/")
    fields = fields_of(page) | {"name": "Neue Bühnen", "founded": "2001"}
    fields.pop("is_active")
    add_row(page, fields, "headquarters", city="Graz", country="Austria")
    add_row(page, fields, "contacts", kind="email", value="Info@Buehnen.example", position=0)
    assert boss.post(f"{LIST}add/", fields).status_code == 302
    row = Builder.objects.get()
    assert (row.slug, row.founded, row.is_active) == ("neue-buhnen", 2001, False)
    assert (
        row.locked_fields == ["emails", "founded", "headquarters", "name", "plan", "is_verified"]
        or "name" in row.locked_fields
    )
    assert ContactPoint.objects.get().value == "info@buehnen.example"


def test_builder_that_is_there_is_not_added_again(boss: Client) -> None:
    row = builder(**{name: EVERYTHING[name] for name in ("phones", "headquarters")})
    page = boss.get(f"{LIST}add/")
    fields = fields_of(page) | {"name": "Stände Mueller"}
    add_row(page, fields, "headquarters", city="Düsseldorf", country="DE", street="Messeallee 1")
    add_row(page, fields, "contacts", kind="phone", value="+49 30 1234567", position=0)
    html = boss.post(f"{LIST}add/", fields).content.decode()
    assert f"This is Stände Müller ({row.uid}), which is there already: telephone, street and name." in html
    assert 'value="Stände Mueller"' in html
    assert Builder.objects.count() == 1


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"website": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"founded": "1200"}, "The year lies between"),
        ({"language_names": "klingonisch"}, "is no language"),
        ({"team_min": "20"}, "The first number of a range is the smaller one."),
    ],
)
def test_what_makes_no_builder_is_refused(boss: Client, changes: dict[str, str], said: str) -> None:
    row = builder(**EVERYTHING)
    before = kept(row)
    response = boss.post(page_of(row), fields_of(boss.get(page_of(row))) | changes, follow=True)
    assert said in response.content.decode()
    assert kept(row) == before


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("plural", "values", "said"),
    [
        ("contacts", {"kind": "email", "value": "nobody at home", "position": 0}, "is no e-mail address"),
        ("contacts", {"kind": "social", "value": "javascript:alert(1)", "position": 0}, "is no address of the web"),
        ("service areas", {"city": "Poseidonis", "country": "Atlantis"}, "There is no such country."),
        ("services", {"name": "", "category": "design", "currency": "EUR"}, "This field is required"),
    ],
)
def test_bad_row_is_refused(boss: Client, plural: str, values: dict[str, Any], said: str) -> None:
    row = builder(**EVERYTHING)
    before = kept(row)
    page = boss.get(page_of(row))
    fields = fields_of(page)
    add_row(page, fields, plural, **values)
    assert said in boss.post(page_of(row), fields, follow=True).content.decode()
    assert kept(row) == before


def test_builder_that_was_changed_meanwhile_is_not_overwritten(boss: Client) -> None:
    row = builder(emails=["a@b.example"])
    fields = fields_of(boss.get(page_of(row))) | {"name": "Mine"}
    update_builder(actor=None, builder=row.pk, values={"emails": ["new@b.example"]})
    response = boss.post(page_of(row), fields)
    html = response.content.decode()
    assert "Somebody has saved this builder since you opened it" in html
    assert 'value="Mine"' in html
    assert Builder.objects.get(pk=row.pk).name == "Stände Müller"


def test_locked_field_is_unlocked(boss: Client) -> None:
    row = builder(emails=["a@b.example"])
    page = boss.get(page_of(row))
    assert "who said what" in page.content.decode().lower()
    fields = fields_of(page) | {"unlock": "emails"}
    assert boss.post(page_of(row), fields).status_code == 302
    stored = Builder.objects.get(pk=row.pk)
    assert stored.locked_fields == ["name"]
    assert list(stored.contact_points.values_list("value", flat=True)) == ["a@b.example"]


def test_builder_with_many_places_can_be_saved_and_shows_them_to_read(boss: Client) -> None:
    row = builder(service_places=[Place(country="DE", city=f"City {n}") for n in range(80)])
    page = boss.get(page_of(row))
    assert "City 79" in page.content.decode()
    fields = fields_of(page) | {"founded": "1990"}
    assert len(fields) < 1000
    assert boss.post(page_of(row), fields).status_code == 302
    assert Location.objects.filter(builder=row).count() == 80
    assert Builder.objects.get(pk=row.pk).founded == 1990


def test_names_and_texts_are_shown_as_text(boss: Client) -> None:
    row = builder(SCRIPT, description=SCRIPT, people=[Person(name=SCRIPT)], headquarters=Place(city=SCRIPT))
    row.source_keys.create(source="x", key=SCRIPT)
    for response in (boss.get(LIST), boss.get(page_of(row)), act(boss, "verify", row), confirm(boss, "verify", row)):
        html = response.content.decode()
        assert SCRIPT not in html
        assert "&lt;script&gt;" in html


# --- many at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "column", "before", "after"),
    [
        ("verify", "is_verified", False, True),
        ("unverify", "is_verified", True, False),
        ("feature", "is_featured", False, True),
        ("unfeature", "is_featured", True, False),
        ("deactivate", "is_active", True, False),
        ("reactivate", "is_active", False, True),
    ],
)
def test_actions_ask_first_and_are_logged(boss: Client, action: str, column: str, before: bool, after: bool) -> None:
    row, other = builder(), builder("Untouched")
    Builder.objects.update(**{column: before})
    asked = act(boss, action, row)
    assert 'name="confirmed"' in asked.content.decode()
    assert getattr(Builder.objects.get(pk=row.pk), column) is before
    assert messages_of(confirm(boss, action, row))[0].endswith("done for 1.")
    stored = Builder.objects.get(pk=row.pk)
    assert (getattr(stored, column), stored.rev) == (after, row.rev + 1)
    assert getattr(Builder.objects.get(pk=other.pk), column) is before
    assert ActivityEvent.objects.filter(kind="builders.builder.changed", target=row.uid).count() == 1


def test_verified_by_hand_is_locked_against_imports(boss: Client) -> None:
    row = builder()
    confirm(boss, "verify", row)
    assert "is_verified" in Builder.objects.get(pk=row.pk).locked_fields


def test_deleting_for_good_wants_it_typed(boss: Client) -> None:
    row, other = builder(), builder("Other")
    confirm(boss, "delete_for_good", row, phrase="delete 1 builder", typed="delete")
    assert Builder.objects.count() == 2
    confirm(boss, "delete_for_good", row, phrase="delete 1 builder", typed="delete 1 builder")
    assert list(Builder.objects.all()) == [other]
    assert ActivityEvent.objects.get(kind="builders.builder.deleted").target == row.uid


def test_too_many_at_once_are_refused(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.admin.builders.MOST_AT_ONCE", 1)
    rows = builder("A"), builder("B")
    assert "Choose 1 builders at most" in messages_of(confirm(boss, "verify", *rows))[0]
    assert not Builder.objects.filter(is_verified=True).exists()


def test_keys_of_sources_are_shown(boss: Client) -> None:
    from builders.services.builders import create_builder

    row = create_builder(actor=None, values={"name": "A"}, keys=[Key(source="fair", key="F-1")])
    assert "fair:F-1" in boss.get(page_of(row)).content.decode()
