"""The directory in real browsers: accessible in every look, within its window, and of use without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_pages import LOOKS, check
from tests.browser.visitor import LAPTOP, PHONE, visitors
from tests.installations import NewInstallations
from tests.servers import LiveServer

pytestmark = pytest.mark.browser

LONG_NAME = "Wolfeschlegel-Steinhausen"
ON_A_PHONE = ("/builders/", "/builders/search/?q=stand&service=design", "/builders/nordlicht-messebau-gmbh-co-kg/")
ON_A_LAPTOP = ("/builders/", "/builders/in/germany/", "/builders/search/?q=nordlihct&verified=1", ON_A_PHONE[-1])


@pytest.fixture(scope="module")
def server(built_static: None, new_installations: NewInstallations) -> Iterator[LiveServer]:
    """A server with the invented firms, for all tests of this file: none of them writes."""
    running = LiveServer({})
    new_installations.prepare(running, demo=True)
    running.manage("setup_demo", "--builders")
    running.start()
    yield running
    running.remove()


def test_pages_are_accessible_in_every_look(server: LiveServer, chromium: Browser) -> None:
    phone, laptop = (look.values[0] for look in LOOKS)
    with visitors(chromium, server.origin, phone, laptop) as people:
        for person, pages in zip(people, (ON_A_PHONE, ON_A_LAPTOP), strict=True):
            for path in pages:
                person.page.goto(path)
                check(person)
        # What is folded on a phone is folded out once.
        people[0].page.goto("/builders/in/germany/")
        people[0].page.get_by_text("Narrow down").click()
        check(people[0])


def test_long_names_and_other_directions_fit(server: LiveServer, chromium: Browser) -> None:
    with visitors(chromium, server.origin, {"viewport": PHONE, "is_mobile": True, "has_touch": True}) as (anna,):
        anna.page.goto("/builders/search/?q=wolfeschlegel")
        anna.page.get_by_role("link", name=LONG_NAME).click()
        expect(anna.page.get_by_role("heading", level=1)).to_contain_text(LONG_NAME)
        assert anna.overflow() <= 0
        for path in ("/builders/in/oman/", "/builders/in/japan/", "/builders/", anna.page.url):
            anna.page.goto(path)
            anna.page.evaluate("document.documentElement.dir = 'rtl'")
            assert anna.overflow() <= 0


def test_firm_is_found_without_scripts(server: LiveServer, chromium: Browser) -> None:
    with visitors(chromium, server.origin, {"java_script_enabled": False, "viewport": LAPTOP}) as (plain,):
        page = plain.page
        page.goto("/")
        page.get_by_role("link", name="Stand builders").click()
        page.get_by_role("searchbox").fill("graz")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("heading", name="1 firm")).to_be_visible()
        page.get_by_role("link", name="“graz”").click()
        page.get_by_role("link", name="Germany").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Stand builders in Germany")
        page.get_by_role("link", name="Berlin", exact=False).first.click()
        page.get_by_role("link", name="Alpenglühn Standbau").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Alpenglühn Standbau")
        expect(page.get_by_text("Also works in")).to_be_visible()
        page.get_by_role("link", name="Claim it").click()
        expect(page).to_have_url(f"{server.origin}/builders/alpengluhn-standbau/claim/")
        page.go_back()
        page.get_by_role("link", name="Stand builders").first.click()
        page.get_by_role("link", name="Nordlicht Messebau").click()
        picture = page.get_by_alt_text("An invented stand").first
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        page.get_by_role("link", name="Rooms", exact=True).click()
        expect(page).to_have_url(f"{server.origin}/")
