"""The directory over HTTP, as programs and attackers ask for it."""

from __future__ import annotations

import pytest
from django.test import Client

from builders.models import Builder, FormerSlug
from builders.services.builders import create_builder, deactivate_builder, update_builder
from builders.services.stored import Key
from tests.builders.test_directory_pages import FULL
from tests.rig import make_member, statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm():
    return create_builder(actor=None, values=FULL)


def refused(client: Client, query: str, status: int = 422) -> dict[str, object]:
    response = client.get(f"/api/builders?{query}")
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, object] = response.json()
    return problem


def test_list_is_open_to_everybody_and_pages_by_position(client, firm):
    for number in range(4):
        create_builder(actor=None, values={"name": f"Firm {number}"})
    names, cursor = [], ""
    for size in (2, 2, 1):
        answer = client.get("/api/builders", {"limit": 2, "cursor": cursor}).json()
        assert len(answer["items"]) == size
        assert answer["total"] == 5
        names += [item["name"] for item in answer["items"]]
        cursor = answer["next"]
    assert cursor is None
    assert len(set(names)) == 5


def test_item_of_the_list_has_what_a_card_shows(client, firm, settings):
    [item] = client.get("/api/builders?q=nordlicht").json()["items"]
    assert item == {
        "uid": firm.uid,
        "name": FULL["name"],
        "slug": firm.slug,
        "description": FULL["description"],
        "rating": 4.7,
        "review_count": 182,
        "is_verified": False,
        "is_featured": False,
        "status": "",
        "city": "Graz",
        "country": "AT",
        "services": ["design"],
        "picture": None,
        "url": f"{settings.PUBLIC_ORIGIN}{firm.get_absolute_url()}",
    }


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("country=Deutschland&city=berlin", 1), ("country=AT&city=graz", 1), ("country=DE&city=Graz", 0),
        ("service=design&verified=false&min_rating=4.5", 1), ("verified=true", 0), ("min_rating=5", 0),
        ("specialisation=double-deck&language=de&size=large", 1), ("q=oman", 0), ("q=austria", 1), ("limit=-5", 1),
        ("limit=99999", 1), ("q=%00", 1),
    ],
)  # fmt: skip
def test_filters_are_those_of_the_pages(client, firm, query, number):
    answer = client.get(f"/api/builders?{query}").json()
    assert (len(answer["items"]), answer["total"]) == (number, number)


def test_counts_come_when_asked_for(client, firm):
    assert "facets" not in client.get("/api/builders").json()
    facets = client.get("/api/builders?facets=true&country=DE").json()["facets"]
    assert facets["countries"] == [{"value": "AT", "count": 1}, {"value": "DE", "count": 1}]
    assert facets["cities"] == [{"value": "berlin", "count": 1, "label": "Berlin"}]
    assert facets["specialisations"] == [{"value": "double-deck", "count": 1, "label": "Double-deck"}]
    assert facets["verified"] == 0


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("country=Atlantis", "/country"), ("city=Berlin", "/city"), ("service=magic", "/service"),
        ("sort=name", "/sort"), ("size=9", "/size"), ("language=xx", "/language"),
        ("verified=perhaps", "/verified"), ("min_rating=0.3", "/min_rating"), ("min_rating=NaN", "/min_rating"),
        ("min_rating=-Infinity", "/min_rating"), ("min_rating=1e999", "/min_rating"), ("cursor=x", "/cursor"),
        ("cursor=1.2", "/cursor"), ("cursor=0.1." + "9" * 30, "/cursor"), ("q=" + "a" * 201, "/q"),
        ("specialisation=" + "a" * 241, "/specialisation"), ("limit=many", "/limit"), ("facets=perhaps", "/facets"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(client, firm, query, pointer):
    problem = refused(client, query)
    assert problem["code"] == "invalid"
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize("path", ["/api/builders", "/api/builders/stats", "/api/builders/some-slug"])
def test_directory_is_only_read(client, path):
    response = client.post(path, "{}", "application/json")
    assert response.status_code == 405
    assert response["Allow"] == "GET"


def test_builder_has_what_its_page_shows_and_no_contacts(client, firm):
    response = client.get(f"/api/builders/{firm.slug}")
    builder = response.json()
    assert builder["name"] == FULL["name"]
    assert builder["headquarters"]["street"] == "Weg 1"
    assert [place["city"] for place in builder["service_places"]] == ["Berlin"]
    assert builder["services"][0]["price_to"] == 120.0
    assert builder["stand_m2"] == [20, 600]
    assert builder["portfolio"][0]["pictures"] == []
    for private in (b"office@nordlicht.example", b"+43316123456", "Ada Weiß".encode()):
        assert private not in response.content


def test_builder_that_has_not_changed_is_not_sent_again(client, firm):
    first = client.get(f"/api/builders/{firm.slug}")
    assert "public" in first["Cache-Control"]
    again = client.get(f"/api/builders/{firm.slug}", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    update_builder(actor=None, builder=firm.pk, values={"founded": 1995})
    assert client.get(f"/api/builders/{firm.slug}", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_former_slug_is_answered_with_the_builder_of_today(client, firm):
    FormerSlug.objects.create(slug="old", builder=firm)
    assert client.get("/api/builders/old").json()["slug"] == firm.slug


@pytest.mark.parametrize("slug", ["nobody", "x" * 300, "..", "%00", "a%2Fb", "%F0%9F%8E%AA"])
def test_unknown_builder_is_not_found(client, slug):
    response = client.get(f"/api/builders/{slug}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_builder_that_has_left_is_not_found(client, firm):
    deactivate_builder(actor=None, builder=firm.pk)
    assert client.get(f"/api/builders/{firm.slug}").json()["code"] == "not_found"


def test_figures_are_counted(client, firm):
    other = create_builder(
        actor=None,
        values={
            "name": "B",
            "rating": ["3.6", 4],
            "headquarters": {"country": "DE", "city": "BERLIN"},
            "is_verified": True,
        },
        keys=[Key(source="fair", key="1"), Key(source="gbp", key="2")],
    )
    Builder.objects.filter(pk=other.pk).update(claim_state="claimed", owner=make_member())
    create_builder(actor=None, values={"name": "C", "plan": "basic"})
    deactivate_builder(actor=None, builder=create_builder(actor=None, values={"name": "D", "rating": ["1.0", 9]}).pk)
    figures = client.get("/api/builders/stats").json()
    figures.pop("measured_at")
    assert figures == {
        "total": 3,
        "verified": 1,
        "claimed": 1,
        "imported": 1,
        "rated": 2,
        "average_rating": 4.15,
        "countries": [
            {"country": "DE", "name": "Germany", "count": 2},
            {"country": "AT", "name": "Austria", "count": 1},
        ],
        "cities": [
            {"country": "DE", "city": "berlin", "label": "Berlin", "count": 2},
            {"country": "AT", "city": "graz", "label": "Graz", "count": 1},
        ],
        "city_count": 2,
        "plans": {"basic": 1, "free": 2},
    }


def test_figures_of_nobody_are_none(client):
    figures = client.get("/api/builders/stats").json()
    assert (figures["total"], figures["average_rating"], figures["countries"]) == (0, None, [])


def test_answers_take_few_statements(client, firm):
    client.get("/api/builders")
    assert statements(lambda: client.get("/api/builders?q=nordlicht&facets=true")) == 4
    assert statements(lambda: client.get("/api/builders/stats")) == 4
    assert statements(lambda: client.get(f"/api/builders/{firm.slug}")) == 7
