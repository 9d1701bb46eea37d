"""The public pages of the directory, as a visitor and a search engine read them."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from PIL import Image

from builders.models import Builder, FormerSlug, PortfolioProject
from builders.services.builders import create_builder, deactivate_builder, update_builder
from builders.services.pictures import add_picture
from tests.rig import client_of, make_member, statements

pytestmark = pytest.mark.django_db
FULL = {
    "name": "Nordlicht <b>Messebau</b> & Söhne",
    "description": "Timber frames.\n\n</script><script>alert(1)</script>",
    "website": "https://www.nordlicht.example/about",
    "headquarters": {"country": "AT", "city": "Graz", "street": "Weg 1", "postcode": "8010"},
    "service_places": [{"country": "DE", "city": "Berlin"}],
    "services": [{"name": "Design", "category": "design", "price_from": "60", "price_to": "120", "currency": "EUR"}],
    "specialisations": ["Double-deck"],
    "certifications": [{"name": "ISO 9001", "issuer": "TÜV"}],
    "portfolio": [{"name": "Spring Fair", "year": 2024, "stand_m2": 84}],
    "languages": ["de", "en"],
    "founded": 1994,
    "stand": [20, 600],
    "team": [5, 20],
    "rating": ["4.7", 182],
    "emails": ["office@nordlicht.example"],
    "phones": ["+43316123456"],
    "people": [{"name": "Ada Weiß"}],
}


class Text(HTMLParser):
    """The text of a page and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.links, self.scripts = "", [], []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in ("a", "link") and "href" in attributes:
            self.links.append((attributes.get("rel", ""), attributes["href"]))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((attributes.get("type", ""), ""))

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        if self._in_script:
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        else:
            self.text += " ".join(data.split()) + " "


def read(client: Client, path: str, status: int = 200) -> Text:
    response = client.get(path)
    assert response.status_code == status, response
    assert response["Cache-Control"] == "private, no-cache"
    return Text(response.content.decode())


@pytest.fixture
def firm():
    return create_builder(actor=None, values=FULL)


def test_empty_directory_says_so(client):
    assert "Nobody is listed yet" in read(client, "/builders/").text


def test_landing_shows_measured_figures_and_leads_to_places(client, firm):
    create_builder(actor=None, values={"name": "B", "headquarters": {"country": "DE", "city": "München"}})
    page = read(client, "/builders/")
    assert "2 firms in 2 countries" in page.text
    assert {"/builders/in/germany/", "/builders/in/austria/", "/builders/in/germany/munich/"} <= {
        href for _, href in page.links
    }


def test_home_page_leads_to_the_directory_and_back(client, firm):
    assert ("", "/builders/") in Text(client.get("/").content.decode()).links
    assert ("", "/") in read(client, firm.get_absolute_url()).links


def test_builder_page_shows_what_is_known_and_no_contact(client, firm):
    page = read(client, firm.get_absolute_url())
    for text in (
        FULL["name"], "Graz", "Berlin , Germany", "Weg 1", "60–120 EUR", "Double-deck", "ISO 9001", "TÜV",
        "Spring Fair", "84 m²", "German, English", "1994", "20–600 m²", "5–20 people", "4.7", "182 reviews",
        "www.nordlicht.example",
    ):  # fmt: skip
        assert text in re.sub(r"\s+", " ", page.text), text
    assert (f"{firm.get_absolute_url()}claim/") in {href for _, href in page.links}
    for private in ("office@nordlicht.example", "+43316123456", "Ada Weiß"):
        assert private not in page.text


def test_builder_page_takes_seven_statements_however_much_there_is(client, firm):
    path = firm.get_absolute_url()
    few = statements(lambda: client.get(path))
    places = [{"country": "DE", "city": city} for city in ("Berlin", "Köln", "Bonn")]
    update_builder(actor=None, builder=firm.pk, values={"service_places": places})
    for project in [{"name": str(number)} for number in range(4)]:
        PortfolioProject.objects.create(builder=firm, **project)
    assert statements(lambda: client.get(path)) == few == 7


