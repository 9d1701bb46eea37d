"""Every page in real browsers: accessible in light and dark, within its window, without foreign requests or scripts."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_rooms import FILL_ROOM
from tests.browser.visitor import LAPTOP, PHONE, Visitor, visitors
from tests.servers import StartServer

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PUBLIC_PAGES = ("/", "/offline/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/j/unknown/")
# Those of the rules that look at colours, in which alone the themes differ.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
# Without motion: a sheet that is still rising is half transparent, and its contrast that of no moment in particular.
_STILL = {"reduced_motion": "reduce"}
_PHONE = {"viewport": PHONE, "is_mobile": True, "has_touch": True, **_STILL}
_LAPTOP = {"viewport": LAPTOP, **_STILL}
LOOKS = [pytest.param(_PHONE, id="phone"), pytest.param(_LAPTOP, id="laptop")]
FINISH_TRANSITIONS = """() => {
  for (const each of document.getAnimations()) if (each instanceof CSSTransition) each.finish();
}"""
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelch"
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
ARABIC = "مرحبا بكم في المهرجان، البوابة تفتح في الساعة السادسة مساءً"


def violations(page: Page, kind: str, names: list[str]) -> list[str]:
    response = Axe().run(page, options={"runOnly": {"type": kind, "values": names}}).response
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in response["violations"]
        for node in rule["nodes"]
    ]


def show(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Turn to a theme, and do not wait for colours that take their time."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate(FINISH_TRANSITIONS)


def check(person: Visitor) -> None:
    """Assert that the page is accessible and fits, in the light theme and in the dark one."""
    show(person.page, "light")
    assert violations(person.page, "tag", TAGS) == [], person.page.url
    show(person.page, "dark")
    assert violations(person.page, "rule", OF_COLOURS) == [], f"{person.page.url} in the dark"
    assert person.overflow() <= 0, f"{person.page.url} is wider than its window"


@pytest.mark.parametrize("look", LOOKS)
def test_pages_are_accessible(live_server_process: StartServer, chromium: Browser, look: dict[str, Any]) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, look) as (anna,):
        for path in PUBLIC_PAGES:
            anna.page.goto(path)
            check(anna)
        anna.page.goto("/")
        anna.page.get_by_text("Open a room of your own").click()
        check(anna)
        anna.enter_by_code("Anna", "wrong-code-0000")
        expect(anna.page.get_by_text("This code does not open a room.")).to_be_visible()
        check(anna)
        anna.page.get_by_role("button", name="Main Stage").first.click()
        anna.wait_live()
        check(anna)
        for text in ("hello", "https://example.org/a", "🎉", LONG_WORD, ARABIC):
            anna.write(text)
        expect(anna.page.locator(".message[data-seq]")).to_have_count(5)
        check(anna)
        anna.page.locator(".message").first.get_by_role("button", name="Actions").focus()
        anna.page.keyboard.press("Enter")
        check(anna)
        anna.page.get_by_role("button", name="Invite people").click()
        expect(anna.page.get_by_alt_text("QR code that opens this room")).to_be_visible()
        check(anna)
        # A wrong code and a link that opens nothing are refused by status, which browsers report as an error.
        anna.faults = [fault for fault in anna.faults if "404 (Not Found)" not in fault]


def test_long_names_and_other_directions_fit(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    phone = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    with visitors(chromium, server.origin, phone, phone) as (anna, jamal):
        anna.enter_listed(LONG_NAME)
        anna.wait_live()
        anna.write(LONG_WORD)
        jamal.enter_listed("جمال عبد الرحمن")
        jamal.wait_live()
        jamal.write(ARABIC)
        for person in (anna, jamal):
            expect(person.page.locator(".message[data-seq]")).to_have_count(2)
            assert person.overflow() <= 0
            person.page.evaluate("document.documentElement.dir = 'rtl'")
            assert person.overflow() <= 0
            person.page.goto("/")
            assert person.overflow() <= 0


# What moves without being asked to, as the browser itself measures it: 0 is nothing, 0.1 is where people notice.
MEASURE_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("window", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_room_does_not_move_when_its_script_takes_over(
    live_server_process: StartServer, chromium: Browser, window: dict[str, int]
) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", FILL_ROOM)
    with visitors(chromium, server.origin, {"viewport": window}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        anna.page.add_init_script(MEASURE_SHIFTS)
        anna.page.reload()
        anna.wait_live()
        anna.page.wait_for_timeout(1000)
        assert anna.page.evaluate("window.shifted") < 0.02
        expect(anna.page.get_by_text("message 260", exact=True)).to_be_in_viewport()


def test_namesakes_are_told_apart(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": LAPTOP}, {"viewport": LAPTOP}) as (one, other):
        for person in (one, other):
            person.enter_listed("Kim")
            person.wait_live()
        one.write("hello")
        expect(other.page.locator(".message .tag")).to_have_count(1)


def test_rooms_work_without_scripts(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"java_script_enabled": False, "viewport": PHONE}, {}) as (plain, anna):
        plain.enter_listed("Plain")
        plain.page.get_by_role("textbox", name="Write a message").fill("no script needed")
        plain.page.get_by_role("button", name="Send", exact=True).click()
        plain.expect_texts(["no script needed"])
        plain.page.reload()
        plain.expect_texts(["no script needed"])

        anna.enter_listed("Anna")
        anna.wait_live()
        anna.expect_texts(["no script needed"])
        anna.write("hello")
        anna.expect_texts(["no script needed", "hello"])
        plain.page.get_by_role("link", name="Look for new messages").click()
        plain.page.reload()
        plain.expect_texts(["no script needed", "hello"])

        code = anna.code()
        plain.context.clear_cookies()
        plain.enter_by_code("Plain again", code.replace("-", " ").upper())
        plain.expect_texts(["no script needed", "hello"])

        plain.page.goto("/")
        plain.page.get_by_text("Open a room of your own").click()
        plain.page.get_by_label("Name of the room").fill("Tent 4")
        plain.page.get_by_role("button", name="Open the room").click()
        expect(plain.page.get_by_role("heading", name="Tent 4")).to_be_visible()


def test_unknown_addresses_have_a_page(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (anna,):
        response = anna.page.goto("/nothing/here/")
        assert response is not None
        assert response.status == 404
        expect(anna.page.get_by_role("heading", name="Nothing stands here")).to_be_visible()
        check(anna)
        anna.faults = [fault for fault in anna.faults if "404 (Not Found)" not in fault]
