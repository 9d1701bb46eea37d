"""Nobody finds rooms by trying codes, whatever they change about themselves between two tries."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import statistics
import time
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from tests.chaos.conftest import UNLIMITED
from tests.chaos.doors import Doors, make_doors
from tests.chaos.pages import line_from, page_of
from tests.chaos.people import Person, invite
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

PER_SESSION, PER_ADDRESS, IN_ALL = 10, 60, 300
SECRET = re.compile(r"[A-Za-z0-9+/=_-]{22,}")
# Answers of one kind differ by their time alone.
PASSING_HEADERS = {"date", "x-request-id"}
TIMED = ("unknown", "expired", "closed", "archived")
TIMED_ROUNDS = 60
# Medians of a few milliseconds: below this a difference is lost in the noise of any network.
SAME_WITHIN_SECONDS, SAME_WITHIN_SHARE = 0.001, 0.25

numbers = itertools.count(1)


@contextlib.asynccontextmanager
async def guest(server: LiveServer, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """Yield the browser of a new guest who comes from `address`; all of 127/8 is this machine."""
    async with stranger(server, address) as browser:
        answer = await browser.post("/api/guests", json={"display_name": f"Guest {next(numbers)}"})
        assert answer.status_code == 201, answer.text
        await show_token(browser)
        yield browser


def stranger(server: LiveServer, address: str = "127.0.0.1") -> httpx.AsyncClient:
    headers = {"Origin": server.origin}
    return httpx.AsyncClient(base_url=server.origin, transport=line_from(address), headers=headers, timeout=10)


async def show_token(browser: httpx.AsyncClient) -> None:
    """Load the home page, and send the CSRF token of its cookie from now on, as our pages do."""
    assert (await browser.get("/")).status_code == 200
    browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]


async def guess(browser: httpx.AsyncClient, code: str = "", **headers: str) -> httpx.Response:
    """Try a code, by default one that nobody has."""
    code = code or f"blue-stage-{next(numbers):04d}"
    return await browser.post("/api/room-codes/resolve", json={"code": code}, headers=headers)


async def spend(server: LiveServer, people: Sequence[Person], address: str) -> int:
    """Let each of the people guess more often than a session may, from one address; return how many were answered."""
    async with contextlib.AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(page_of(server, person, address=address)) for person in people]
        answers = await asyncio.gather(*(guess(browser) for browser in browsers for _ in range(PER_SESSION + 1)))
    refused = [answer for answer in answers if answer.status_code != 404]
    assert refused
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(429, "rate_limited")}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    return len(answers) - len(refused)


async def test_wrong_guesses_are_counted_by_session_address_and_in_all(live_server_process: StartServer) -> None:
    server = live_server_process()
    doors = make_doors(server)
    # As many for each address as can spend it, and one more.
    share = PER_ADDRESS // PER_SESSION + 1
    addresses = [f"127.0.1.{number}" for number in range(1, IN_ALL // PER_ADDRESS + 1)]
    people = invite(server, people=share * len(addresses) + 1).people
    async with page_of(server, people[0], address=addresses[0]) as browser:
        assert await spend(server, people[:1], addresses[0]) == PER_SESSION
        # The right code, too: or each guess would be answered after all, by the difference.
        refused = await guess(browser, doors.open)
        assert refused.status_code == 429
        assert "room" not in refused.json()
        await check_nothing_helps(browser, doors)
    # The address: 10 of its 60 are spent, and other sessions bring no new ones.
    spent = PER_SESSION + await spend(server, people[1:share], addresses[0])
    assert spent == PER_ADDRESS
    await check_no_way_round_the_address(server, doors, addresses[0])
    for number, address in enumerate(addresses[1:], start=1):
        # The limits of others cost nobody the right code, until all guesses together are too many.
        async with page_of(server, people[-1], address="127.0.2.1") as neighbour:
            assert (await guess(neighbour, doors.open)).status_code == 200
        spent += await spend(server, people[number * share : (number + 1) * share], address)
    assert spent == IN_ALL
    async with guest(server, "127.0.3.1") as browser:
        assert (await guess(browser)).status_code == 429
        assert (await guess(browser, doors.open)).status_code == 429


async def check_nothing_helps(browser: httpx.AsyncClient, doors: Doors) -> None:
    """A session whose guesses are spent has no other door: not the form of the page, not another spelling."""
    for code in (doors.open.upper(), f" {doors.open.replace('-', ' ')} "):
        assert (await guess(browser, code)).status_code == 429
    page = await browser.post("/enter/", data={"display_name": "Somebody", "code": doors.open})
    assert page.status_code == 429
    assert "location" not in page.headers


async def check_no_way_round_the_address(server: LiveServer, doors: Doors, address: str) -> None:
    """Without cookies, as a new guest, or with a made-up origin of the request: the address stays spent."""
    for headers in (
        {},
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-For": "203.0.113.8, 127.0.0.1"},
        {"X-Real-IP": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.10"},
        {"CF-Connecting-IP": "203.0.113.11", "True-Client-IP": "203.0.113.11", "X-Client-IP": "203.0.113.11"},
    ):
        async with guest(server, address) as browser:
            assert (await guess(browser, doors.open, **headers)).status_code == 429, headers
    async with stranger(server, address) as browser:
        await show_token(browser)
        form = {"display_name": "Somebody", "code": doors.open}
        assert (await browser.post("/enter/", data=form)).status_code == 429
        # Nobody at all is no way in either.
        async with stranger(server, "127.0.2.99") as nobody:
            await show_token(nobody)
            assert (await guess(nobody, doors.open)).status_code == 401


async def test_a_crowd_with_the_right_code_is_not_limited(live_server_process: StartServer) -> None:
    server = live_server_process()
    doors = make_doors(server)
    cast = invite(server, people=PER_ADDRESS + 10)
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(page_of(server, person)) for person in cast.people]
        answers = await asyncio.gather(*(guess(browser, doors.open) for browser in people))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["room"] for answer in answers}) == 1


async def test_guesses_at_once_are_no_more_than_guesses_in_turn(live_server_process: StartServer) -> None:
    server = live_server_process()
    async with guest(server) as browser:
        answers = await asyncio.gather(*(guess(browser) for _ in range(5 * PER_SESSION)))
    assert sorted(answer.status_code for answer in answers) == [404] * PER_SESSION + [429] * 4 * PER_SESSION


@pytest.mark.grown
async def test_two_servers_count_together(live_server_process: StartServer, grown_env: dict[str, str]) -> None:
    env = grown_env | {"RATE_LIMITS_ENABLED": "true"}
    servers = [live_server_process(env)]
    servers.append(live_server_process(env, migrate=False))
    async with guest(servers[0]) as browser:
        urls = itertools.cycle(f"{server.origin}/api/room-codes/resolve" for server in servers)
        statuses = []
        for url in itertools.islice(urls, PER_SESSION + 2):
            origin = url.partition("/api")[0]
            answer = await browser.post(url, json={"code": "blue-stage-0000"}, headers={"Origin": origin})
            statuses.append(answer.status_code)
    assert statuses == [404] * PER_SESSION + [429] * 2


@pytest.mark.quiet
async def test_unknown_expired_closed_and_archived_are_one_answer(live_server_process: StartServer) -> None:
    server = live_server_process(UNLIMITED)
    doors = make_doors(server)
    wrong = {
        "unknown": "blue-stage-0000",
        "expired": doors.expired,
        "closed": doors.closed,
        "archived": doors.archived,
        "impossible": "no such code",
        "empty": "",
        "long": "x" * 500,
    }
    async with guest(server) as browser:
        answers = {name: await browser.post("/api/room-codes/resolve", json={"code": c}) for name, c in wrong.items()}
        assert {name: what_is_told(answer) for name, answer in answers.items()} == dict.fromkeys(
            wrong, what_is_told(answers["unknown"])
        )
        pages = [(code, await browser.post("/enter/", data={"code": code})) for code in (wrong[name] for name in TIMED)]
        # The form shows the code that was typed, and has its own token and nonce each time.
        told = {(page.status_code, SECRET.sub("", page.text.replace(code, ""))) for code, page in pages}
        assert len(told) == 1
        assert "does not open a room" in told.pop()[1]
        # A difference that is there shows in every try; one that the machine's other work makes does not.
        for attempt in range(1, 4):
            medians = await medians_of(
                browser, {name: wrong[name] for name in ("unknown", *Doors.__struct_fields__[1:])}
            )
            spread = max(medians.values()) - min(medians.values())
            print({name: f"{seconds * 1000:.2f} ms" for name, seconds in medians.items()}, f"try {attempt}")
            if spread <= max(SAME_WITHIN_SECONDS, SAME_WITHIN_SHARE * min(medians.values())):
                return
    pytest.fail(f"The time of the answer tells what exists: {medians}")


async def medians_of(browser: httpx.AsyncClient, codes: dict[str, str]) -> dict[str, float]:
    """Return the median seconds to the answer for each code; the kinds take turns, so a slow second meets them all."""
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for number in range(TIMED_ROUNDS):
        # Each kind is first, second and so on equally often.
        order = list(codes.items())
        for name, code in order[number % len(order) :] + order[: number % len(order)]:
            began = time.perf_counter()
            await browser.post("/api/room-codes/resolve", json={"code": code})
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def what_is_told(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    headers = {name: value for name, value in answer.headers.items() if name not in PASSING_HEADERS}
    return answer.status_code, headers, answer.text
