"""What carries a room: a network that breaks WebSockets, a database that is away, and the way back from both."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.visitor import LAPTOP, PHONE, Visitor, visitors
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
