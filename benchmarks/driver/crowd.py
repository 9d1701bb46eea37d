"""Many clients: connecting them, keeping them alive, waiting until all have everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from benchmarks.driver.client import Client
from benchmarks.driver.dialects import Dialect, Joined, Position, Seat
from benchmarks.driver.frames import FrameBook
from benchmarks.driver.meter import Meter

JOIN_SECONDS = 60.0
# One source address has 28,000 ports by default; 127.0.0.0/8 has plenty of addresses.
CLIENTS_PER_ADDRESS = 20_000


class Crowd:
    """The clients of one run against one server on 127.0.0.1."""

    def __init__(self, dialect: Dialect, port: int) -> None:
        self.dialect = dialect
        self.port = port
        self.meter = Meter()
        self.book = FrameBook()
        # In the order of the seats, once all are filled.
        self.clients: list[Client] = []
        # In the order of connecting; a long filling must not cost the first ones their line.
        self._open: list[Client] = []

    @property
    def delivered(self) -> int:
        return sum(client.count for client in self.clients)

    @property
    def frames(self) -> int:
        return sum(client.frames for client in self.clients)

    @property
    def received(self) -> int:
        return sum(client.received for client in self.clients)

    async def connect(self, seat: Seat, number: int, since: Position | None = None) -> tuple[Client, Joined]:
        """Open one connection and join. Raises what went wrong; the line is closed then."""
        client = Client(self.dialect, self.meter, self.book, seat, since)
        loop = asyncio.get_running_loop()
        # Binding costs milliseconds for each connection once thousands of ports are taken: only who must, binds.
        more = number // CLIENTS_PER_ADDRESS
        source = (f"127.0.0.{1 + more}", 0) if more else None
        await loop.create_connection(lambda: client, "127.0.0.1", self.port, local_addr=source)
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                answer = await client.joined
        except BaseException:
            client.hang_up()
            raise
        self._open.append(client)
        return client, answer

    async def fill(self, seats: Sequence[Seat], at_once: int = 500) -> None:
        """Connect everybody, `at_once` at a time."""
        gate = asyncio.Semaphore(at_once)

        async def enter(number: int, seat: Seat) -> Client:
            async with gate:
                client, _ = await self.connect(seat, number)
                return client

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(enter(number, seat)) for number, seat in enumerate(seats)]
        self.clients = [task.result() for task in tasks]

    def sample(self, wanted: int) -> None:
        """Let `wanted` clients record latencies, evenly spread over the order of joining.

        A server serves its members in some order; a sample of the first ones would flatter it.
        """
        step = max(1, len(self.clients) // wanted)
        for client in self.clients[step // 2 :: step]:
            client.sampled = True

    async def keep_alive(self) -> None:
        """Send each client's heartbeat when it is due, spread over the interval. Runs until cancelled."""
        turn = 0
        while True:
            await asyncio.sleep(1)
            turn += 1
            self._open = [client for client in self._open if not client.is_closing]
            for number, client in enumerate(self._open):
                # Twice as often as asked: a busy driver may be late by seconds.
                period = int(client.heartbeat_seconds / 2)
                if period and (turn + number) % period == 0:
                    payload = self.dialect.heartbeat(client.next_ident(), client.seat, client.position)
                    if payload:
                        client.write(payload)

    async def settle(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Wait until `is_done`, at most `seconds`; return whether it came true."""
        end = time.monotonic() + seconds
        while not is_done():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True

    def hang_up(self) -> None:
        for client in self._open:
            if not client.is_closing:
                client.hang_up()
