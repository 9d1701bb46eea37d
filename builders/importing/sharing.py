"""One kind of work on many pieces, shared between a thread of this process and a process beside it.

Python runs one thread at a time, and to understand a row and compare it takes as long as all else that an import does.
So a long one has a second process, which does the same to other pieces; and while the caller has the database write,
the thread goes on. The results come in the order of the pieces, whoever was quicker.
"""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, Self, TypeVar

from django.db import connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from builders.importing.beside import Beside, Gone

logger = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")
# Pieces from which on threads are worth it, and seconds of work that are left, from which on another process is, which
# takes one to start.
SEVERAL, LONG = 4, 4.0
# Results that the caller has not taken yet when another piece is begun: two are being made, two wait.
_AHEAD = 4
# An import has five connections at the most: the caller's, two that read and two that write. Others need some, too.
_LEAST_POOL = 8


class Crew:
    """Who works on an import. Close it, or use it in a `with` statement: then nobody works any more."""

    def __init__(self) -> None:
        self._beside: Beside | None = None
        self._is_beside_gone = False

    def results(self, work: Callable[[P], R], pieces: Iterable[P], expected: float) -> Generator[R, None, None]:
        """Yield what `work` makes of each piece, of which some `expected` ones are to come. Close it, or use it up.

        `work` must ask nobody to be the first or the last: it is called for several pieces at once. Both it and the
        pieces are pickled. What goes wrong in making a result is raised in its place.
        """
        if expected < SEVERAL or not may_share():
            yield from map(work, pieces)
            return
        pace, shift = _Pace(work, expected), _Shift[P, R](iter(pieces))
        shift.begin(pace.work)
        shift.begin(self._helped(pace, _pickled(work)))
        try:
            yield from shift.results()
        finally:
            shift.end()

    def _helped(self, pace: _Pace[P, R], pickled: bytes | None) -> Callable[[P], R]:
        """Return what has the process beside do the work, and does it here while there is none."""
        hired: list[Beside] = []

        def do(piece: P) -> R:
            try:
                if not hired and pickled is not None and self._has_help(pace) and self._beside is not None:
                    self._beside.begin(pickled)
                    hired.append(self._beside)
                result: R = hired[0].do(piece) if hired and not self._is_beside_gone else pace.work(piece)
            except Gone as gone:
                logger.warning("import: %s; this process goes on alone", gone)
                self._is_beside_gone = True
                return pace.work(piece)
            return result

        return do

    def _has_help(self, pace: _Pace[P, R]) -> bool:
        """Tell whether the process beside is up. It is started where that is worth it."""
        if self._is_beside_gone:
            return False
        if self._beside is None and pace.seconds_left >= LONG:
            self._beside = Beside()
        return self._beside is not None and self._beside.is_up()

    def close(self) -> None:
        if self._beside is not None:
            self._beside.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Pace(Generic[P, R]):
    """Does work in this process, and knows by what that takes how long the rest will take."""

    def __init__(self, work: Callable[[P], R], expected: float) -> None:
        self._work, self._left, self._last = work, expected, 0.0

    def work(self, piece: P) -> R:
        began = time.monotonic()
        result = self._work(piece)
        self._left, self._last = self._left - 1, time.monotonic() - began
        return result

    @property
    def seconds_left(self) -> float:
        return self._left * self._last


def may_share() -> bool:
    """Tell whether there is a second core, and room for connections that see what that of this thread sees."""
    is_private = isinstance(connection, SQLite) and connection.is_in_memory_db()
    pool = connection.settings_dict["OPTIONS"].get("pool") or {}
    has_room = pool.get("max_size", _LEAST_POOL) >= _LEAST_POOL
    return _cores() > 1 and has_room and not is_private and not connection.in_atomic_block


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pickled(work: Callable[..., Any]) -> bytes | None:
    try:
        return pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError):
        logger.info("import: the work on this file cannot be shared with another process")
        return None


class _Shift(Generic[P, R]):
    """Several threads, each of which takes the next piece when it is through with its last one."""

    def __init__(self, pieces: Iterator[P]) -> None:
        self._pieces = pieces
        self._taking = threading.Lock()
        # Everything below changes under this one.
        self._changed = threading.Condition()
        self._taken = self._given = 0
        self._is_used_up = self._is_over = False
        self._made: dict[int, tuple[R | None, BaseException | None]] = {}
        self._threads: list[threading.Thread] = []

    def begin(self, do: Callable[[P], R]) -> None:
        thread = threading.Thread(target=self._work, args=[do], name="import-crew", daemon=True)
        self._threads.append(thread)
        thread.start()

    def results(self) -> Iterator[R]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._given in self._made or self._is_through())
                if self._given not in self._made:
                    return
                result, error = self._made.pop(self._given)
                self._given += 1
                self._changed.notify_all()
            if error is not None:
                raise error
            yield result  # type: ignore[misc]

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _is_through(self) -> bool:
        return self._is_used_up and self._given == self._taken

    def _work(self, do: Callable[[P], R]) -> None:
        try:
            while (taken := self._take()) is not None:
                number, piece = taken
                try:
                    self._put(number, do(piece), None)
                except BaseException as error:  # noqa: BLE001 -- raised by `results`, where the caller is
                    self._put(number, None, error)
        finally:
            # Connections belong to threads.
            connections.close_all()

    def _take(self) -> tuple[int, P] | None:
        """Return the next piece with its number, as soon as one more may be begun; None when there is none."""
        with self._taking:
            with self._changed:
                self._changed.wait_for(lambda: self._is_over or self._taken < self._given + _AHEAD)
                if self._is_over or self._is_used_up:
                    return None
            try:
                piece = next(self._pieces, _NOTHING)
            except BaseException as error:  # noqa: BLE001 -- raised by `results`, where the caller is
                piece = _NOTHING
                self._put(self._taken, None, error)
            with self._changed:
                self._is_used_up = piece is _NOTHING
                self._taken += not self._is_used_up
                self._changed.notify_all()
                return None if self._is_used_up else (self._taken - 1, piece)

    def _put(self, number: int, result: R | None, error: BaseException | None) -> None:
        with self._changed:
            self._made[number] = (result, error)
            self._changed.notify_all()


_NOTHING: Any = object()