def test_page_carries_schema_org_that_ends_no_script(client, firm):
    page = read(client, firm.get_absolute_url())
    blocks = [json.loads(text) for kind, text in page.scripts if kind == "application/ld+json"]
    data = next(block for block in blocks if block["@type"] == "ProfessionalService")
    assert data["name"] == FULL["name"]
    assert data["description"] == FULL["description"]
    assert data["address"] == {
        "@type": "PostalAddress",
        "streetAddress": "Weg 1",
        "postalCode": "8010",
        "addressLocality": "Graz",
        "addressCountry": "AT",
    }
    assert data["url"].endswith(firm.get_absolute_url())
    assert data["areaServed"] == [{"@type": "Place", "name": "Berlin, Germany"}]
    assert "telephone" not in data
    crumbs = next(block for block in blocks if block["@type"] == "BreadcrumbList")
    assert [item["name"] for item in crumbs["itemListElement"]] == ["Stand builders", "Austria", "Graz", FULL["name"]]
    assert not any("alert(1)" in text for kind, text in page.scripts if kind != "application/ld+json")


def test_builder_page_shows_pictures_in_their_widths(client, firm, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    out = io.BytesIO()
    Image.new("RGB", (700, 300)).save(out, "PNG")
    out.seek(0)
    image = add_picture(actor=None, project=firm.portfolio.get(), file=out, caption="Our stand")
    stem = image.file.url.removesuffix("-1280.webp")
    page = client.get(firm.get_absolute_url()).content.decode()
    assert f'srcset="{stem}-320.webp 320w, {stem}-640.webp 640w, {stem}-1280.webp 700w"' in page
    assert 'alt="Our stand"' in page
    assert f"{stem}-320.webp" in client.get("/builders/").content.decode()


def test_address_that_is_no_website_is_no_link(client, firm):
    Builder.objects.filter(pk=firm.pk).update(website="javascript:alert(1)")
    assert not any(href.startswith("javascript") for _, href in read(client, firm.get_absolute_url()).links)


# --- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/builders/in/at/", "/builders/in/austria/"),
        ("/builders/in/%C3%96sterreich/", "/builders/in/austria/"),
        ("/builders/in/Austria/?page=1", "/builders/in/austria/"),
        ("/builders/in/austria/GRAZ/", "/builders/in/austria/graz/"),
        ("/builders/in/germany/Duesseldorf/", "/builders/in/germany/dusseldorf/"),
        ("/builders/in/germany/M%C3%BCnchen/", "/builders/in/germany/munich/"),
    ],
)
def test_every_place_has_one_address(client, firm, path, target):
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (301, target)


@pytest.mark.parametrize("city", ["東村山", "مدينة", "saint-étienne-du-bois"])
def test_cities_in_every_script_have_an_address(client, city):
    place = {"country": "JP", "city": city}
    create_builder(actor=None, values={"name": "Somebody", "headquarters": place})
    landing = read(client, "/builders/")
    href = next(href for _, href in landing.links if href.startswith("/builders/in/japan/") and href.count("/") == 5)
    assert "Somebody" in read(client, href).text


def test_address_of_former_times_leads_on(client, firm):
    FormerSlug.objects.create(slug="old-name", builder=firm)
    response = client.get("/builders/old-name/")
    assert (response.status_code, response["Location"]) == (301, firm.get_absolute_url())


def test_merged_builder_leads_to_the_one_that_is_left(client, firm):
    other, third = (create_builder(actor=None, values={"name": name}) for name in ("Other", "Third"))
    Builder.objects.filter(pk=other.pk).update(merged_into=third, is_active=False)
    Builder.objects.filter(pk=third.pk).update(merged_into=firm, is_active=False)
    assert client.get("/builders/other/")["Location"] == firm.get_absolute_url()
    Builder.objects.filter(pk=firm.pk).update(is_active=False)
    assert client.get("/builders/other/").status_code == 410


