"""What a writer does with its items while the database is away.

The journal gives the spool (`realtime.spool`, bytes on a disk) the meaning of items: how one becomes bytes, how
bytes are stored later, and what a sender is answered in the meantime.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from realtime.errors import ClientError, Overloaded
from realtime.repeats import Repeats
from realtime.spool import Spool, SpoolFull

logger = logging.getLogger(__name__)

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
T = TypeVar("T")

FIRST_BACK_OFF = 0.05
LONGEST_BACK_OFF = 2.0


class Journal(Generic[ItemT, ResultT]):
    """Keeps items on the disk, in order.

    `dump(item)` gives one line of bytes; `replay(lines)` stores them and must be idempotent, because after a crash the
    same lines come again; `answer(item)` is what the sender gets once the line is safe, or a `ClientError`.
    `load(line)` is the item of a line; with `repeats`, an item that came before is answered and not kept again.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        dump: Callable[[ItemT], bytes],
        replay: Callable[[Sequence[bytes]], object],
        answer: Callable[[ItemT], ResultT],
        load: Callable[[bytes], ItemT] | None = None,
        repeats: Repeats[ItemT, ResultT] | None = None,
    ) -> None:
        self.replay = replay
        # Held while items are kept, and while the end of the journal is stored.
        self.lock = asyncio.Lock()
        # Whether the last items found no room: then senders are refused, and visitors had better go elsewhere.
        self.is_full = False
        self._spool = spool
        self._dump = dump
        self._answer = answer
        self._load = load
        self._repeats = repeats
        # One thread: an fsync must not block the loop, and the spool is not thread-safe.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    @property
    def pending(self) -> int:
        return self._spool.pending

    async def open(self) -> None:
        await self._run(self._spool.open)
        if self.pending:
            await self._run(self._remember_kept)

    async def close(self) -> None:
        await self._run(self._spool.close)
        self._disk.shutdown()

    async def keep(self, items: list[ItemT]) -> Sequence[ResultT | ClientError]:
        """Write the items and return their answers; `Overloaded` for each new one when the journal is full."""
        repeats = self._repeats
        if repeats is None:
            return await self._append(items)
        new = repeats.new_among(items)
        answers = dict(zip(new, await self._append(list(new.values())), strict=True))
        for place, answer in answers.items():
            if not isinstance(answer, ClientError):
                repeats.remember(items[place], answer)
        # Whoever came twice in one batch, and whose first was not kept, is not known either.
        return [answers.get(place) or repeats.answer(item) or Overloaded() for place, item in enumerate(items)]

    def remember(self, items: Sequence[ItemT], results: Sequence[ResultT | ClientError]) -> None:
        """Take note of what the database has stored, for a repeat that finds it away."""
        if self._repeats is None:
            return
        for item, result in zip(items, results, strict=True):
            if not isinstance(result, ClientError):
                self._repeats.remember(item, result)

    async def _append(self, items: list[ItemT]) -> list[ResultT | ClientError]:
        if not items:
            return []
        try:
            await self._run(lambda: self._spool.append([self._dump(item) for item in items]))
        except SpoolFull as error:
            self.is_full = True
            logger.error("the journal takes no more: %s", error)
            return [Overloaded() for _ in items]
        self.is_full = False
        return [self._answer(item) for item in items]

    def _remember_kept(self) -> None:
        """Know what an earlier start has kept; a line that is no item is the replay's concern."""
        if self._repeats is None or self._load is None:
            return
        for line in self._spool.read():
            try:
                item = self._load(line)
            except ValueError:
                continue
            self._repeats.remember(item, self._answer(item))

    async def read(self, place: int, most: int | None = None) -> tuple[list[bytes], int]:
        """Return the records from a place on, 0 for the first, and the place behind them."""
        return await self._run(lambda: self._spool.read_from(place, most))

    async def clear(self) -> None:
        await self._run(self._spool.clear)
        self.is_full = False

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, function)


def back_off(attempt: int) -> float:
    """Return the seconds to wait after failure number `attempt`, from 1: doubling, bounded, and jittered.

    The jitter matters: processes that lost the database together must not come back together.
    """
    longest = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2**attempt)
    return random.uniform(longest / 2, longest)  # noqa: S311  no secret depends on it
