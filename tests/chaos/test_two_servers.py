"""Two server processes on one PostgreSQL: one order, the same for everybody."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from tests.chaos.client import Client
from tests.chaos.crowd import Crowd, eventually
from tests.chaos.people import invite
from tests.servers import StartServer

pytestmark = [pytest.mark.chaos, pytest.mark.grown]

MESSAGES = 10_000
WRITERS = 8
READERS = 2
# A writer has so many messages under way: enough for full batches, below what one socket may have pending.
UNDER_WAY = 40


async def test_ten_thousand_messages_have_one_order(
    live_server_process: StartServer, grown_env: dict[str, str]
) -> None:
    first = live_server_process(grown_env)
    servers = [first, live_server_process(grown_env, migrate=False)]
    cast = invite(first, people=WRITERS + READERS)
    crowd = Crowd(cast.rooms[0], cast.people, servers)
    async with crowd.present():
        began = time.monotonic()
        await asyncio.gather(*(write(client, MESSAGES // WRITERS) for client in crowd.clients[:WRITERS]))
        await crowd.settle(60)
        seconds = time.monotonic() - began
    stored = crowd.check()
    assert len(stored) == MESSAGES
    for client in crowd.clients:
        # Every number came as a live event of one connection, and each was the next.
        assert client.view.modes == {"snapshot": 1}
        assert client.view.events == MESSAGES
        assert client.connections == 1
    alternations = sum(a.sender != b.sender for a, b in itertools.pairwise(stored))
    print(f"{MESSAGES} messages on two servers in {seconds:.1f} s; the writer changed {alternations} times")


async def write(client: Client, count: int) -> None:
    for _ in range(count):
        await client.say()
        if len(client.outbox) >= UNDER_WAY:
            await eventually(lambda: len(client.outbox) < UNDER_WAY // 2, 30, "acknowledgements", lambda: str(client))
