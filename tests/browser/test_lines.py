"""What carries a room: a network that breaks WebSockets, a database that is away, and the way back from both."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.visitor import LAPTOP, PHONE, Visitor, visitors
from tests.databases import PostgresServer
from tests.servers import StartServer

pytestmark = pytest.mark.browser

SLOWER = re.compile("slower line")
BOTH = ({"viewport": LAPTOP}, {"viewport": PHONE, "is_mobile": True, "has_touch": True})


class Proxy:
    """A network between one visitor and the server that lets sockets through, or does not."""

    def __init__(self, person: Visitor) -> None:
        self.is_broken = True
        person.context.route_web_socket(re.compile("/ws/"), self._on_socket)

    def _on_socket(self, route: WebSocketRoute) -> None:
        if self.is_broken:
            route.close()
        else:
            route.connect_to_server()


def test_room_works_where_no_socket_opens(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        network = Proxy(anna)
        for person, name in ((anna, "Anna"), (ben, "Ben")):
            person.enter_listed(name)
            person.wait_live()
        expect(anna.page.locator(".room__status")).to_have_text(SLOWER)
        ben.write("do you hear me?")
        anna.expect_texts(["do you hear me?"])
        anna.write("loud and clear")
        anna.write("and in order")
        both = ["do you hear me?", "loud and clear", "and in order"]
        ben.expect_texts(both)
        anna.expect_texts(both)
        assert anna.waiting() == []

        network.is_broken = False
        expect(anna.page.locator(".room__status")).not_to_have_text(SLOWER, timeout=30_000)
        anna.wait_live()
        ben.write("and now?")
        anna.expect_texts([*both, "and now?"])
        anna.write("even faster")
        ben.expect_texts([*both, "and now?", "even faster"])


# Counts, frame by frame, how often a text stands on the page: once it is there it must stay, and never stand twice.
WATCH = """text => {
  window.counts = [];
  const look = () => {
    const found = [...document.querySelectorAll(".message__text")].filter((each) => each.textContent === text);
    window.counts.push(found.length);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def counts_after_first(person: Visitor) -> set[int]:
    counts: list[int] = person.page.evaluate("window.counts")
    return set(counts[counts.index(1) :])


@pytest.mark.grown
def test_message_in_the_journal_is_shown_and_then_takes_its_place(
    live_server_process: StartServer, chromium: Browser, postgres_server: PostgresServer
) -> None:
    server = live_server_process({"DATABASE_URL": postgres_server.url()}, demo=True)
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        for person, name in ((anna, "Anna"), (ben, "Ben")):
            person.enter_listed(name)
            person.wait_live()
        anna.write("before")
        ben.expect_texts(["before"])
        for person in (anna, ben):
            person.page.evaluate(WATCH, "while it was away")

        postgres_server.stop()
        anna.write("while it was away")
        expect(anna.page.get_by_text("Saved. It will be delivered in order shortly.")).to_be_visible(timeout=30_000)
        expect(ben.page.get_by_text("Just said. It takes its place shortly.")).to_be_visible()
        expect(ben.page.locator(".message--waiting .message__text")).to_have_text("while it was away")

        postgres_server.start()
        for person in (anna, ben):
            person.expect_texts(["before", "while it was away"], timeout=60_000)
            expect(person.page.locator(".message--waiting")).to_have_count(0)
            assert counts_after_first(person) == {1}
        assert anna.waiting() == []
        anna.write("after")
        ben.expect_texts(["before", "while it was away", "after"])
