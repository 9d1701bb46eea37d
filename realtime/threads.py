"""Threads that talk to the database for the event loop.

Each thread keeps its own connection, because opening one for every read would cost more than the read. A
connection that broke is closed at once, so the next call opens a fresh one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# What Django raises when the database is away, restarting, or out of connections, as opposed to a wrong statement.
OUTAGES = (OperationalError, InterfaceError)

# A database that hangs (paused, or cut off without a reset) raises nothing. Past this the caller is told; one who came
# second waits for the first and then for themselves.
PATIENCE_SECONDS = 3.0


class DatabaseHangs(OperationalError):
    """The database has not answered in time. What it was asked may still happen."""


class DatabaseThreads:
    """A small pool. `statements` counts every statement its threads ran.

    `patience` is how many seconds `run` waits for an answer; None is for work that may take its time.
    """

    def __init__(self, name: str, size: int, *, patience: float | None = PATIENCE_SECONDS) -> None:
        self._name = name
        self._patience = patience
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=f"{name}-db")
        self._local = threading.local()
        self._connections: list[BaseDatabaseWrapper] = []
        self._counter = itertools.count(1)
        self.statements = 0

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in a thread of the pool and return what it returns. Raises `DatabaseHangs`."""
        future = self.submit(lambda: function(*args, **kwargs))
        try:
            finished, _ = await asyncio.wait({future}, timeout=self._patience)
        finally:
            # This takes back what has not begun; a thread that hangs comes free when the database answers.
            future.cancel()
        if not finished:
            raise DatabaseHangs(f"{self._name}: no answer for {self._patience:g} s")
        return future.result()

    def submit(self, function: Callable[[], R]) -> asyncio.Future[R]:
        """The same without the patience, as a future that the caller may stop waiting for."""
        return asyncio.get_running_loop().run_in_executor(self._pool, lambda: self._call(function))

    async def close(self, seconds: float = 2.0) -> None:
        """Wait for the running calls and close the connections. A call that hangs on the database is left behind."""
        closing = asyncio.ensure_future(asyncio.to_thread(self._close))
        finished, _ = await asyncio.wait({closing}, timeout=seconds)
        if finished:
            closing.result()
        else:
            logger.warning("%s: a call still waits for the database and is left behind", self._name)

    def _close(self) -> None:
        self._pool.shutdown(wait=True)
        for held in self._connections:
            held.close()

    def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self._adopt_connection()
        try:
            return function(*args, **kwargs)
        except OUTAGES:
            connection.close()
            raise

    def _adopt_connection(self) -> None:
        if getattr(self._local, "is_adopted", False):
            return
        self._local.is_adopted = True
        held = connections[DEFAULT_DB_ALIAS]
        # close() runs in another thread than the one that opened the connection.
        held.inc_thread_sharing()
        held.execute_wrappers.append(self._count)
        self._connections.append(held)

    def _count(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        # itertools.count is atomic under the GIL, `+= 1` from several threads is not.
        self.statements = next(self._counter)
        return execute(sql, params, many, context)
