"""All of it without a mouse: everything is reached, shows that it has the focus, and gives it back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visitor import LAPTOP, PHONE, visitors
from tests.servers import StartServer

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  const { activeElement: element } = document;
  if (element === document.body) return null;
  const name = element.getAttribute("aria-label") ?? element.textContent.trim().replace(/\\s+/g, " ");
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  return [name, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
}"""


def walk(page: Page, stops: int) -> dict[str, bool]:
    """Press Tab so often, and return what had the focus on the way and whether one could see it."""
    found: dict[str, bool] = {}
    for _ in range(stops):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is not None:  # past the last stop the browser's own bar has it
            found[focused[0]] = focused[1]
    return found


def test_home_page_is_reached_by_tab(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": LAPTOP, "reduced_motion": "reduce"}) as (anna,):
        anna.page.goto("/")
        found = walk(anna.page, 15)
        for name in (
            "Skip to the content",
            "Pavilion",
            "Log in",
            "Sign up",
            "Enter the room",
            "Open a room of your own",
        ):
            assert name in found, found
        assert sum(name.startswith(("M Main Stage", "F Food Court")) for name in found) == 2
        assert all(found.values()), found


def test_account_menu_opens_and_closes_by_keys(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        anna.page.goto("/")
        menu = anna.page.locator("details.menu summary")
        menu.focus()
        anna.page.keyboard.press("Enter")
        expect(anna.page.get_by_role("link", name="Keep this name")).to_be_visible()
        anna.page.keyboard.press("Tab")
        anna.page.keyboard.press("Escape")
        expect(anna.page.get_by_role("link", name="Keep this name")).to_be_hidden()
        expect(menu).to_be_focused()


def test_room_is_used_by_keys_alone(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": LAPTOP, "reduced_motion": "reduce"}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        page = anna.page
        field = page.get_by_role("textbox", name="Write a message")
        expect(field).to_be_focused()
        page.keyboard.type("one")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("two")
        page.keyboard.press("Enter")
        anna.expect_texts(["one\ntwo"])
        expect(field).to_be_focused()
        expect(page.get_by_role("log", name="Messages")).to_have_count(1)

        page.evaluate("document.activeElement.blur()")
        found = walk(page, 12)
        stops = ("All rooms", "Invite people", "History", "Actions for your message", "Write a message", "Send", "Copy")
        for name in stops:
            assert name in found, found
        assert any("Leave this room" in name for name in found), found
        assert all(found.values()), found


def test_edit_by_keys(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": LAPTOP}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        page = anna.page
        for text in ("first", "secnd"):
            page.keyboard.type(text)
            page.keyboard.press("Enter")
        anna.expect_texts(["first", "secnd"])
        page.keyboard.press("ArrowUp")
        edited = page.get_by_role("textbox", name="Edit your message")
        expect(edited).to_have_value("secnd")
        expect(edited).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("textbox", name="Write a message")).to_have_value("")
        expect(page.get_by_role("textbox", name="Write a message")).to_be_focused()
        page.keyboard.press("ArrowUp")
        edited.fill("second")
        page.keyboard.press("Enter")
        anna.expect_texts(["first", "second"])
        expect(page.get_by_role("textbox", name="Write a message")).to_be_focused()


@pytest.mark.parametrize("sheet", ["Invite people", "People"])
def test_escape_closes_a_sheet_and_returns_the_focus(
    live_server_process: StartServer, chromium: Browser, sheet: str
) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE, "reduced_motion": "reduce"}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        button = anna.page.locator(f".room__tools button[aria-label='{sheet}']")
        button.focus()
        anna.page.keyboard.press("Enter")
        dialog = anna.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        anna.page.keyboard.press("Tab")
        assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
        anna.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()
