"""SIGTERM under load: everybody hears why, nothing acknowledged is lost, and the process is gone in time."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tests.chaos.client import Client
from tests.chaos.conftest import UNLIMITED
from tests.chaos.crowd import Crowd
from tests.chaos.people import invite
from tests.databases import PostgresServer
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

STOP_SECONDS = 20
RESTART = 4001
PEOPLE = 10


async def test_everybody_hears_of_a_restart_and_comes_back(live_server_process: StartServer) -> None:
    server = live_server_process(UNLIMITED)
    cast = invite(server, people=PEOPLE)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    async with crowd.present():
        async with crowd.talking(crowd.clients, per_second=20):
            await asyncio.sleep(1)
            seconds = await stop(server)
            for client in crowd.clients:
                assert heard_of_restart(client), crowd.describe()
            await asyncio.to_thread(server.restart)
            await asyncio.sleep(1)
        await crowd.settle()
    stored = crowd.check()
    print(f"stopped in {seconds:.1f} s; {len(stored)} messages")
    assert "orderly stop took longer" not in server.log()


async def test_a_reader_that_has_stalled_does_not_hold_up_the_stop(live_server_process: StartServer) -> None:
    server = live_server_process(UNLIMITED)
    cast = invite(server, people=3)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    crowd.clients[0].is_narrow = True
    async with crowd.present():
        line = crowd.clients[0].socket.transport
        line.pause_reading()
        async with crowd.talking(crowd.clients[1:], per_second=100, text="x" * 3900):
            await asyncio.sleep(2.5)
        seconds = await stop(server)
        # Who reads nothing does not hear of the end either, and would keep the line open beyond the test.
        line.resume_reading()
    print(f"stopped in {seconds:.1f} s with a stalled reader")


@pytest.mark.grown
async def test_a_frozen_database_does_not_hold_up_the_stop(
    live_server_process: StartServer, postgres_env: dict[str, str], postgres_server: PostgresServer
) -> None:
    server = live_server_process(postgres_env)
    cast = invite(server, people=PEOPLE)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    async with crowd.present():
        async with crowd.talking(crowd.clients, per_second=10):
            await asyncio.sleep(1)
            await asyncio.to_thread(postgres_server.pause)
            try:
                await asyncio.sleep(1)
                seconds = await stop(server)
                for client in crowd.clients:
                    assert heard_of_restart(client), crowd.describe()
            finally:
                await asyncio.to_thread(postgres_server.resume)
            await asyncio.to_thread(server.restart)
        await crowd.settle()
    crowd.check()
    print(f"stopped in {seconds:.1f} s with a frozen database")
    journaled = sum(ack.state == "journaled" for client in crowd.clients for ack in client.acks.values())
    assert journaled >= PEOPLE


async def stop(server: LiveServer) -> float:
    """Send SIGTERM and return how long the end took; the exit status must be that of an orderly stop."""
    began = time.monotonic()
    assert await asyncio.to_thread(server.terminate, STOP_SECONDS) in (0, -signal.SIGTERM)
    # The clients notice in their own time.
    await asyncio.sleep(0.2)
    return time.monotonic() - began


def heard_of_restart(client: Client) -> bool:
    said = [bye["code"] for bye in client.byes]
    return said == [RESTART] and client.byes[0]["reconnect"] and client.closes[:1] == [RESTART]
