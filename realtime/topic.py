"""The recent events of one topic, strictly in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from realtime import wire
from realtime.connection import Connection
from realtime.wire import Event

# How many recent events are kept, and how far behind a client may resume. One number for both: every resume that is
# granted can then be answered from memory, however many come back at once.
RING = 300

# A frame stays below what common client libraries take in one message (1 MiB).
MAX_FRAME_CHARACTERS = 256 * 1024


class Topic:
    """A ring of events without gaps, and the connections that follow it.

    `events[i]` has number `base + i`; the last one has number `head`. An event that a later one has replaced gives
    its place to a `skipped` marker, so that the ring always equals what a fresh look at the database would give:
    text that was deleted is in neither.
    """

    __slots__ = (
        "_by_key",
        "_frames",
        "ahead",
        "base",
        "epoch",
        "events",
        "expected",
        "head",
        "is_complete",
        "is_live",
        "left_at",
        "listeners",
        "name",
        "removals",
        "signals",
        "waiters",
        "wiped_prefix",
        "wiped_to",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = ""
        self.head = 0
        self.base = 1
        self.events: list[Event] = []
        # Events that came before their turn, by number.
        self.ahead: dict[int, Event] = {}
        self.listeners: dict[Connection, None] = {}
        self.signals: list[tuple[str, int]] = []
        # Events that remove somebody and have not been acted on.
        self.removals: list[Event] = []
        # How many callers are about to bring the head, or to attach.
        self.expected = 0
        # True once the head is known and events are taken in.
        self.is_live = False
        # True once the ring reaches back RING events, or to the beginning.
        self.is_complete = False
        # Resolved at the next event: for those who wait without following, such as a long poll.
        self.waiters: list[asyncio.Future[None]] = []
        self.left_at = 0.0
        # What the last wiping event wiped: it may be replaced itself, and rows read before it may come in after it.
        self.wiped_prefix, self.wiped_to = "", 0
        self._by_key: dict[str, int] = {}
        self._frames: dict[int, tuple[str, int, frozenset[int]]] = {}

    def begin(self, head: int, epoch: str) -> None:
        """Go live at `head`; what came in before is taken or dropped by number."""
        self.head, self.base, self.epoch = head, head + 1, epoch
        self.events.clear()
        self._by_key.clear()
        self.is_live = True
        self.is_complete = head == 0
        self.wiped_prefix, self.wiped_to = "", 0
        self._frames.clear()
        self.take_ahead()

    def offer(self, event: Event) -> bool:
        """Take an event in its turn. Return True when the head moved; a number seen before changes nothing."""
        if self.is_live and event.number == self.head + 1:
            self._append(event)
            self.take_ahead()
            return True
        if not self.is_live or event.number > self.head:
            self.ahead[event.number] = event
        return False

    def take_ahead(self) -> None:
        while self.ahead:
            event = self.ahead.pop(self.head + 1, None)
            if event is None:
                break
            self._append(event)
        if self.ahead and min(self.ahead) <= self.head:
            self.ahead = {number: event for number, event in self.ahead.items() if number > self.head}

    def fill(self, events: Iterable[Event], head: int) -> bool:
        """Close the gap up to `head` with the rows that changed since ours; numbers without a row are skipped."""
        if head <= self.head:
            return False
        by_number = {event.number: event for event in events}
        for number in range(self.head + 1, head + 1):
            self._append(by_number.get(number) or self._skipped(number))
        self.take_ahead()
        return True

    def prepend(self, events: Iterable[Event], since: int) -> None:
        """Put what changed after `since` in front of the ring, so that resumes from there need no database."""
        by_number = {event.number: event for event in events}
        older = [by_number.get(number) or self._skipped(number) for number in range(since + 1, self.base)]
        for index, event in enumerate(older):
            is_replaced = self._by_key.get(event.key, 0) >= self.base
            if event.key and (is_replaced or self._is_wiped(event)):
                older[index] = self._skipped(event.number)
            elif event.key:
                self._by_key[event.key] = event.number
        self.events[:0] = older
        self.base -= len(older)
        self.is_complete = True
        self._frames.clear()

    def reaches_back_to(self, since: int) -> bool:
        return since >= self.base - 1

    def has_changed_since(self, number: int, *keys: str) -> bool:
        """Return whether an event with one of the keys has come after `number`."""
        return any(self._by_key.get(key, 0) > number for key in keys)

    def removal_after(self, cursor: int, user: int) -> Event | None:
        """Return the event after `cursor` that removes the user, if there is one."""
        following = self.events[max(0, cursor + 1 - self.base) :]
        return next((event for event in following if event.removes == user), None)

    def since(self, number: int) -> list[Event]:
        """Return the events after `number` that still show something."""
        return [event for event in self.events[max(0, number + 1 - self.base) :] if event.key]

    def frame_after(self, cursor: int) -> tuple[str, int, frozenset[int]]:
        """Return a frame of what follows `cursor`, the number it ends at, and who owns events in it."""
        cached = self._frames.get(cursor)
        if cached is None:
            texts: list[str] = []
            end, size = cursor, 0
            for event in self.events[cursor + 1 - self.base :]:
                size += len(event.text)
                if texts and size > MAX_FRAME_CHARACTERS:
                    break
                texts.append(event.text)
                end = event.number
            owners = frozenset(e.owner for e in self.events[cursor + 1 - self.base : end + 1 - self.base] if e.owner)
            cached = self._frames[cursor] = (wire.join_frame(texts), end, owners)
        return cached

    def frame_for(self, owner: int, cursor: int, end: int) -> str:
        """Return the same frame as one of its owners sees it."""
        events = self.events[cursor + 1 - self.base : end + 1 - self.base]
        return wire.join_frame([e.owned_text if e.owner == owner else e.text for e in events])

    def frame_until(self, cursor: int, end: int) -> str:
        """Return a frame of the events after `cursor` up to `end`, which exist."""
        return wire.join_frame([e.text for e in self.events[cursor + 1 - self.base : end + 1 - self.base]])

    def size_after(self, cursor: int) -> int:
        """Return how many characters of events a connection at `cursor` has not been sent."""
        return sum(len(event.text) for event in self.events[max(0, cursor + 1 - self.base) :])

    def wake_waiters(self) -> None:
        """Let go of those who wait for something to happen to the topic."""
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _append(self, event: Event) -> None:
        if event.wipes:
            self._wipe(event)
        if event.removes:
            self.removals.append(event)
        if event.key:
            replaced = self._by_key.get(event.key, 0)
            if replaced >= self.base:
                self.events[replaced - self.base] = self._skipped(replaced)
            self._by_key[event.key] = event.number
        self.events.append(event)
        self.head = event.number
        self._frames.clear()
        if len(self.events) > 2 * RING:
            self._trim()

    def _trim(self) -> None:
        gone = self.events[:RING]
        del self.events[:RING]
        self.base += RING
        for event in gone:
            if self._by_key.get(event.key) == event.number:
                del self._by_key[event.key]
        self.is_complete = True

    def _wipe(self, wiping: Event) -> None:
        self.wiped_prefix, self.wiped_to = wiping.wipes, max(self.wiped_to, wiping.wipes_to)
        for index, event in enumerate(self.events):
            if self._is_wiped(event):
                self.events[index] = self._skipped(event.number)

    def _is_wiped(self, event: Event) -> bool:
        return event.number <= self.wiped_to and event.key.startswith(self.wiped_prefix)

    def _skipped(self, number: int) -> Event:
        return Event(number, wire.skipped(self.name, number), "")
