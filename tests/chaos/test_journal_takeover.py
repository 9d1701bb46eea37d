"""A journal outlives its process: another server, or the next start, stores what a killed one had acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from tests.chaos.client import Client
from tests.chaos.crowd import Crowd, eventually
from tests.chaos.people import invite
from tests.chaos.stored import stored_messages
from tests.databases import PostgresServer
from tests.servers import LiveServer, StartServer

pytestmark = [pytest.mark.chaos, pytest.mark.grown]

PEOPLE = 8
# A server looks for the journals of dead ones every few seconds, and stores them at its next look.
LONGEST_TAKEOVER_SECONDS = 15
KILLS_WHILE_STORING = 5
# Many batches, so that a kill finds some stored and some not.
JOURNALED_BY_EACH = 400


@pytest.mark.parametrize("heir", ["the other server", "its own restart"])
async def test_journal_of_a_killed_server_is_stored(
    live_server_process: StartServer, postgres_env: dict[str, str], postgres_server: PostgresServer, heir: str
) -> None:
    killed = live_server_process(postgres_env)
    # Processes of one machine share the folder; another machine's cannot see it.
    shared = {"DATA_DIR": str(killed.data_dir)} if heir == "the other server" else {}
    other = live_server_process(postgres_env | shared, migrate=False)
    cast = invite(killed, people=PEOPLE)
    crowd = Crowd(cast.rooms[0], cast.people, [killed, other])
    # Turn and turn about: the first, third and so on are on the server that is killed.
    victims = crowd.clients[::2]
    async with crowd.present():
        async with crowd.talking(crowd.clients, per_second=5):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres_server.stop, immediate=True)
            try:
                await eventually(lambda: all(map(has_journaled, crowd.clients)), 8, "`journaled`", crowd.describe)
                await asyncio.to_thread(killed.kill9)
            finally:
                await asyncio.to_thread(postgres_server.start)
            if heir == "the other server":
                await until_stored(other, crowd, victims, LONGEST_TAKEOVER_SECONDS)
            await asyncio.to_thread(killed.restart)
        await crowd.settle()
    crowd.check()
    for server in (killed, other):
        assert not list((server.data_dir / "spool").glob("undeliverable*"))
    # Who stayed on the living server never lost the line.
    assert all(client.connections == 1 for client in crowd.clients[1::2])


async def test_kills_while_the_journal_is_being_stored_double_nothing(
    live_server_process: StartServer, postgres_env: dict[str, str], postgres_server: PostgresServer
) -> None:
    server = live_server_process(postgres_env)
    cast = invite(server, people=PEOPLE)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    async with crowd.present():
        await asyncio.to_thread(postgres_server.stop)
        try:
            await asyncio.gather(*(fill_journal(client) for client in crowd.clients))
        finally:
            await asyncio.to_thread(postgres_server.start)
        for _ in range(KILLS_WHILE_STORING):
            await asyncio.sleep(random.uniform(0, 0.3))
            await asyncio.to_thread(server.kill9)
            await asyncio.to_thread(server.start, wait=False)
            # Somewhere between the opening of the journal and the first request.
            await asyncio.sleep(random.uniform(0.5, 1.5))
        await asyncio.to_thread(server.wait_ready)
        await crowd.settle(40)
    stored = crowd.check()
    assert len(stored) == PEOPLE * JOURNALED_BY_EACH


async def fill_journal(client: Client) -> None:
    for count in itertools.count(1):
        await client.say()
        if count == JOURNALED_BY_EACH:
            break
        await eventually(lambda: len(client.outbox) < 40, 20, "answers", lambda: str(client.refusals))
    await eventually(lambda: not client.outbox, 20, "the last answers", lambda: str(client.refusals))


async def until_stored(server: LiveServer, crowd: Crowd, clients: list[Client], seconds: float) -> None:
    """Wait until `server` has stored everything that `clients` were promised by the dead one."""
    promised = {client_id for client in clients for client_id in client.acks}

    def is_stored() -> bool:
        return promised <= {message.client_id for message in stored_messages(server, crowd.room)}

    await eventually(is_stored, seconds, "the journal to be taken over", crowd.describe)


def has_journaled(client: Client) -> bool:
    return any(ack.state == "journaled" for ack in client.acks.values())
