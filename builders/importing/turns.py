"""Transactions that overlap: one begins when the one before has written all that it could trip over.

PostgreSQL does one thing at a time for a connection. With two of them it writes what belongs to some builders, and
looks after their foreign keys, while it takes in the next ones. They are committed in order, or not at all.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from django.db import connections

T = TypeVar("T")


class Overtaken(Exception):
    """The transaction before was not committed."""


class Unwritten(Exception):
    """The first of `things` could not be written, because of `error`; so the others were not written either."""

    def __init__(self, things: Sequence[Any], error: BaseException) -> None:
        super().__init__(error)
        self.things, self.error = things, error


class Turn:
    """The place of one transaction behind another."""

    def __init__(self, before: Turn | None = None) -> None:
        self._before = before
        self._may_begin, self._has_ended = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def let_next_begin(self) -> None:
        self._may_begin.set()

    def wait_for_those_before(self) -> None:
        """Wait until the one before is committed. Raises `Overtaken` if it is not."""
        if self._before is not None and self._before.ended() is not None:
            raise Overtaken

    def wait_to_begin(self) -> None:
        self._may_begin.wait()

    def ended(self) -> BaseException | None:
        """Wait for the end, and return what went wrong."""
        self._has_ended.wait()
        return self.error

    def take(self, write: Callable[[], None]) -> None:
        try:
            write()
        except BaseException as error:  # noqa: BLE001 -- raised by `overlapping`, where the caller is
            self.error = error
        finally:
            self._before = None
            self._has_ended.set()
            self.let_next_begin()


class _Lane(Generic[T]):
    """A thread with a connection, which writes one thing after the other."""

    def __init__(self, write: Callable[[T, Turn], None]) -> None:
        self._write = write
        self._waiting: SimpleQueue[tuple[T, Turn] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="import-writer", daemon=True)
        self._thread.start()

    def give(self, thing: T, turn: Turn) -> None:
        self._waiting.put((thing, turn))

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (given := self._waiting.get()) is not None:
                thing, turn = given
                turn.take(lambda thing=thing, turn=turn: self._write(thing, turn))  # type: ignore[misc]
        finally:
            # Connections belong to threads.
            connections.close_all()


def overlapping(write: Callable[[T, Turn], None], things: Iterable[T]) -> Generator[T, None, None]:
    """Write things, each in a transaction of its own, and yield each when it is committed. Close it, or use it up.

    `write` lets the next one begin, and waits for those before it as the last thing before it ends its transaction.
    Raises `Unwritten`; what was taken from `things` by then is in it or committed.
    """
    lanes = (_Lane(write), _Lane(write))
    pending: deque[tuple[T, Turn]] = deque()
    last: Turn | None = None
    try:
        for number, thing in enumerate(things):
            last = Turn(last)
            lanes[number % 2].give(thing, last)
            pending.append((thing, last))
            last.wait_to_begin()
            if len(pending) == len(lanes):
                yield _first(pending)
        while pending:
            yield _first(pending)
    finally:
        for lane in lanes:
            lane.close()


def _first(pending: deque[tuple[T, Turn]]) -> T:
    error = pending[0][1].ended()
    if error is not None:
        # Each of them waits for the one before, and ends when that has failed.
        pending[-1][1].ended()
        raise Unwritten([thing for thing, _ in pending], error)
    return pending.popleft()[0]
