"""Two people in a room, with real browsers: lines that break, tabs that close, a server that restarts."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import LAPTOP, PHONE, visitors
from tests.servers import StartServer

pytestmark = pytest.mark.browser

BOTH = ({"viewport": LAPTOP}, {"viewport": PHONE, "is_mobile": True, "has_touch": True})


def test_two_people_lose_the_line_and_nothing_else(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        anna.enter_listed("Anna")
        anna.wait_live()
        ben.enter_by_code("Ben", anna.code().replace("-", " ").upper())
        ben.wait_live()
        anna.write("one")
        ben.expect_texts(["one"])
        ben.write("two")
        anna.expect_texts(["one", "two"])

        ben.context.set_offline(True)
        ben.write("written offline")
        ben.write("and one more")
        anna.write("meanwhile")
        anna.expect_texts(["one", "two", "meanwhile"])
        assert ben.waiting() == ["written offline", "and one more"]

        ben.page.reload()
        expect(ben.page.get_by_role("heading", name="No network here")).to_be_visible()
        expect(ben.page.get_by_text("2 messages are kept and wait.")).to_be_visible()
        ben.context.set_offline(False)
        ben.wait_live()

        everything = ["one", "two", "meanwhile", "written offline", "and one more"]
        anna.expect_texts(everything)
        ben.expect_texts(everything)
        assert ben.waiting() == []
        ben.page.reload()
        ben.expect_texts(everything)


def test_server_restarts_between_messages(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        for person, name in ((anna, "Anna"), (ben, "Ben")):
            person.enter_listed(name)
            person.wait_live()
        anna.write("before")
        ben.expect_texts(["before"])
        server.kill9()
        expect(anna.page.get_by_text("Connecting…")).to_be_visible()
        anna.write("while it was down")
        server.restart()
        anna.wait_live()
        ben.wait_live()
        anna.write("after")
        for person in (anna, ben):
            person.expect_texts(["before", "while it was down", "after"])


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "lease"])
def test_second_tab_takes_over_when_the_first_closes(
    live_server_process: StartServer, chromium: Browser, has_locks: bool
) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": LAPTOP}, {"viewport": PHONE}) as (anna, ben):
        if not has_locks:  # as on a LAN without HTTPS
            anna.context.add_init_script("Object.defineProperty(navigator, 'locks', {value: undefined})")
        anna.enter_listed("Anna")
        anna.wait_live()
        ben.enter_listed("Ben")
        ben.wait_live()
        first, anna.page = anna.page, anna.open_page()
        anna.page.goto(first.url)
        anna.wait_live()
        anna.write("through the other tab")
        ben.expect_texts(["through the other tab"])
        expect(first.get_by_text("through the other tab")).to_be_visible()
        # Both tabs share one line, so Anna counts once and holds one socket.
        first.close()
        anna.write("on my own line now")
        ben.write("hello")
        for person in (anna, ben):
            expect(person.page.locator(".message[data-seq]")).to_have_count(3, timeout=20_000)
        assert anna.texts() == ben.texts()


def test_slow_mode_counts_down_and_sends_in_order(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", change_room("slow_seconds=3"))
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        for person, name in ((anna, "Anna"), (ben, "Ben")):
            person.enter_listed(name)
            person.wait_live()
        expect(anna.page.get_by_text("Slow mode: one message every 3 s")).to_be_visible()
        for text in ("one", "two", "three"):
            anna.write(text)
        expect(anna.page.get_by_text("Slow mode: goes out in")).to_be_visible()
        ben.expect_texts(["one", "two", "three"])
        assert anna.waiting() == []


def test_paused_room_says_so_and_refused_messages_stay(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        anna.context.set_offline(True)
        anna.write("in time?")
        server.manage("shell", "--verbosity", "0", "-c", change_room("mode='paused'"))
        anna.context.set_offline(False)
        anna.wait_live()
        expect(anna.page.get_by_text("This room is paused for a moment.")).to_be_visible()
        expect(anna.page.get_by_text("Not sent. This room is paused.")).to_be_visible()
        server.manage("shell", "--verbosity", "0", "-c", change_room("mode='open'"))
        expect(anna.page.get_by_role("textbox", name="Write a message")).to_be_enabled()
        anna.page.get_by_role("button", name="Try again").click()
        anna.expect_texts(["in time?"])


def test_stale_message_asks_before_it_is_sent(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        anna.context.set_offline(True)
        anna.write("I am at the gate")
        anna.write("never mind")
        anna.page.clock.set_fixed_time(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=11))
        anna.context.set_offline(False)
        anna.wait_live()
        expect(anna.page.get_by_text("Still send it?")).to_have_count(2)
        anna.page.get_by_role("button", name="Discard").last.click()
        expect(anna.page.get_by_text("Still send it?")).to_have_count(1)
        anna.page.get_by_role("button", name="Send now").click()
        anna.expect_texts(["I am at the gate"])
        assert anna.waiting() == []


def test_banned_person_is_told_and_hears_nothing_more(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        for person, name in ((anna, "Anna"), (ben, "Ben")):
            person.enter_listed(name)
            person.wait_live()
        anna.write("before")
        ben.expect_texts(["before"])
        server.manage("shell", "--verbosity", "0", "-c", BAN_BEN)
        expect(ben.page.get_by_text("You have been banned from this room.")).to_be_visible()
        expect(ben.page.get_by_role("textbox", name="Write a message")).to_have_count(0)
        anna.write("after")
        anna.expect_texts(["before", "after"])
        ben.page.wait_for_timeout(1500)
        assert ben.texts() == ["before"]


def test_edit_and_delete_reach_everybody(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    with visitors(chromium, server.origin, *BOTH) as (anna, ben):
        for person, name in ((anna, "Anna"), (ben, "Ben")):
            person.enter_listed(name)
            person.wait_live()
        anna.write("the gate opens at sx")
        ben.expect_texts(["the gate opens at sx"])
        anna.page.get_by_role("textbox", name="Write a message").press("ArrowUp")
        anna.page.get_by_role("textbox", name="Edit your message").fill("the gate opens at six")
        anna.page.get_by_role("button", name="Save the change").click()
        ben.expect_texts(["the gate opens at six"])
        expect(ben.page.get_by_text("edited")).to_be_visible()

        anna.page.get_by_role("button", name="Actions for your message").click()
        anna.page.get_by_role("button", name="Delete", exact=True).click()
        anna.page.get_by_role("button", name="Delete", exact=True).click()
        expect(ben.page.get_by_text("Message deleted")).to_be_visible()
        ben.expect_texts([])


def test_history_goes_back_as_far_as_one_scrolls(live_server_process: StartServer, chromium: Browser) -> None:
    server = live_server_process(demo=True)
    server.manage("shell", "--verbosity", "0", "-c", FILL_ROOM)
    with visitors(chromium, server.origin, {"viewport": PHONE}) as (anna,):
        anna.enter_listed("Anna")
        anna.wait_live()
        expect(anna.page.get_by_text("message 260", exact=True)).to_be_visible()
        history = anna.page.locator(".history")
        for _ in range(40):
            if anna.page.get_by_text("This is where the room begins.").count():
                break
            history.evaluate("box => box.scrollTop = 0")
            anna.page.wait_for_timeout(150)
        expect(anna.page.locator(".message[data-seq]")).to_have_count(260)
        assert anna.texts() == [f"message {number}" for number in range(1, 261)]
        anna.page.get_by_role("button", name="To the end").click()
        expect(anna.page.get_by_text("message 260", exact=True)).to_be_in_viewport()


def change_room(changes: str) -> str:
    """Return Python that changes Main Stage in the name of a superuser."""
    return (
        "from accounts.models import User; from chat.models import Room; from chat.services.rooms import change_room;"
        "change_room(actor=User.objects.get(is_superuser=True), room=Room.objects.get(name='Main Stage'), "
        f"{changes})"
    )


BAN_BEN = """
from accounts.models import User
from chat.models import Room
from chat.services.bans import ban_user
staff, ben = User.objects.get(is_superuser=True), User.objects.get(display_name="Ben")
ban_user(actor=staff, user=ben, room=Room.objects.get(name="Main Stage"))
"""

FILL_ROOM = """
import datetime as dt, uuid
from accounts.services import create_guest
from chat.models import Room
from chat.services.entering import join_room
from chat.services.posting import Draft, post_messages
from realtime.ids import new_uid
room = Room.objects.get(name="Main Stage")
author = create_guest(display_name="Writer")
join_room(actor=author, room_uid=room.uid)
now = dt.datetime.now(dt.UTC)
post_messages([Draft(room.uid, author.pk, uuid.uuid4(), f"message {n}", new_uid(), now) for n in range(1, 261)])
"""