def test_builder_that_has_left_is_gone_with_a_way_on(client, firm):
    deactivate_builder(actor=None, builder=firm.pk)
    page = read(client, firm.get_absolute_url(), 410)
    assert "No longer listed" in page.text
    assert "/builders/in/austria/" in {href for _, href in page.links}


def test_closed_firm_says_so_in_lists_and_what_is_nobody_knows_stays_out(client):
    create_builder(actor=None, values={"name": "Adler", "status": "closed", "services": [{"name": "Magic"}]})
    page = read(client, "/builders/search/?q=adler").text
    assert "Closed for good" in page
    assert "Other" not in page.partition("1 firm ")[2]
    assert "Little is known of this firm yet" in read(client, "/builders/adler/").text


@pytest.mark.parametrize("path", ["/builders/nobody/", "/builders/in/atlantis/", "/builders/in/germany/!!/"])
def test_wrong_address_offers_the_search(client, path):
    assert "Look for a firm or a place" in read(client, path, 404).text


@pytest.mark.parametrize("path", ["/builders/in/germany/?page=x", "/builders/in/germany/?page=51", "/builders/%00/"])
def test_address_that_nobody_was_given_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_name_of_a_page_is_no_address_of_a_builder(client):
    for name in ("Search", "In", "Stats"):
        builder = create_builder(actor=None, values={"name": name})
        assert client.get(builder.get_absolute_url()).status_code == 200
        assert f"<bdi>{name}</bdi></h1>" in client.get(builder.get_absolute_url()).content.decode()


# --- search -------------------------------------------------------------------------------------------------------


def test_search_shows_cards_counts_and_ways_to_narrow_down(client, firm):
    create_builder(actor=None, values={"name": "Other Söhne", "headquarters": {"country": "DE", "city": "Köln"}})
    page = read(client, "/builders/search/?q=s%C3%B6hne")
    assert "2 firms" in page.text
    assert "/builders/search/?q=s%C3%B6hne&country=DE" in {href for _, href in page.links}
    assert ("nofollow", "/builders/search/?q=s%C3%B6hne&service=design") in page.links
    narrowed = read(client, "/builders/search/?q=s%C3%B6hne&service=design")
    assert "1 firm " in narrowed.text
    assert ("nofollow", "/builders/search/?q=s%C3%B6hne") in narrowed.links


def test_card_says_why_a_firm_from_elsewhere_is_in_the_list(client, firm):
    assert "works in Berlin, too" in read(client, "/builders/in/germany/berlin/").text
    assert "works in Germany, too" in read(client, "/builders/in/germany/").text
    assert "works in" not in read(client, "/builders/in/austria/graz/").text


def test_a_place_alone_has_its_own_page(client, firm):
    response = client.get("/builders/search/?country=Deutschland&city=berlin")
    assert (response.status_code, response["Location"]) == (302, "/builders/in/germany/berlin/")


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("q=a&min_rating=9", "?q=a"),
        ("q=a&min_rating=sNaN", "?q=a"),
        ("q=a&service=%27%20OR%201%3D1", "?q=a"),
        ("country=Atlantis", ""),
        ("q=a&city=Graz", "?q=a"),
        ("page=0", ""),
        ("page=9999999999999999999", ""),
        ("sort=name&q=b", "?q=b"),
        ("verified=perhaps", ""),
        ("q=" + "x" * 201, ""),
    ],
)
def test_what_is_wrong_in_an_address_is_left_out(client, query, target):
    response = client.get(f"/builders/search/?{query}")
    assert (response.status_code, response["Location"]) == (302, f"/builders/search/{target}")


