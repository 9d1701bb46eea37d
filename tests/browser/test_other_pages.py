"""The pages beside rooms in real browsers: accounts, refusals, staff. Accessible in both themes, within the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import LOOKS, check
from tests.browser.test_rooms import FILL_ROOM, change_room
from tests.browser.visitor import PHONE, Visitor, visitors
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
# A refused page is reported by the browser as an error; that it is refused is what these tests are about.
REFUSALS = ("400 (Bad Request)", "403 (Forbidden)", "404 (Not Found)", "422 (", "429 (", "500 (Internal")
# Django's search fields try to set styles that the policy refuses, to no visible effect; axe trips over their sheet.
STAFF_FAULTS = ("Applying inline style violates", "Couldn't load preload assets")
TOO_MANY_FIELDS = """() => {
  const form = document.forms[0];
  for (let number = 0; number < 1100; number++) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: `n${number}` }));
  }
  form.submit();
}"""
MAKE_MEMBER = f"""
from allauth.account.models import EmailAddress
from accounts.models import User
member = User.objects.create_user("noor@example.org", {PASSWORD!r}, display_name="Noor")
EmailAddress.objects.create(user=member, email=member.email, primary=True, verified=True)
"""
ACCOUNT_PAGES = (
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/logout/",
)
STAFF_PAGES = (
    "/admin/",
    "/admin/chat/room/",
    "/admin/chat/room/add/",
    "/admin/chat/message/",
    "/admin/chat/ban/add/",
    "/admin/accounts/user/",
    "/admin/accounts/session/",
    "/admin/operations/scheduledrun/",
    "/admin/operations/activityevent/",
)


def forgive_refusals(person: Visitor) -> None:
    person.faults = [fault for fault in person.faults if not any(words in fault for words in REFUSALS)]


def log_in(person: Visitor, email: str, password: str) -> None:
    person.page.goto("/accounts/login/")
    person.page.get_by_label("Email").fill(email)
    person.page.get_by_label("Password").fill(password)
    person.page.get_by_role("button", name="Log in").click()
    expect(person.page.locator("details.menu, #user-tools")).to_be_visible()


def log_in_as_staff(person: Visitor, server: LiveServer) -> None:
    email, password = (server.data_dir / "staff-login").read_text(encoding="utf-8").split()
    log_in(person, email, password)


def bad_request(page: Page) -> None:
    page.goto("/")
    page.evaluate(TOO_MANY_FIELDS)


def lost_cookies(page: Page) -> None:
    page.goto("/")
    page.context.clear_cookies()
    page.get_by_role("button", name="Enter the room").click()


def open_path(path: str) -> Callable[[Page], None]:
    def visit(page: Page) -> None:
        page.goto(path)

    return visit


@pytest.mark.parametrize("look", LOOKS)
def test_refusals_have_pages(live_server_process: StartServer, chromium: Browser, look: dict[str, Any]) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", MAKE_MEMBER)
    refusals: list[tuple[Callable[[Page], None], str]] = [
        (bad_request, "That did not make sense"),
        (lost_cookies, "Once more, please"),
        (open_path("/nothing/here/"), "Nothing stands here"),
        (open_path("/j/unknown/"), "This door stays shut"),
    ]
    with visitors(chromium, server.origin, look, look) as (anna, noor):
        for stage, title in refusals:
            stage(anna.page)
            expect(anna.page.get_by_role("heading", level=1)).to_have_text(title)
            check(anna)
        log_in(noor, "noor@example.org", PASSWORD)
        noor.page.goto("/admin/")
        expect(noor.page.get_by_role("heading", name="Not for you")).to_be_visible()
        check(noor)
        server.manage(
            "shell",
            "--verbosity",
            "0",
            "-c",
            "from django.db import connection as c;c.cursor().execute('ALTER TABLE chat_room RENAME TO away')",
        )
        anna.page.goto("/")
        expect(anna.page.get_by_role("heading", level=1)).to_have_text("Something broke")
        check(anna)
        forgive_refusals(anna)
        forgive_refusals(noor)


@pytest.mark.parametrize("look", LOOKS)
def test_account_pages_are_accessible(
    live_server_process: StartServer, chromium: Browser, look: dict[str, Any]
) -> None:
    server = live_server_process({"RATE_LIMITS_ENABLED": "false"}, demo=True)
    server.manage("shell", "--verbosity", "0", "-c", MAKE_MEMBER)
    with visitors(chromium, server.origin, look, look) as (noor, anna):
        noor.page.goto("/accounts/login/")
        noor.page.get_by_label("Email").fill("noor@example.org")
        noor.page.get_by_label("Password").fill("wrong")
        noor.page.get_by_role("button", name="Log in").click()
        expect(noor.page.locator(".errorlist")).to_be_visible()
        check(noor)
        log_in(noor, "noor@example.org", PASSWORD)
        noor.page.locator("details.menu summary").click()
        check(noor)
        for path in ACCOUNT_PAGES:
            noor.page.goto(path)
            if noor.page.get_by_role("heading", name="Is it you?").count():
                check(noor)
                noor.page.get_by_label("Password").fill(PASSWORD)
                noor.page.get_by_role("button", name="Go on").click()
            check(noor)
        anna.enter_listed("Wolfeschlegelsteinhausenbergerdorffwelch")
        anna.wait_live()
        for path in ("/", "/accounts/signup/", "/accounts/logout/"):
            anna.page.goto(path)
            check(anna)
        forgive_refusals(noor)


@pytest.mark.parametrize("look", LOOKS)
def test_staff_pages_fit_and_can_be_read(
    live_server_process: StartServer, chromium: Browser, look: dict[str, Any]
) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", FILL_ROOM.replace("261", "4"))
    with visitors(chromium, server.origin, look) as (boss,):
        log_in_as_staff(boss, server)
        for path in STAFF_PAGES:
            boss.page.goto(path)
            check(boss)
        boss.page.goto("/admin/chat/room/")
        boss.page.get_by_role("link", name="Main Stage").click()
        expect(boss.page.get_by_label("Slow seconds")).to_be_visible()
        check(boss)
        boss.page.goto("/admin/chat/message/")
        boss.page.locator("#result_list .action-select").first.check()
        boss.page.locator("select[name=action]").select_option("delete_messages")
        boss.page.get_by_role("button", name="Go").click()
        expect(boss.page.get_by_role("heading", name="Delete?")).to_be_visible()
        check(boss)
        boss.faults = [fault for fault in boss.faults if not any(words in fault for words in STAFF_FAULTS)]


def test_room_is_cleared_from_a_phone(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", FILL_ROOM.replace("261", "4"))
    phone = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    with visitors(chromium, server.origin, phone, phone) as (boss, anna):
        anna.enter_listed("Anna")
        anna.wait_live()
        anna.expect_texts(["message 1", "message 2", "message 3"])
        log_in_as_staff(boss, server)
        boss.page.goto("/admin/chat/room/?q=Main+Stage")
        boss.page.locator("#result_list .action-select").check()
        boss.page.locator("select[name=action]").select_option("clear")
        boss.page.get_by_role("button", name="Go").click()
        boss.page.get_by_label("Type clear 3 messages to go on:").fill("clear 3 messages")
        boss.page.get_by_role("button", name="Clear all messages").click()
        expect(boss.page.get_by_text("done for 1")).to_be_visible()
        anna.expect_texts([])
        server.manage("shell", "--verbosity", "0", "-c", change_room("name='Big Stage'"))
        expect(anna.page.get_by_role("heading", level=1)).to_have_text("Big Stage")
