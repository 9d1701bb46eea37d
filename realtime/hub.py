"""Fan-out: one hub per process brings every event of a topic to every connection that follows it.

Three rules make it fast and exact:

* An event is encoded before it gets here, once. A flush joins what a connection lacks into one frame; connections at
  the same position share that frame. While a flush runs new events gather, so under load frames grow, not queues.
* The hub delivers by number. What arrives out of turn waits, and what does not arrive is read from the database. The
  channel layer (`realtime.doorbell`) may therefore lose, double and reorder as it likes.
* Nobody waits for a slow reader: see `realtime.connection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from realtime.close_codes import CloseCode
from realtime.connection import Connection
from realtime.errors import NotFound
from realtime.presence import Presence
from realtime.threads import OUTAGES, DatabaseThreads
from realtime.topic import RING, Topic
from realtime.wire import Event

logger = logging.getLogger(__name__)

# How often the heads of all topics are compared with the database, in one query.
HEADS_SECONDS = 2.0
# An event that came before its turn waits this long for the one that is missing before the database is asked.
GAP_SECONDS = 0.05
# A topic without listeners is kept this long: a room that loses its network comes back to a warm ring.
LINGER_SECONDS = 120.0
# A reader this far behind is closed and resumes by position.
MAX_SECONDS_BEHIND = 30.0
MAX_CHARACTERS_BEHIND = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """Where a topic stands in the database."""

    number: int
    epoch: str


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows that changed after a position, as events in order, read not later than at `head`."""

    head: Head
    events: Sequence[Event]


class Source(Protocol):
    """The database, as the hub sees it. Both calls block; the hub makes them in its threads."""

    def heads(self, topics: Sequence[str]) -> Mapping[str, Head]: ...

    def changes(self, topic: str, since: int) -> Changes | None:
        """Return what changed after `since`, or None when the topic is gone."""


@dataclass(slots=True)
class HubStatistics:
    """Counters since the start, read by `/metrics`."""

    events: int = 0
    frames: int = 0
    gaps_filled: int = 0
    slow_closed: int = 0


