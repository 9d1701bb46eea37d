"""A person at a browser, as the tests drive it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect

PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}

# What a browser writes about a line that a test has cut on purpose.
_EXPECTED = ("ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "WebSocket connection to")


class Visitor:
    """A browser context with one page open, and the list of everything that went wrong in it."""

    def __init__(self, browser: Browser, origin: str, **options: Any) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=origin, **options)
        self.context.set_default_timeout(15_000)
        self.context.on("request", self._on_request)
        self.page = self.open_page()

    def open_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._on_console(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        return page

    def _on_request(self, request: Any) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(self.origin):
            self.faults.append(f"foreign request: {request.url}")

    def _on_console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(words in text for words in _EXPECTED):
            self.faults.append(f"{kind}: {text}")

    def enter_listed(self, name: str, room: str = "Main Stage") -> None:
        """Come in through the home page."""
        self.page.goto("/")
        self.page.get_by_role("link", name=room).click()
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Enter the room").click()

    def enter_by_code(self, name: str, code: str) -> None:
        self.page.goto("/")
        form = self.page.get_by_role("region", name="Enter with a code")
        form.get_by_label("Your name").fill(name)
        form.get_by_label("Room code").fill(code)
        form.get_by_role("button", name="Enter the room").click()

    def wait_live(self) -> None:
        expect(self.page.locator(".room__bar .dot--live")).to_be_visible(timeout=20_000)

    def code(self) -> str:
        return (self.page.locator(".share__code strong").first.text_content() or "").strip()

    def write(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Write a message").fill(text)
        self.page.get_by_role("button", name="Send", exact=True).click()

    def texts(self) -> list[str]:
        """What stands in the history with a place of its own, from top to bottom."""
        return self.page.locator(".message[data-seq] .message__text").all_text_contents()

    def waiting(self) -> list[str]:
        """What is in the outbox, from top to bottom."""
        return self.page.locator(".message[data-state] .message__text").all_text_contents()

    def expect_texts(self, texts: list[str], timeout: float = 20_000) -> None:
        expect(self.page.locator(".message[data-seq] .message__text")).to_have_text(texts, timeout=timeout)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert isinstance(width, int)
        return width


@contextmanager
def visitors(browser: Browser, origin: str, *options: dict[str, Any]) -> Iterator[list[Visitor]]:
    """Open one visitor per set of context options; afterwards no page may have had a fault."""
    people = [Visitor(browser, origin, **each) for each in options]
    try:
        yield people
        faults = [fault for person in people for fault in person.faults]
        assert not faults, "\n".join(faults)
    finally:
        for person in people:
            person.context.close()
