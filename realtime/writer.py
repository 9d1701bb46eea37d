"""Group commit: many writers, one transaction.

Items wait while a transaction commits and go together into the next one. There is no timer: a lone item starts a
batch at once, and a flood shares one lock, one insert and one fsync. When the database is away the items go to the
journal (`realtime.spool`) and are stored, in order, when it is back.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from realtime import publications
from realtime.errors import ClientError, Overloaded
from realtime.journal import LONGEST_BACK_OFF, Journal, back_off
from realtime.publications import Publication
from realtime.threads import OUTAGES, DatabaseThreads

logger = logging.getLogger(__name__)

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
T = TypeVar("T")

_TRIES_BEFORE_JOURNAL = 3
# Turns of the loop that the next batch lets pass: the fan-out takes one, then what arrived meanwhile is read, wakes its
# consumer, and is submitted. With fewer the writers of a busy room split into two halves that take turns, and every
# frame carries half as much.
_TURNS_AFTER_FAN_OUT = 4


@dataclass(slots=True)
class WriterStatistics:
    """Counters since the start, read by `/metrics`."""

    batches: int = 0
    items: int = 0
    largest: int = 0
    retries: int = 0
    journaled: int = 0
    replayed: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Waiting(Generic[ItemT, ResultT]):
    item: ItemT
    done: Callable[[ResultT | Exception], None]


@dataclass(slots=True)
class GroupWriter(Generic[ItemT, ResultT]):
    """Applies items in batches, in the order of submission.

    `apply(items)` runs in one transaction in a thread and returns, item by item, a result or a `ClientError` instance.
    When it raises anything but an outage, the items are applied one by one, so one bad item costs nobody else.
    """

    name: str
    apply: Callable[[list[ItemT]], Sequence[ResultT | ClientError]]
    journal: Journal[ItemT, ResultT] | None = None
    max_batch: int = 400
    max_waiting: int = 20_000
    # A database that hangs (paused, or cut off without a reset) raises nothing: past this the batch is journaled.
    stall_seconds: float = 3.0
    statistics: WriterStatistics = field(default_factory=WriterStatistics)
    is_database_away: bool = field(default=False, init=False)
    _waiting: deque[_Waiting[ItemT, ResultT]] = field(default_factory=deque, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _idle: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _threads: DatabaseThreads = field(init=False)
    _runner: asyncio.Task[None] | None = field(default=None, init=False)
    _replayer: asyncio.Task[None] | None = field(default=None, init=False)
    # A batch that the database has hung on: its thread is taken until the database answers.
    _stalled: asyncio.Future[Any] | None = field(default=None, init=False)

    async def start(self) -> None:
        self._threads = DatabaseThreads(self.name, 1)
        if self.journal is not None:
            await self.journal.open()
            if self.journal.pending:
                self._enter_outage()
        self._runner = asyncio.create_task(self._run(), name=f"writer {self.name}")

    async def drain(self, seconds: float = 5.0) -> None:
        """Write what waits. A database that hangs takes `stall_seconds`, then the journal has it."""
        try:
            await asyncio.wait_for(self._drained(), seconds)
        except TimeoutError:
            logger.error("writer %s: %d items were not written in time", self.name, len(self._waiting))

    async def stop(self) -> None:
        """Write what waits, then stop. What is journaled stays on the disk for the next start."""
        if self._runner is None:
            return
        await self.drain()
        for task in (self._runner, self._replayer):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(t for t in (self._runner, self._replayer) if t), return_exceptions=True)
        self._runner = self._replayer = None
        # Nobody writes these any more: whoever waits for their answer must not wait for ever.
        left = list(self._waiting)
        self._waiting.clear()
        _settle(left, [Overloaded() for _ in left])
        await self._threads.close()
        if self.journal is not None:
            await self.journal.close()

    def submit(self, item: ItemT, done: Callable[[ResultT | Exception], None]) -> None:
        """Queue `item`; `done` is called in the loop with its result or its error, after the commit.

        Raises `Overloaded` when too much waits: an honest refusal beats an answer that comes too late.
        """
        if len(self._waiting) >= self.max_waiting:
            raise Overloaded
        self._waiting.append(_Waiting(item, done))
        self._idle.clear()
        self._wake.set()

    async def write(self, item: ItemT) -> ResultT:
        """Queue `item` and wait for its result."""
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()

        def settle(result: ResultT | Exception) -> None:
            if future.done():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.submit(item, settle)
        return await future

    @property
    def pending(self) -> int:
        """Items in the journal that wait for the database."""
        return self.journal.pending if self.journal is not None else 0

    async def _drained(self) -> None:
        if self._waiting or not self._idle.is_set():
            await self._idle.wait()

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.max_batch))]
            if not self.is_database_away or not await self._keep(batch):
                await self._store(batch)

    async def _store(self, batch: list[_Waiting[ItemT, ResultT]]) -> None:
        items = [waiting.item for waiting in batch]
        for attempt in range(1, _TRIES_BEFORE_JOURNAL + 1):
            began = time.perf_counter()
            try:
                results, published = await self._in_time(lambda: _hold_publications(self.apply, items))
            except OUTAGES as error:
                self.statistics.retries += 1
                logger.warning("writer %s: try %d failed: %s", self.name, attempt, error)
                if attempt < _TRIES_BEFORE_JOURNAL:
                    await asyncio.sleep(back_off(attempt))
            except TimeoutError:
                logger.warning("writer %s: the database has not answered for %.1f s", self.name, self.stall_seconds)
                # No second try: the thread is still taken by the first.
                break
            except Exception as error:  # noqa: BLE001  reported where the one item is found
                await self._store_one_by_one(batch, error)
                return
            else:
                self._count(len(items), time.perf_counter() - began)
                await self._finish(batch, results, published)
                return
        self._enter_outage()
        await self._keep(batch)

    async def _store_one_by_one(self, batch: list[_Waiting[ItemT, ResultT]], error: Exception) -> None:
        """Find the one bad item among good ones: it alone is answered `internal`."""
        if len(batch) > 1:
            for waiting in batch:
                # Once the database is away, what follows must not overtake what the journal has.
                if not self.is_database_away or not await self._keep([waiting]):
                    await self._store([waiting])
            return
        logger.error("writer %s: an item failed", self.name, exc_info=error)
        _settle(batch, [ClientError("internal", "Something went wrong on our side.")])

    async def _finish(
        self,
        batch: list[_Waiting[ItemT, ResultT]],
        results: Sequence[ResultT | ClientError],
        published: list[Publication],
    ) -> None:
        _settle(batch, results)
        if self.journal is not None:
            self.journal.remember([waiting.item for waiting in batch], results)
        for publication in published:
            try:
                publication()
            except Exception:  # the comparison of heads makes up for it; everybody's writer must go on
                logger.exception("writer %s: a publication failed", self.name)
        if published:
            for _ in range(_TURNS_AFTER_FAN_OUT):
                await asyncio.sleep(0)

    async def _in_time(self, function: Callable[[], T]) -> T:
        future = self._threads.submit(function)
        finished, _ = await asyncio.wait({future}, timeout=self.stall_seconds)
        if finished:
            return future.result()
        self._stalled = future
        raise TimeoutError

    def _count(self, size: int, seconds: float) -> None:
        statistics = self.statistics
        statistics.batches += 1
        statistics.items += size
        statistics.largest = max(statistics.largest, size)
        statistics.seconds += seconds

    def _enter_outage(self) -> None:
        self.is_database_away = True
        if self._replayer is None:
            self._replayer = asyncio.create_task(self._bring_back(), name=f"replay {self.name}")

    async def _keep(self, batch: list[_Waiting[ItemT, ResultT]]) -> bool:
        """Answer the batch from the journal; return False when the database came back in the meantime."""
        if self.journal is None:
            _settle(batch, [Overloaded() for _ in batch])
            return True
        async with self.journal.lock:
            if not self.is_database_away:
                return False
            try:
                results = await self.journal.keep([waiting.item for waiting in batch])
            except Exception:
                logger.exception("writer %s: the journal could not be written", self.name)
                results = [ClientError("internal", "Something went wrong on our side.") for _ in batch]
        self.statistics.journaled += len(batch)
        _settle(batch, results)
        return True

    async def _bring_back(self) -> None:
        """Store the journal as soon as the database answers, then let new items go straight to it again."""
        attempt = 0
        while self.is_database_away:
            attempt += 1
            try:
                await self._release_stalled()
                if self.journal is None:
                    await self._in_time(lambda: self.apply([]))
                    self.is_database_away = False
                else:
                    await self._replay(self.journal)
            except (*OUTAGES, TimeoutError):
                await asyncio.sleep(back_off(attempt))
            except Exception:
                # The records stay on the disk. Leaving this state would let later items overtake them.
                logger.exception("writer %s: the journal could not be stored, trying again", self.name)
                await asyncio.sleep(LONGEST_BACK_OFF)
        self._replayer = None

    async def _release_stalled(self) -> None:
        if self._stalled is not None:
            await asyncio.wait({self._stalled})
            # Its batch is in the journal, and storing it twice is harmless: the outcome no longer matters.
            self._stalled.exception()
            self._stalled = None

    async def _replay(self, journal: Journal[ItemT, ResultT]) -> None:
        stored = place = 0
        while True:
            records, behind = await journal.read(place, self.max_batch)
            if len(records) < self.max_batch:
                break
            await self._in_time(functools.partial(journal.replay, records))
            stored, place = stored + len(records), behind
        # The last stretch under the lock: nothing new slips in between the end of the journal and the switch.
        async with journal.lock:
            records, _ = await journal.read(place)
            await self._in_time(functools.partial(journal.replay, records))
            await journal.clear()
            self.is_database_away = False
        self.statistics.replayed += stored + len(records)


def _hold_publications(
    apply: Callable[[list[ItemT]], Sequence[ResultT]], items: list[ItemT]
) -> tuple[Sequence[ResultT], list[Publication]]:
    with publications.held() as published:
        return apply(items), published


def _settle(batch: Sequence[_Waiting[ItemT, ResultT]], results: Sequence[ResultT | Exception]) -> None:
    for waiting, result in zip(batch, results, strict=True):
        try:
            waiting.done(result)
        except Exception:  # a bug in one caller must not stop everybody's writer
            logger.exception("a callback failed")
