"""What staff do to a room while people are in it shows at once, and says what it means for them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_rooms import BAN_BEN, BOTH, change_room
from tests.browser.visitor import PHONE, Visitor, visitors
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.browser

ARCHIVE = """
from accounts.models import User
from chat.models import Room
from chat.services.rooms import archive_room
archive_room(actor=User.objects.get(is_superuser=True), room=Room.objects.get(name="Main Stage"))
"""


def run(server: LiveServer, code: str) -> None:
    server.manage("shell", "--verbosity", "0", "-c", code)


def expect_to_write(person: Visitor, text: str) -> None:
    expect(person.page.get_by_role("textbox", name="Write a message")).to_have_value(text)


def expect_notice(person: Visitor, text: str) -> None:
    expect(person.page.locator(".composer__closed")).to_have_text(text)
    expect(person.page.get_by_role("textbox", name="Write a message")).to_have_count(0)


def test_new_name_shows_at_once(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        run(server, change_room("name='Tent of <b>Wonders</b>'"))
        expect(anna.page.get_by_role("heading", level=1)).to_have_text("Tent of <b>Wonders</b>")
        expect(anna.page).to_have_title("Tent of <b>Wonders</b> · Pavilion")


def test_closing_and_opening_keep_what_is_half_written(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    closed = "This room is closed. You can still read it."
    with visitors(chromium, server.origin, *BOTH) as people:
        for person, name in zip(people, ("Anna", "Ben"), strict=True):
            person.enter_listed(name)
            person.wait_live()
            person.page.get_by_role("textbox", name="Write a message").fill("half a sent")
        run(server, change_room("mode='closed'"))
        for person in people:
            expect_notice(person, closed)
            expect(person.page.get_by_text("Nothing was said in here")).to_be_visible()
        run(server, change_room("mode='open'"))
        for person in people:
            expect_to_write(person, "half a sent")
        run(server, change_room("mode='paused'"))
        for person in people:
            expect_notice(person, "This room is paused for a moment. You can still read it.")
        run(server, ARCHIVE)
        for person in people:
            expect_notice(person, "This room is in the archive. You can still read it.")
            person.page.reload()
            expect_notice(person, "This room is in the archive. You can still read it.")


def test_closed_room_says_so_without_scripts(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"java_script_enabled": False, "viewport": PHONE}) as (plain,):
        plain.enter_listed("Plain")
        run(server, change_room("mode='closed'"))
        plain.page.reload()
        expect_notice(plain, "This room is closed.")


def test_banned_person_gets_a_page_that_says_so(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (ben,):
        ben.enter_listed("Ben")
        ben.wait_live()
        address = ben.page.url
        run(server, BAN_BEN)
        expect(ben.page.get_by_text("You have been banned from this room.")).to_be_visible()
        response = ben.page.goto(address)
        assert response is not None
        assert response.status == 403
        expect(ben.page.get_by_text("You have been banned from this room.")).to_be_visible()
        ben.page.get_by_role("link", name="To all rooms").click()
        expect(ben.page.get_by_role("heading", name="Open rooms")).to_be_visible()
        ben.page.get_by_role("button", name="Main Stage").last.click()
        expect(ben.page.get_by_text("You have been banned from this room.")).to_be_visible()
        ben.faults = [fault for fault in ben.faults if "403 (Forbidden)" not in fault]
