"""Two kinds of work side by side: a thread makes the next piece while the caller is busy with the last one.

Python runs one thread at a time, but a thread that waits for PostgreSQL is not running: so the one prepares rows while
the other has them written.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Generic, TypeVar

from django.db import connection, connections

T = TypeVar("T")
# How often a thread that waits for room looks whether anybody still wants its pieces.
_LOOKS_UP_EVERY = 0.2


def ahead(pieces: Iterable[T]) -> Generator[T, None, None]:
    """Yield the pieces, one of them made in advance. What goes wrong in making them is raised here.

    Close it, or use it up: then nobody makes pieces any more.

    On SQLite they are made when they are asked for: there is nobody to wait for, and one connection less to lock it.
    So they are inside a transaction, of which the thread's own connection would see nothing.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield from pieces
        return
    maker = _Maker(pieces)
    maker.thread.start()
    try:
        yield from maker.pieces()
    finally:
        maker.is_unwanted.set()
        maker.thread.join()


class _Maker(Generic[T]):
    def __init__(self, pieces: Iterable[T]) -> None:
        self._source = pieces
        # (piece, None), or (None, error or None) at the end.
        self._made: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(maxsize=1)
        self.is_unwanted = threading.Event()
        self.thread = threading.Thread(target=self._make, name="import-ahead", daemon=True)

    def pieces(self) -> Iterator[T]:
        while True:
            piece, error = self._made.get()
            if error is not None:
                raise error
            if piece is None:
                return
            yield piece

    def _make(self) -> None:
        try:
            for piece in self._source:
                if not self._hand_over(piece, None):
                    return
            self._hand_over(None, None)
        except BaseException as error:  # noqa: BLE001 -- raised by `pieces`, where the caller is
            self._hand_over(None, error)
        finally:
            # It may have a thread of its own.
            if isinstance(self._source, Generator):
                self._source.close()
            # Connections belong to threads.
            connections.close_all()

    def _hand_over(self, piece: T | None, error: BaseException | None) -> bool:
        while not self.is_unwanted.is_set():
            try:
                self._made.put((piece, error), timeout=_LOOKS_UP_EVERY)
            except queue.Full:
                continue
            return True
        return False