class Hub:
    """Connections, topics, and the flush between them. Everything but `call_soon` runs in the event loop."""

    def __init__(self, source: Source, threads: DatabaseThreads) -> None:
        self.connections: set[Connection] = set()
        self.topics: dict[str, Topic] = {}
        self.presence = Presence()
        self.statistics = HubStatistics()
        # Told when the first listener of a topic comes and the last is long gone.
        self.on_topic_opened: Callable[[str], None] | None = None
        self.on_topic_dropped: Callable[[str], None] | None = None
        self._by_user: Counter[int] = Counter()
        self._source = source
        self._threads = threads
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dirty: dict[Topic, None] = {}
        self._is_flush_due = False
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._completing: dict[Topic, asyncio.Task[None]] = {}
        self._repairing: dict[Topic, asyncio.Task[None]] = {}
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._keeper = asyncio.create_task(self._keep_up(), name="hub")

    async def stop(self, retry_after_ms: Callable[[], int]) -> None:
        """Say `bye` to every socket and wait until it is said. Clients come back spread over `retry_after_ms`."""
        tasks = [self._keeper, *self._opening.values(), *self._completing.values(), *self._repairing.values()]
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
        leaving = list(self.connections)
        for connection in leaving:
            connection.close(CloseCode.RESTART, retry_after_ms=retry_after_ms())
        if leaving:
            await asyncio.wait([asyncio.ensure_future(c.closed()) for c in leaving], timeout=5)

    def add(self, connection: Connection) -> None:
        connection.on_drained = self._catch_up
        self.connections.add(connection)
        self._by_user[connection.user] += 1

    def remove(self, connection: Connection) -> None:
        for topic in list(connection.cursors):
            self.detach(connection, topic.name)
        if connection in self.connections:
            self.connections.remove(connection)
            self._by_user[connection.user] -= 1
            if not self._by_user[connection.user]:
                del self._by_user[connection.user]

    def connections_of(self, user: int) -> int:
        return self._by_user.get(user, 0)

    # --- topics -------------------------------------------------------------------------------------------------

    async def open(self, name: str) -> Topic:
        """Return the topic, live: its head is known and from now on no event passes it by.

        Raises what the source raised when the head could not be read.
        """
        topic = self.topics.get(name)
        if topic is not None and topic.is_live:
            # It must not be dropped as idle while the caller reads a page, or waits, before they attach.
            topic.left_at = time.monotonic()
            return topic
        if topic is None:
            topic = self._listen_for(name)
        if name not in self._opening:
            self._opening[name] = asyncio.create_task(self._go_live(topic), name=f"open {name}")
        await asyncio.shield(self._opening[name])
        return topic

    @contextlib.contextmanager
    def expecting(self, name: str) -> Iterator[Callable[[Head], Topic]]:
        """Open a topic without a statement of its own, for a caller who reads its head together with something else.

        From the beginning of the block no event passes the topic by. A head that is read inside the block is given to
        the function that the block gets, which returns the live topic. Without that, a topic nobody else wants is
        forgotten at the end.
        """
        topic = self.topics.get(name) or self._listen_for(name)
        topic.expected += 1

        def begin(head: Head) -> Topic:
            if self.topics.get(name) is not topic:
                raise NotFound  # the database said meanwhile that the topic is gone
            if not topic.is_live:
                topic.begin(head.number, head.epoch)
            topic.left_at = time.monotonic()
            return topic

        try:
            yield begin
        finally:
            topic.expected -= 1
            self._forget_unless_wanted(topic)

    def attach(self, connection: Connection, topic: Topic, cursor: int) -> None:
        """Let `connection` follow the topic: it gets every event above `cursor`, and none that it was sent before."""
        connection.cursors[topic] = cursor
        topic.listeners[connection] = None
        self.presence.arrive(topic.name, connection.user, connection.uid)
        if cursor < topic.head:
            removal = topic.removal_after(cursor, connection.user)
            if removal is not None:
                # It came between their answer and now, when they were not among the listeners that it looks through.
                self._remove_user(topic, removal)
            else:
                self._catch_up(connection)

    def detach(self, connection: Connection, name: str) -> None:
        topic = self.topics.get(name)
        if topic is None or connection.cursors.pop(topic, None) is None:
            return
        del topic.listeners[connection]
        self.presence.depart(name, connection.user, connection.uid)
        if not topic.listeners:
            topic.left_at = time.monotonic()

    async def wait(self, topic: Topic, since: int, seconds: float) -> None:
        """Return as soon as the topic's head is above `since`, or after `seconds`."""
        if topic.head > since:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        topic.waiters.append(waiter)
        await asyncio.wait({waiter}, timeout=seconds)
        # Cancelled, so that a room where nothing happens does not collect the polls of hours.
        waiter.cancel()
        topic.waiters = [other for other in topic.waiters if not other.done()]

    async def refresh(self, topic: Topic) -> None:
        """Take in what the database has and the topic has not, for a client that has seen more elsewhere."""
        await self._fill(topic)

    async def complete(self, topic: Topic) -> None:
        """Fill the ring from the database as far back as a resume may reach, once for all who ask meanwhile."""
        if topic.is_complete:
            return
        if topic not in self._completing:
            self._completing[topic] = asyncio.create_task(self._complete(topic), name=f"complete {topic.name}")
        await asyncio.shield(self._completing[topic])

    # --- events -------------------------------------------------------------------------------------------------

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the hub's event loop, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def publish(self, name: str, events: Iterable[Event]) -> None:
        """Take events that are committed. Topics nobody here follows ignore them."""
        topic = self.topics.get(name)
        if topic is None:
            return
        has_moved = False
        for event in events:
            has_moved |= topic.offer(event)
        if has_moved:
            self._flush_soon(topic)
        if topic.ahead and topic.is_live and topic not in self._repairing:
            self._repairing[topic] = asyncio.create_task(self._repair(topic), name=f"repair {name}")

    def signal(self, name: str, text: str, *, without: int = 0) -> None:
        """Send an ephemeral event to who follows the topic, but not to user `without`. Slow readers miss it."""
        topic = self.topics.get(name)
        if topic is not None and topic.listeners:
            topic.signals.append((text, without))
            self._flush_soon(topic)

    # --- inside -------------------------------------------------------------------------------------------------

    def _listen_for(self, name: str) -> Topic:
        """Make a topic whose head is not known yet: what is published about it waits in `ahead` until it is."""
        topic = self.topics[name] = Topic(name)
        topic.left_at = time.monotonic()
        if self.on_topic_opened is not None:
            self.on_topic_opened(name)
        return topic

    def _forget_unless_wanted(self, topic: Topic) -> None:
        if not topic.is_live and not topic.expected and topic.name not in self._opening:
            self._drop(topic)

    async def _go_live(self, topic: Topic) -> None:
        try:
            head = (await self._threads.run(self._source.heads, [topic.name])).get(topic.name)
            # Somebody who expected the topic may have been faster; events have come in since, which stay.
            if not topic.is_live:
                topic.begin(head.number if head else 0, head.epoch if head else "")
        finally:
            del self._opening[topic.name]
            self._forget_unless_wanted(topic)

    async def _complete(self, topic: Topic) -> None:
        try:
            since = max(0, topic.base - 1 - RING)
            changes = await self._threads.run(self._source.changes, topic.name, since)
            if changes is not None and changes.head.epoch == topic.epoch and not topic.is_complete:
                topic.prepend([event for event in changes.events if event.number < topic.base], since)
        finally:
            del self._completing[topic]

    def _flush_soon(self, topic: Topic) -> None:
        self._dirty[topic] = None
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        dirty, self._dirty = self._dirty, {}
        for topic in dirty:
            removals, topic.removals = topic.removals, []
            for event in removals:
                self._remove_user(topic, event)
            for connection in topic.listeners:
                if connection.cursors[topic] < topic.head and not connection.is_busy:
                    self._send_events(connection, topic)
            topic.wake_waiters()
            signals, topic.signals = topic.signals, []
            for text, without in signals:
                for connection in topic.listeners:
                    if not connection.is_busy and connection.user != without:
                        connection.push(text)

    def _send_events(self, connection: Connection, topic: Topic) -> None:
        cursor = connection.cursors[topic]
        if not topic.reaches_back_to(cursor):
            self._close_slow(connection)
            return
        frame, end, owners = topic.frame_after(cursor)
        if connection.user in owners:
            frame = topic.frame_for(connection.user, cursor, end)
        # Moved before the push: a send that finishes later must not be sent again.
        connection.cursors[topic] = end
        self.statistics.events += end - cursor
        self.statistics.frames += 1
        connection.push(frame)
        if end < topic.head:
            self._flush_soon(topic)

    def _catch_up(self, connection: Connection) -> None:
        for topic in list(connection.cursors):
            if connection.is_busy:
                return
            if connection.cursors[topic] < topic.head:
                self._send_events(connection, topic)

    def _remove_user(self, topic: Topic, removal: Event) -> None:
        """Send the removed everything up to their removal, nothing after it, and close their sockets."""
        for connection in [c for c in topic.listeners if c.user == removal.removes]:
            cursor = connection.cursors[topic]
            if cursor >= removal.number:
                continue  # they were let in again since
            if not connection.is_busy and topic.reaches_back_to(cursor):
                connection.push(topic.frame_until(cursor, removal.number))
            self.detach(connection, topic.name)
            connection.close(CloseCode(removal.bye_code), room=topic.name)

    def _close_slow(self, connection: Connection) -> None:
        if not connection.is_closing:
            self.statistics.slow_closed += 1
            connection.close(CloseCode.SLOW_CONSUMER, retry_after_ms=1000)

    async def _repair(self, topic: Topic) -> None:
        try:
            await asyncio.sleep(GAP_SECONDS)
            if topic.ahead:
                await self._fill(topic)
        finally:
            self._repairing.pop(topic, None)

    async def _fill(self, topic: Topic) -> None:
        try:
            changes = await self._threads.run(self._source.changes, topic.name, topic.head)
        except OUTAGES:
            return  # the next comparison of heads tries again
        if changes is None:
            self._drop_with_listeners(topic)
        elif changes.head.epoch != topic.epoch:
            self._restart(topic, changes.head)
        elif topic.fill(changes.events, changes.head.number):
            self.statistics.gaps_filled += 1
            self._flush_soon(topic)

    def _restart(self, topic: Topic, head: Head) -> None:
        """The history was wiped or restored: everybody has to start afresh, so their position is taken away."""
        topic.begin(head.number, head.epoch)
        topic.wake_waiters()
        for connection in list(topic.listeners):
            self.detach(connection, topic.name)
            connection.close(CloseCode.RESTART, retry_after_ms=0)

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(HEADS_SECONDS)
            try:
                self._close_stalled()
                self._drop_idle()
                await self._compare_heads()
            except OUTAGES as error:
                logger.warning("hub: the database does not answer: %s", error)
            except Exception:
                logger.exception("hub: keeping up failed")

    async def _compare_heads(self) -> None:
        names = [name for name, topic in self.topics.items() if topic.is_live]
        if not names:
            return
        heads = await self._threads.run(self._source.heads, names)
        for name in names:
            topic = self.topics.get(name)
            if topic is None:
                continue
            head = heads.get(name)
            if head is None:
                self._drop_with_listeners(topic)
            elif head.number > topic.head or head.epoch != topic.epoch:
                await self._fill(topic)

    def _close_stalled(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            if not connection.is_busy or connection.is_closing:
                continue
            behind = connection.queued_bytes + sum(topic.size_after(at) for topic, at in connection.cursors.items())
            if now - connection.busy_since > MAX_SECONDS_BEHIND or behind > MAX_CHARACTERS_BEHIND:
                self._close_slow(connection)

    def _drop_idle(self) -> None:
        now = time.monotonic()
        for topic in list(self.topics.values()):
            is_wanted = topic.listeners or topic.expected or not topic.is_live
            if not is_wanted and now - topic.left_at > LINGER_SECONDS:
                self._drop(topic)

    def _drop(self, topic: Topic) -> None:
        if self.topics.get(topic.name) is not topic:
            return  # dropped already, and perhaps opened anew
        del self.topics[topic.name]
        if self.on_topic_dropped is not None:
            self.on_topic_dropped(topic.name)

    def _drop_with_listeners(self, topic: Topic) -> None:
        for connection in list(topic.listeners):
            self.detach(connection, topic.name)
            connection.close(CloseCode.REVOKED, room=topic.name)
        topic.wake_waiters()
        self._drop(topic)
