"""PostgreSQL goes away under load: people keep chatting, and everything acknowledged is stored once it is back."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Callable

import httpx
import pytest

from tests.chaos.crowd import Crowd, eventually
from tests.chaos.people import Cast, invite
from tests.databases import PostgresServer
from tests.servers import LiveServer, StartServer

pytestmark = [pytest.mark.chaos, pytest.mark.grown]

AWAY_SECONDS = 10
WRITERS = 6
READERS = 2


@pytest.fixture
def server(live_server_process: StartServer, postgres_env: dict[str, str]) -> LiveServer:
    return live_server_process(postgres_env)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_members_keep_chatting_without_the_database(
    server: LiveServer, postgres_server: PostgresServer, how: str
) -> None:
    leave: Callable[[], None] = postgres_server.stop if how == "stopped" else postgres_server.pause
    come_back = postgres_server.start if how == "stopped" else postgres_server.resume
    cast = invite(server, rooms=2, people=WRITERS + READERS)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    async with crowd.present():
        async with crowd.talking(crowd.clients[:WRITERS], per_second=5):
            await asyncio.sleep(1)
            began = time.monotonic()
            await asyncio.to_thread(leave)
            try:
                await check_life_without_database(server, crowd, cast)
                await asyncio.sleep(max(0, began + AWAY_SECONDS - time.monotonic()))
            finally:
                await asyncio.to_thread(come_back)
            back = time.monotonic()
            await eventually(lambda: not pending(server), 30, "the journal to be stored", crowd.describe)
            print(f"{how}: {journaled(crowd)} journaled, stored {time.monotonic() - back:.1f} s after the return")
            await asyncio.sleep(1)
        await crowd.settle()
    crowd.check()
    assert all(client.connections == 1 for client in crowd.clients), "Somebody lost the line."
    # More requests than the pool has connections: none may hand out one that the outage has broken.
    async with httpx.AsyncClient(base_url=server.origin, headers={"Cookie": cast.people[0].cookie}) as page:
        assert [(await page.get("/api/rooms")).status_code for _ in range(20)] == [200] * 20


def all_shown(crowd: Crowd) -> bool:
    """Return whether each reader sees, as provisional, something of every writer and of nobody else."""
    writers = {writer.person.uid for writer in crowd.clients[:WRITERS]}
    views = (reader.view.provisional.values() for reader in crowd.clients[WRITERS:])
    return all({shown["sender"]["uid"] for shown in view} == writers for view in views)


async def check_life_without_database(server: LiveServer, crowd: Crowd, cast: Cast) -> None:
    began = time.monotonic()
    await eventually(lambda: all_journaled(crowd), 8, "every writer to get `journaled`", crowd.describe)
    print(f"every writer had `journaled` after {time.monotonic() - began:.1f} s")
    # The writers hear first; what the others are shown follows a moment later.
    await eventually(lambda: all_shown(crowd), 2, "everybody to see what is in the journal", crowd.describe)
    answers = await asyncio.gather(
        *(reader.ask("room.join", {"since": None}, room=cast.rooms[1]) for reader in crowd.clients[WRITERS:])
    )
    assert [answer["err"]["code"] for answer in answers] == ["overloaded"] * READERS
    await asyncio.to_thread(urllib.request.urlopen, f"{server.origin}/health", timeout=2)


async def test_a_killed_servers_journal_is_stored_at_the_next_start(
    server: LiveServer, postgres_server: PostgresServer
) -> None:
    cast = invite(server, people=WRITERS)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    async with crowd.present():
        async with crowd.talking(crowd.clients, per_second=5):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres_server.stop, immediate=True)
            try:
                await eventually(lambda: all_journaled(crowd), 8, "every writer to get `journaled`", crowd.describe)
                await asyncio.to_thread(server.kill9)
            finally:
                await asyncio.to_thread(postgres_server.start)
        assert journaled(crowd) >= WRITERS
        await asyncio.to_thread(server.restart)
        await crowd.settle()
    crowd.check()
    assert not list((server.data_dir / "spool").glob("undeliverable*"))


async def test_a_full_journal_answers_overloaded(
    live_server_process: StartServer, postgres_env: dict[str, str], postgres_server: PostgresServer
) -> None:
    server = live_server_process({**postgres_env, "SPOOL_MAX_BYTES": "3000"})
    cast = invite(server, people=WRITERS)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    async with crowd.present():
        await asyncio.to_thread(postgres_server.stop)
        try:
            async with crowd.talking(crowd.clients, per_second=5):
                await eventually(lambda: was_refused(crowd), 15, "the journal to be full", crowd.describe)
            assert journaled(crowd) > 0
        finally:
            await asyncio.to_thread(postgres_server.start)
        await crowd.settle()
    crowd.check()


def journaled(crowd: Crowd) -> int:
    return sum(ack.state == "journaled" for client in crowd.clients for ack in client.acks.values())


def all_journaled(crowd: Crowd) -> bool:
    return all(any(a.state == "journaled" for a in client.acks.values()) for client in crowd.clients[:WRITERS])


def was_refused(crowd: Crowd) -> bool:
    return all(client.refusals["overloaded"] for client in crowd.clients)


def pending(server: LiveServer) -> bool:
    """Return whether a journal of the server holds anything."""
    return any(path.stat().st_size for path in (server.data_dir / "spool").glob("*.journal"))
