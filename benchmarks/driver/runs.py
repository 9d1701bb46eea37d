"""The kinds of run: a flood (B1, B2), an idle crowd (B4), a crowd that comes back (B5), and listening alone."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from benchmarks.driver.crowd import Crowd
from benchmarks.driver.dialects import DIALECTS, Position, Seat
from benchmarks.driver.probe import machine_seconds, processor_seconds, read_counter, resident_bytes
from benchmarks.driver.spec import Result, RoomSpec, Spec
from benchmarks.driver.writers import Writer, start_writing, stop_writing, watch_writing, write_open_loop

# How long the last messages may take to reach everybody before they count as lost.
DRAIN_SECONDS = 10.0
# Memory is read after the joins' garbage is gone from the server.
SETTLE_SECONDS = 3.0
DATABASE_READS = "pavilion_database_reads_total"


def seats_of(rooms: list[RoomSpec]) -> list[Seat]:
    return [Seat(room.name, cookie) for room in rooms for cookie in room.cookies]


def choose_writers(crowd: Crowd, spec: Spec, run_id: int) -> list[Writer]:
    """Make writers of some members, evenly spread over each room, room by room in turn."""
    writers: list[Writer] = []
    offset = 0
    for room in spec.rooms:
        step = max(1, len(room.cookies) // spec.writers_per_room)
        chosen = [crowd.clients[offset + number * step] for number in range(spec.writers_per_room)]
        writers += [Writer(client, len(writers) + index, run_id) for index, client in enumerate(chosen)]
        offset += len(room.cookies)
    return writers


@asynccontextmanager
async def crowd_of(spec: Spec) -> Any:
    """Yield a crowd that keeps its lines alive, and hang up at the end."""
    crowd = Crowd(DIALECTS[spec.dialect](), spec.port)
    alive = asyncio.create_task(crowd.keep_alive())
    try:
        yield crowd
    finally:
        alive.cancel()
        crowd.hang_up()
        # Lets the loop close the sockets before it ends.
        await asyncio.sleep(0.05)


@contextmanager
def measured(crowd: Crowd, spec: Spec, into: Result) -> Iterator[None]:
    """Record from entering on, and write the rates between entering and leaving `into`.

    Recording goes on until `summarise`: a message sent in this time that arrives later has the longest way of all, and
    leaving it out would flatter a server that falls behind.
    """
    started, used, own = time.monotonic(), processor_seconds(spec.server_pids), time.process_time()
    machine = machine_seconds()
    delivered, frames, received = crowd.delivered, crowd.frames, crowd.received
    crowd.meter.is_recording = True
    yield
    seconds = time.monotonic() - started
    into.update(
        seconds=seconds,
        deliveries=crowd.delivered - delivered,
        messages_per_frame=(crowd.delivered - delivered) / max(1, crowd.frames - frames),
        deliveries_per_second=(crowd.delivered - delivered) / seconds,
        megabytes_per_second=(crowd.received - received) / seconds / 1e6,
        acknowledged_per_second=crowd.meter.acknowledged / seconds,
    )
    server, driver = processor_seconds(spec.server_pids) - used, time.process_time() - own
    into.update(
        server_busy=server / seconds,
        driver_busy=driver / seconds,
        # A separate database counts as one of the others.
        others_busy=max(0.0, machine_seconds() - machine - server - driver) / seconds,
    )


async def drain(crowd: Crowd, writers: list[Writer], spec: Spec) -> Result:
    """Wait for the last acknowledgements and deliveries; return what is missing and what went wrong."""
    await crowd.settle(lambda: not any(writer.pending for writer in writers), DRAIN_SECONDS)
    outcomes = crowd.meter.outcomes
    outcomes["unanswered"] += sum(len(writer.pending) for writer in writers)
    stored = sum(count for name, count in outcomes.items() if name in ("stored", "in memory", "echoed"))
    members = len(crowd.clients) // len(spec.rooms)
    await crowd.settle(lambda: crowd.delivered >= stored * members, DRAIN_SECONDS)
    return {
        "messages": stored,
        # Below zero: more than was acknowledged arrived, which is right for messages whose answer was lost.
        "undelivered": stored * members - crowd.delivered,
        "failed": sum(outcomes.values()) - stored,
        **summarise(crowd),
    }


def summarise(crowd: Crowd) -> Result:
    """End the recording; return the latencies and all that went wrong."""
    meter = crowd.meter
    meter.is_recording = False
    return {
        "delivery_ms": meter.delivery.summary_ms(),
        "ack_ms": meter.ack.summary_ms(),
        "outcomes": dict(+meter.outcomes),
        "faults": dict(meter.faults),
        "closes": dict(meter.closes),
    }


async def flood(spec: Spec) -> Result:
    """B1, B2: writers in a closed loop, everybody receives."""
    result: Result = {}
    async with crowd_of(spec) as crowd:
        await crowd.fill(seats_of(spec.rooms))
        crowd.sample(spec.sampled)
        writers = choose_writers(crowd, spec, time.time_ns())
        start_writing(writers)
        await watch_writing(writers, spec.warm_up_seconds)
        with measured(crowd, spec, result):
            await watch_writing(writers, spec.seconds)
        stop_writing(writers)
        result.update(await drain(crowd, writers, spec))
    return result


async def listen(spec: Spec) -> Result:
    """Receive from a server that writes on its own."""
    result: Result = {}
    async with crowd_of(spec) as crowd:
        await crowd.fill(seats_of(spec.rooms))
        crowd.sample(spec.sampled)
        await asyncio.sleep(spec.warm_up_seconds)
        with measured(crowd, spec, result):
            await asyncio.sleep(spec.seconds)
        result.update(summarise(crowd))
    return result


async def idle(spec: Spec) -> Result:
    """B4: memory of a silent crowd, then a steady rate in open loop."""
    base = resident_bytes(spec.server_pids)
    result: Result = {"resident_base": base}
    async with crowd_of(spec) as crowd:
        started = time.monotonic()
        await crowd.fill(seats_of(spec.rooms))
        result["connect_seconds"] = time.monotonic() - started
        await asyncio.sleep(SETTLE_SECONDS)
        members = len(crowd.clients)
        result["resident_connected"] = resident_bytes(spec.server_pids)
        result["bytes_per_connection"] = (resident_bytes(spec.server_pids) - base) / members
        crowd.sample(spec.sampled)
        writers = choose_writers(crowd, spec, time.time_ns())
        rate = spec.rate_per_room * len(spec.rooms)
        await write_open_loop(writers, rate, spec.warm_up_seconds)
        with measured(crowd, spec, result):
            await write_open_loop(writers, rate, spec.seconds)
        result["offered_per_second"] = rate
        result.update(await drain(crowd, writers, spec))
        result["resident_after"] = resident_bytes(spec.server_pids)
    return result


async def rejoin(spec: Spec) -> Result:
    """B5: all members but the writer lose the line, miss messages and come back.

    A member is whole when the answer to its join holds every number after its position. The clock of "everyone whole"
    starts when the line is back; each member's own starts with its connection attempt.
    """
    seats = seats_of(spec.rooms)
    async with crowd_of(spec) as crowd:
        await crowd.fill(seats)
        # The first seat belongs to the writer, who stays.
        writer = choose_writers(crowd, spec, time.time_ns())[0]
        await _write_and_wait(crowd, writer, count=5, members=len(seats))
        positions = {client.position for client in crowd.clients}
        epoch = (await crowd.clients[0].joined).position.epoch
        for client in crowd.clients[1:]:
            client.hang_up()
        await asyncio.sleep(1.0)
        await _write_and_wait(crowd, writer, count=spec.missed, members=1)
        used = processor_seconds(spec.server_pids)
        reads_before, began = await read_counter(spec.port, DATABASE_READS), time.monotonic()
        returned = await _return_all(crowd, seats[1:], Position(epoch, positions.pop()), spec.spread_seconds)
        seconds = time.monotonic() - began
        busy = (processor_seconds(spec.server_pids) - used) / seconds
        reads = await read_counter(spec.port, DATABASE_READS)
        await _write_and_wait(crowd, writer, count=5, members=len(seats))
        result: Result = {
            "whole_seconds": seconds,
            "server_busy": busy,
            "distinct_positions_before": len(positions) + 1,
            # None where the server does not count them.
            "database_reads_per_second": None if reads is None else (reads - (reads_before or 0)) / seconds,
            "faults": dict(crowd.meter.faults),
            "closes": dict(crowd.meter.closes),
            "outcomes": dict(crowd.meter.outcomes),
        }
        return result | returned


async def _write_and_wait(crowd: Crowd, writer: Writer, *, count: int, members: int) -> None:
    """Send `count` messages at once and wait until as many members have them all."""
    target = crowd.delivered + count * members
    for _ in range(count):
        writer.send(time.monotonic_ns())
    if not await crowd.settle(lambda: not writer.pending and crowd.delivered >= target, DRAIN_SECONDS):
        crowd.meter.faults["undelivered"] += target - crowd.delivered


async def _return_all(crowd: Crowd, seats: list[Seat], since: Position, spread: float) -> Result:
    """Connect all seats again at random moments within `spread` seconds, each resuming at `since`."""
    head = crowd.clients[0].position
    wanted = list(range(since.seq + 1, head + 1))
    modes: dict[str, int] = {}

    async def come_back(number: int, seat: Seat) -> None:
        await asyncio.sleep(random.uniform(0, spread))
        started = time.monotonic_ns()
        client, answer = await crowd.connect(seat, number, since)
        crowd.meter.ack.record((time.monotonic_ns() - started) // 1000)
        crowd.clients.append(client)
        modes[answer.mode] = modes.get(answer.mode, 0) + 1
        if answer.mode == "resumed" and answer.missed != wanted:
            crowd.meter.faults["resume not whole"] += 1

    crowd.clients = crowd.clients[:1]
    works: list[Coroutine[Any, Any, None]] = [come_back(number, seat) for number, seat in enumerate(seats)]
    await asyncio.gather(*works)
    return {"missed": len(wanted), "modes": modes, "resume_ms": crowd.meter.ack.summary_ms()}
