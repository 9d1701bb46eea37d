"""`kill -9` of the server at any moment under load loses, doubles and moves nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.chaos.conftest import UNLIMITED
from tests.chaos.crowd import Crowd
from tests.chaos.people import invite
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

KILLS = 20
WRITERS = 8
READERS = 4
# Who misses a whole round is further behind than a resume reaches; the view checks that nobody else starts afresh.
MISSED_ROUNDS = 3
# They have no outbox, so they show that what was not acknowledged is there once or not at all.
FICKLE = 2


@pytest.mark.grown
async def test_twenty_kills_on_postgres(live_server_process: StartServer, postgres_env: dict[str, str]) -> None:
    await kill_many_times(live_server_process(postgres_env))


async def test_twenty_kills_on_sqlite(live_server_process: StartServer) -> None:
    await kill_many_times(live_server_process(UNLIMITED))


async def kill_many_times(server: LiveServer) -> None:
    cast = invite(server, people=WRITERS + READERS)
    crowd = Crowd(cast.rooms[0], cast.people, [server], fickle=FICKLE)
    async with crowd.present():
        async with crowd.talking(crowd.clients[:WRITERS], per_second=20):
            for _ in range(KILLS):
                await asyncio.sleep(random.uniform(0.1, 1.2))
                await asyncio.to_thread(server.kill9)
                await asyncio.to_thread(server.restart)
        await crowd.settle()
    stored = crowd.check()
    # Everybody was really there, again and again, and the numbers went on in the same epoch.
    for client in crowd.clients:
        assert client.connections > KILLS / 2
        assert client.view.modes["resumed"] > KILLS / 2
        assert client.view.modes.get("reset", 0) <= MISSED_ROUNDS
    assert "Traceback" not in server.log(), crowd.describe()
    forgotten = set.union(*(client.forgotten for client in crowd.clients))
    kept = forgotten & {message.client_id for message in stored}
    retried = sum(len(client.said) for client in crowd.clients)
    print(f"{len(stored)} stored of {retried} said; {len(forgotten)} given up, of which {len(kept)} were stored")
