"""Two server processes whose doorbell, Redis, is away or lies: no gap, no double, no long delay."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from tests.chaos.crowd import Crowd
from tests.chaos.people import Cast, invite
from tests.databases import RedisServer
from tests.servers import LiveServer, StartServer

pytestmark = [pytest.mark.chaos, pytest.mark.grown]

LONGEST_DELAY_SECONDS = 5.0
WRITERS = 5
READERS = 5


def start_cluster(start: StartServer, env: dict[str, str]) -> tuple[list[LiveServer], Cast]:
    """Start two servers on one database, with the people in it."""
    first = start(env)
    return [first, start(env, migrate=False)], invite(first, people=WRITERS + READERS)


async def test_loss_of_redis_delays_and_loses_nothing(
    live_server_process: StartServer, grown_env: dict[str, str], redis_server: RedisServer
) -> None:
    servers, cast = start_cluster(live_server_process, grown_env)
    crowd = Crowd(cast.rooms[0], cast.people, servers)
    # All writers on the first server: without the doorbell nothing but the comparison of heads tells the second one.
    writers = crowd.clients[: 2 * WRITERS : 2]
    async with crowd.present():
        async with crowd.talking(writers, per_second=10):
            await asyncio.sleep(2)
            print(f"longest delay with Redis: {take_longest_delay(crowd):.2f} s")
            for fault, seconds, cure in (
                (redis_server.kill9, 3, redis_server.start),
                (redis_server.flush, 1, lambda: None),
                (redis_server.pause, 3, redis_server.resume),
            ):
                await asyncio.to_thread(fault)
                await asyncio.sleep(seconds)
                await asyncio.to_thread(cure)
                await asyncio.sleep(1.5)
        await crowd.settle()
    check_whole_and_timely(crowd)


async def test_a_layer_that_drops_doubles_and_reorders_is_not_noticed(
    live_server_process: StartServer, grown_env: dict[str, str]
) -> None:
    env = {**grown_env, "DJANGO_SETTINGS_MODULE": "tests.chaos.faulty_settings"}
    servers, cast = start_cluster(live_server_process, env)
    crowd = Crowd(cast.rooms[0], cast.people, servers)
    async with crowd.present():
        async with crowd.talking(crowd.clients[:WRITERS], per_second=20):
            await asyncio.sleep(8)
        await crowd.settle()
    check_whole_and_timely(crowd)


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_guests_come_in_while_redis_is_away(
    live_server_process: StartServer, grown_env: dict[str, str], redis_server: RedisServer, how: str
) -> None:
    server = live_server_process({**grown_env, "RATE_LIMITS_ENABLED": "true"})
    await asyncio.to_thread(redis_server.kill9 if how == "killed" else redis_server.pause)
    try:
        began = time.monotonic()
        async with httpx.AsyncClient(base_url=server.origin, timeout=10) as browser:
            answer = await browser.post("/api/guests", json={"display_name": "Early Bird"})
            assert answer.status_code == 201, answer.text
            assert (await browser.get("/api/rooms")).status_code == 200
        seconds = time.monotonic() - began
    finally:
        await asyncio.to_thread(redis_server.start if how == "killed" else redis_server.resume)
    print(f"{how}: a guest came in within {seconds:.2f} s")
    assert seconds < LONGEST_DELAY_SECONDS


def check_whole_and_timely(crowd: Crowd) -> None:
    stored = crowd.check()
    for client in crowd.clients:
        assert client.view.modes == {"snapshot": 1}
        assert client.view.events == len(stored)
    longest = take_longest_delay(crowd)
    print(f"{len(stored)} messages, longest delay {longest:.2f} s")
    assert longest < LONGEST_DELAY_SECONDS


def take_longest_delay(crowd: Crowd) -> float:
    longest = max(max(client.delays) for client in crowd.clients)
    for client in crowd.clients:
        client.delays.clear()
    return longest
