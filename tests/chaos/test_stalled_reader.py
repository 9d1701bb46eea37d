"""Somebody stops reading: the others notice nothing, and the stalled one is closed, told why, and whole again later."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from tests.chaos.client import Client
from tests.chaos.conftest import UNLIMITED
from tests.chaos.crowd import Crowd, eventually
from tests.chaos.figures import figure, memory, take_p99
from tests.chaos.people import invite
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

SLOW_CONSUMER = 4002
MEMBERS = 300
WRITERS = 4
MEBIBYTE = 1024 * 1024
LONG_TEXT = 3800
# What the kernel and the server take for a narrow line before a send has to wait, generously.
BUFFERED = 1_000_000
# 30 s behind, two for the round that finds out, and some for a busy machine.
LONGEST_STALL_SECONDS = 38
# The best window of each half counts: what else the machine does spoils some of them, a reader that holds up the others
# would spoil each.
WINDOW_SECONDS = 4
# What the machine's other work may still add to a percentile between two halves of one run.
NOISE_SECONDS = 0.02


@pytest.mark.quiet
async def test_the_others_notice_nothing_of_a_stalled_reader(live_server_process: StartServer) -> None:
    server = live_server_process(UNLIMITED)
    cast = invite(server, people=MEMBERS)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    stalled, others = crowd.clients[-1], crowd.clients[:-1]
    stalled.is_narrow = True
    async with crowd.present():
        async with crowd.talking(others[:WRITERS], per_second=1, text="x" * 1000):
            await asyncio.sleep(1)
            take_p99(others)
            before, base = min([await p99_of_window(others) for _ in range(2)]), memory(server)
            await stall(stalled)
            during = min([await p99_of_window(others) for _ in range(6)])
            seconds = WINDOW_SECONDS * 6 + await until_closed_as_slow(server, LONGEST_STALL_SECONDS)
            stalled.socket.transport.resume_reading()
            await eventually(lambda: stalled.connections == 2 and stalled.is_joined, 15, "the return", crowd.describe)
        await crowd.settle()
        grown = memory(server) - base
    crowd.check()
    print(f"closed after {seconds:.0f} s; the others' p99 {before * 1000:.0f} -> {during * 1000:.0f} ms; {grown} bytes")
    assert during <= 1.2 * before + NOISE_SECONDS
    assert grown < 16 * MEBIBYTE
    assert [bye["code"] for bye in stalled.byes] == [SLOW_CONSUMER]
    assert stalled.closes[0] == SLOW_CONSUMER
    assert stalled.view.modes == {"snapshot": 1, "resumed": 1}
    assert all(client.connections == 1 for client in others)


async def test_a_reader_a_mebibyte_behind_is_not_waited_for(live_server_process: StartServer) -> None:
    server = live_server_process(UNLIMITED)
    cast = invite(server, people=20)
    crowd = Crowd(cast.rooms[0], cast.people, [server])
    stalled, others = crowd.clients[-1], crowd.clients[:-1]
    stalled.is_narrow = True
    # A resume carries 300,000 characters at most, so of these texts with all that is around them:
    stalled.view.longest_resume = 300_000 // (LONG_TEXT + 500)
    async with crowd.present():
        stalled.socket.transport.pause_reading()
        async with crowd.talking(others[:WRITERS], per_second=25, text="x" * LONG_TEXT):
            seconds = await until_closed_as_slow(server, 20)
        stalled.socket.transport.resume_reading()
        await eventually(lambda: stalled.connections == 2 and stalled.is_joined, 15, "the return", crowd.describe)
        await crowd.settle()
    crowd.check()
    print(f"closed after {seconds:.0f} s")
    assert [bye["code"] for bye in stalled.byes] == [SLOW_CONSUMER]


async def stall(client: Client) -> None:
    """Stop reading, and ask for more than the buffers of a narrow line hold, but less than a mebibyte.

    Answers go to the one who asks, so filling this line puts no load on the others'.
    """
    page = await client.ask("history.fetch", {"limit": 100})
    client.socket.transport.pause_reading()
    for _ in range(BUFFERED // len(msgspec.json.encode(page)) + 1):
        await client.command("history.fetch", {"limit": 100}, lambda reply: None)


async def until_closed_as_slow(server: LiveServer, most: float) -> float:
    """Wait until the server has given a reader up, and return how many seconds that took."""
    began = time.monotonic()
    while not await asyncio.to_thread(figure, server, "pavilion_slow_closed_total"):
        assert time.monotonic() - began < most, "The stalled reader was not closed."
        await asyncio.sleep(0.5)
    return time.monotonic() - began


async def p99_of_window(clients: list[Client]) -> float:
    await asyncio.sleep(WINDOW_SECONDS)
    return take_p99(clients)
