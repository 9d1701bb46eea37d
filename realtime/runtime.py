"""What one server process runs beside its requests: hub, threads, writers, doorbell and periodic checks.

`config.asgi` starts one `Runtime` with the server. Services publish through `publish()`, which reaches the hub of this
process from any thread; in a process without a runtime (a management command) it does nothing, and the hubs of the
servers find the change when they compare heads, within two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from realtime import publications, wire
from realtime.close_codes import CloseCode
from realtime.doorbell import Doorbell, Layer
from realtime.hub import Hub, Source
from realtime.threads import OUTAGES, DatabaseThreads
from realtime.wire import Event
from realtime.writer import GroupWriter

logger = logging.getLogger(__name__)

HEARTBEAT_MS = 25_000
# Two heartbeats missed, and a little for the network.
_SILENCE_SECONDS = 2 * HEARTBEAT_MS / 1000 + 5
# Whoever is logged out, disabled or banned loses the socket within five seconds, the two reads of a round included.
GUARD_SECONDS = 4.0
PRESENCE_SECONDS = 1.0
# The whole list of people goes to the other processes this often, so that a lost message heals.
_WHOLE_PRESENCE_ROUNDS = 10

_READER_THREADS = 3


@dataclass(frozen=True, slots=True)
class Guard:
    """The periodic check of who may still be connected. Both calls block and run in a thread.

    alive(session_keys) returns those whose session still stands; banned(users) returns those kept out of everything.
    """

    alive: Callable[[set[str]], set[str]]
    banned: Callable[[set[int]], set[int]]


@dataclass(slots=True)
class Runtime:
    """The running parts of one process. `node` names the process among the others."""

    node: str
    source: Source
    guard: Guard
    layer: Layer | None = None
    threads: DatabaseThreads = field(default_factory=lambda: DatabaseThreads("reader", _READER_THREADS))
    writers: dict[str, GroupWriter[Any, Any]] = field(default_factory=dict)
    # What an application keeps beside the hub, such as its loaders, by name.
    parts: dict[str, Any] = field(default_factory=dict)
    hub: Hub = field(init=False)
    doorbell: Doorbell | None = field(default=None, init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.hub = Hub(self.source, self.threads)

    async def start(self) -> None:
        await self.hub.start()
        if self.layer is not None:
            self.doorbell = Doorbell(self.layer, self.hub, self.node)
            await self.doorbell.start()
        for writer in self.writers.values():
            await writer.start()
        self._tasks = [asyncio.create_task(loop()) for loop in (self._guard_sockets, self._share_presence)]
        _running.append(self)

    async def say_goodbye(self) -> None:
        """Answer what was sent, then say `bye` to every socket and wait until it is said."""
        await asyncio.gather(*(writer.drain() for writer in self.writers.values()))
        # Spread over five seconds: everybody who is sent away now comes back to the same small machine.
        await self.hub.stop(lambda: random.randint(500, 5000))  # noqa: S311  no secret depends on it

    async def stop(self) -> None:
        """Flush the writers, say `bye` to every socket, and let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.say_goodbye()
        await asyncio.gather(*(writer.stop() for writer in self.writers.values()))
        if self.doorbell is not None:
            await self.doorbell.stop()
        await self.threads.close()
        _running.remove(self)

    def publish(self, topic: str, events: Sequence[Event]) -> None:
        """Bring committed events to every process. In the event loop."""
        self.hub.publish(topic, events)
        if self.doorbell is not None:
            self.doorbell.ring(topic, list(events))

    def signal(self, topic: str, text: str, *, without: int = 0) -> None:
        """Bring an ephemeral event to every process. In the event loop."""
        self.hub.signal(topic, text, without=without)
        if self.doorbell is not None:
            self.doorbell.signal(topic, text, without)

    async def _guard_sockets(self) -> None:
        while True:
            await asyncio.sleep(GUARD_SECONDS)
            try:
                self._close_silent()
                await self._close_revoked()
            except OUTAGES:
                logger.warning("guard: the database does not answer, nobody is sent away")
            except Exception:
                logger.exception("guard: checking the sockets failed")

    def _close_silent(self) -> None:
        deadline = time.monotonic() - _SILENCE_SECONDS
        for connection in list(self.hub.connections):
            if connection.heard_at < deadline:
                connection.close(CloseCode.HEARTBEAT_TIMEOUT, retry_after_ms=500)

    async def _close_revoked(self) -> None:
        connections = list(self.hub.connections)
        if not connections:
            return
        keys = {connection.session_key for connection in connections}
        alive = await self.threads.run(self.guard.alive, keys)
        banned = await self.threads.run(self.guard.banned, {connection.user for connection in connections})
        for connection in connections:
            if connection.user in banned:
                connection.close(CloseCode.BANNED)
            elif connection.session_key not in alive:
                connection.close(CloseCode.REVOKED)

    async def _share_presence(self) -> None:
        for round_number in itertools.count():
            await asyncio.sleep(PRESENCE_SECONDS)
            presence = self.hub.presence
            presence.forget_silent()
            changed, changed_here = presence.take_changed()
            for topic in changed:
                self.hub.signal(topic, wire.signal("presence.count", {"online": presence.count(topic)}, topic))
            if self.doorbell is None:
                continue
            if round_number % _WHOLE_PRESENCE_ROUNDS == 0:
                self.doorbell.tell_presence(presence.here(), is_whole=True)
            elif changed_here:
                self.doorbell.tell_presence(presence.here(changed_here), is_whole=False)


_running: list[Runtime] = []


def current() -> Runtime | None:
    """Return the runtime of this process, or None where no server runs (a command, a plain test)."""
    return _running[-1] if _running else None


def publish(topic: str, events: Sequence[Event]) -> None:
    """Publish committed events from any thread; call it from `transaction.on_commit`."""
    runtime = current()
    if runtime is None:
        return

    def publication() -> None:
        runtime.publish(topic, events)

    if not publications.hold(publication):
        runtime.hub.call_soon(publication)


def online(topic: str) -> int:
    """Return how many people follow the topic now, on any server this one hears of."""
    runtime = current()
    return runtime.hub.presence.count(topic) if runtime is not None else 0


@contextlib.asynccontextmanager
async def running(runtime: Runtime) -> AsyncIterator[Runtime]:
    """Start the runtime and stop it at the end of the block."""
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()
