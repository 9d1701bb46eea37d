"""Many callers, few reads."""

from __future__ import annotations

import asyncio
import time

import pytest
from django.db import DataError, OperationalError

from realtime.loader import BatchLoader
from realtime.threads import DatabaseThreads


class Reads:
    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.outage = False

    def fetch(self, keys: list[int]) -> dict[int, str]:
        self.batches.append(keys)
        time.sleep(0.01)
        if self.outage:
            raise OperationalError("away")
        if -1 in keys:
            raise DataError("no such number")
        return {key: f"row {key}" for key in keys if key < 1000}


@pytest.fixture
def reads():
    return Reads()


@pytest.fixture
async def loader(reads):
    threads = DatabaseThreads("test", 1)
    yield BatchLoader(threads, reads.fetch, pause=0.1)
    await threads.close()


async def test_lone_key_is_fetched_at_once(loader, reads):
    assert await loader.get(1) == "row 1"
    assert await loader.get(2000) is None
    assert reads.batches == [[1], [2000]]


async def test_crowd_shares_reads_and_each_gets_its_own(loader, reads):
    rows = await asyncio.gather(*(loader.get(n % 500) for n in range(2000)))
    assert rows == [f"row {n % 500}" for n in range(2000)]
    assert len(reads.batches) <= 2


async def test_crowd_that_keeps_coming_is_read_so_often_a_second(loader, reads):
    async def come(n: int) -> None:
        await asyncio.sleep(n * 0.001)
        assert await loader.get(n) == f"row {n}"

    await asyncio.gather(*(come(n) for n in range(300)))
    # 0.3 s of arrivals at one batch each 0.1 s, and the first and last beside.
    assert len(reads.batches) <= 6


async def test_same_key_later_is_read_anew(loader, reads):
    await loader.get(1)
    await loader.get(1)
    assert len(reads.batches) == 2


async def test_caller_that_goes_away_does_not_take_the_row_from_others(loader):
    first = asyncio.create_task(loader.get(1))
    second = asyncio.create_task(loader.get(1))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "row 1"


async def test_outage_reaches_every_caller_and_the_next_read_works(loader, reads):
    reads.outage = True
    results = await asyncio.gather(*(loader.get(n) for n in range(10)), return_exceptions=True)
    assert {type(result) for result in results} == {OperationalError}
    assert len(reads.batches) <= 2
    reads.outage = False
    assert await loader.get(3) == "row 3"


async def test_bad_key_costs_nobody_else(loader):
    results = await asyncio.gather(*(loader.get(n) for n in (1, -1, 2)), return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == ("row 1", DataError, "row 2")