@pytest.mark.parametrize("query", ["q=%00", "q=%FF%FE", "x=1&y=%00", "q=%22%20OR%20%2A", "q=" + "%E5%B1%95" * 200])
def test_hostile_words_are_answered(client, firm, query):
    assert client.get(f"/builders/search/?{query}").status_code == 200


def test_what_is_typed_comes_back_as_text(client, firm):
    response = client.get("/builders/search/", {"q": '"><script>alert(1)</script>'})
    assert b"<script>alert(1)" not in response.content


def test_empty_list_leads_to_a_near_spelling_and_to_one_wish_less(client, firm):
    page = read(client, "/builders/search/?q=nordlihct&verified=1")
    assert "Did you mean nordlicht ?" in page.text
    assert "/builders/search/?q=nordlicht" in {href for _, href in page.links}
    wished = read(client, "/builders/search/?q=nordlicht&service=rental")
    assert "with any service 1" in wished.text
    assert "/builders/search/?q=nordlicht" in {href for _, href in wished.links}


def test_empty_place_has_ways_on_and_is_not_found(client, firm):
    page = read(client, "/builders/in/france/", 404)
    assert "/builders/" in {href for _, href in page.links}


def test_pages_are_linked_in_both_directions(client):
    for number in range(45):
        create_builder(actor=None, values={"name": f"Firm {number}", "headquarters": {"country": "DE"}})
    middle = read(client, "/builders/in/germany/?page=2").links
    for rel, href in (("prev", "/builders/in/germany/"), ("next", "/builders/in/germany/?page=3")):
        assert (rel, href) in middle
    assert any(rel == "canonical" and href.endswith("/builders/in/germany/?page=2") for rel, href in middle)
    last = read(client, "/builders/in/germany/?page=3").links
    assert not any(rel == "next" for rel, _ in last)
    assert client.get("/builders/in/germany/?page=4").status_code == 404


def test_lists_of_places_are_for_search_engines_and_others_are_not(client, firm):
    assert b"noindex" not in client.get("/builders/in/austria/").content
    assert b"noindex" in client.get("/builders/search/?q=graz").content


def test_page_takes_few_statements(client, firm):
    client.get("/builders/in/germany/")
    assert statements(lambda: client.get("/builders/in/germany/")) == 3
    assert statements(lambda: client.get("/builders/search/?q=s%C3%B6hne")) == 4


def test_page_is_the_same_for_members(firm):
    member = client_of(make_member("Ada"))
    assert "Ada" in member.get("/builders/").content.decode()
    assert member.get(firm.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("path", ["/builders/", "/builders/search/", "/builders/in/austria/", "/sitemap.xml"])
def test_pages_are_only_read(client, firm, path):
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200


# --- for search engines -------------------------------------------------------------------------------------------


def test_site_map_names_every_page_once(client, firm, settings):
    index = client.get("/sitemap.xml")
    assert index["Content-Type"] == "application/xml"
    assert "public" in index["Cache-Control"]
    parts = re.findall(r"<loc>([^<]+)</loc>", index.content.decode())
    paths = [part.removeprefix(settings.PUBLIC_ORIGIN) for part in parts]
    assert paths == ["/sitemap-places.xml", "/sitemap-builders-0.xml"]
    places = client.get(paths[0]).content.decode()
    found = re.findall(r"<loc>([^<]+)</loc>", places)
    assert [path.removeprefix(settings.PUBLIC_ORIGIN) for path in found] == [
        "/builders/", "/builders/in/austria/", "/builders/in/germany/", "/builders/in/austria/graz/",
        "/builders/in/germany/berlin/",
    ]  # fmt: skip
    assert firm.get_absolute_url() in client.get(paths[1]).content.decode()
    assert client.get("/sitemap-builders-1.xml").status_code == 404


def test_robots_are_told_where_to_look(client, settings):
    text = client.get("/robots.txt").content.decode()
    assert "Disallow: /builders/search/" in text
    assert f"Sitemap: {settings.PUBLIC_ORIGIN}/sitemap.xml" in text
