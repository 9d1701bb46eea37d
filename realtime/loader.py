"""Many coroutines that each need one row, one query.

When a festival's network comes back, two thousand sockets ask for their session and their membership within
seconds. Each asks for itself; the loader answers them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from realtime.threads import OUTAGES, DatabaseThreads

K = TypeVar("K")
V = TypeVar("V")

# A batch this small is ordinary traffic and is followed at once by the next.
_CROWD = 4


class BatchLoader(Generic[K, V]):
    """`fetch(keys)` returns the rows that exist. A lone key is fetched at once; while a fetch runs, keys gather.

    After a batch that shows a crowd the next one waits until `pause` seconds have passed since that one began,
    which bounds the reads a second however many ask.
    """

    def __init__(
        self, threads: DatabaseThreads, fetch: Callable[[list[K]], Mapping[K, V]], *, pause: float = 0.75
    ) -> None:
        self._threads = threads
        self._fetch = fetch
        self._pause = pause
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._runner: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Return the row of `key`, or None where there is none; raise what `fetch` raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._runner is None:
                self._runner = asyncio.create_task(self._run())
        # Shielded: one caller that goes away must not cancel the row for the others that share it.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = loop.time()
                batch, self._waiting = self._waiting, {}
                await self._answer(batch)
                if len(batch) > _CROWD:
                    await asyncio.sleep(self._pause - (loop.time() - began))
        finally:
            self._runner = None

    async def _answer(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            rows = await self._threads.run(self._fetch, list(batch))
        except OUTAGES as error:
            _fail(batch, error)
            return
        except Exception as error:  # noqa: BLE001  handed to the caller whose key it was
            if len(batch) == 1:
                _fail(batch, error)
                return
            # One key that the database does not take must not cost the others their answer.
            for key, future in batch.items():
                await self._answer({key: future})
            return
        for key, future in batch.items():
            if not future.done():
                future.set_result(rows.get(key))


def _fail(batch: Mapping[K, asyncio.Future[V | None]], error: Exception) -> None:
    """Hand the error to every caller, who knows what it means to them."""
    for future in batch.values():
        if not future.done():
            future.set_exception(error)
            # A caller that went away leaves nobody to fetch the exception: that is no news for the log.
            future.exception()
