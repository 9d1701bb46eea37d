"""Group commit: order, batches, retries, the journal while the database is away, and what is said under load."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from realtime import publications
from realtime.errors import ClientError, Overloaded
from realtime.journal import Journal, back_off
from realtime.spool import Spool
from realtime.writer import GroupWriter
from tests.rig import until


class Table:
    """A database that can be taken away. `apply` and `replay` store what they are given once."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.batches: list[list[str]] = []
        self.outage: type[Exception] | None = None
        self.fails_left = 0
        self.bad: dict[str, Exception] = {}
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def apply(self, items: list[str]) -> list[str | ClientError]:
        self.may_go_on.wait(10)
        if self.outage is not None or self.fails_left:
            self.fails_left = max(0, self.fails_left - 1)
            raise self.outage("away") if self.outage else OperationalError("away")
        for item in items:
            if item in self.bad:
                raise self.bad[item]
        self.batches.append(items)
        return [self._store(item) for item in items]

    def replay(self, lines: list[bytes]) -> None:
        self.apply([line.decode() for line in lines])

    def _store(self, item: str) -> str | ClientError:
        if item.startswith("refused"):
            return ClientError("muted", "No.")
        if item not in self.rows:
            self.rows.append(item)
        return f"{item} is row {self.rows.index(item)}"


@pytest.fixture
def table():
    return Table()


@pytest.fixture
async def writers(monkeypatch):
    """Return a function that starts a writer; all of them stop at the end."""
    monkeypatch.setattr("realtime.journal.FIRST_BACK_OFF", 0.001)
    monkeypatch.setattr("realtime.journal.LONGEST_BACK_OFF", 0.02)
    monkeypatch.setattr("realtime.writer.LONGEST_BACK_OFF", 0.02)
    started = []

    async def start(table, journal=None, **options):
        writer = GroupWriter("test", table.apply, journal, **options)
        await writer.start()
        started.append(writer)
        return writer

    yield start
    for writer in started:
        await writer.stop()


@pytest.fixture
def journal_of(tmp_path, table):
    def make(max_bytes=10_000, dump=str.encode):
        spool = Spool(tmp_path, "node", max_bytes)
        return Journal(spool, dump=dump, replay=table.replay, answer=lambda item: f"{item} is journaled")

    return make


async def write_all(writer, items):
    """Submit all items at once and return their results or errors, in order."""
    return await asyncio.gather(*(writer.write(item) for item in items), return_exceptions=True)


async def test_lone_item_is_written_at_once(table, writers):
    writer = await writers(table)
    assert await writer.write("a") == "a is row 0"
    assert table.batches == [["a"]]


async def test_items_gather_while_a_batch_commits(table, writers):
    writer = await writers(table)
    table.may_go_on.clear()
    first = asyncio.create_task(writer.write("first"))
    await asyncio.sleep(0.02)
    rest = asyncio.create_task(write_all(writer, [str(n) for n in range(50)]))
    await asyncio.sleep(0.02)
    table.may_go_on.set()
    await asyncio.gather(first, rest)
    assert table.batches == [["first"], [str(n) for n in range(50)]]
    assert (writer.statistics.batches, writer.statistics.items, writer.statistics.largest) == (2, 51, 50)


async def test_batch_is_bounded_and_order_is_kept(table, writers):
    writer = await writers(table, max_batch=7)
    items = [str(n) for n in range(40)]
    await write_all(writer, items)
    assert table.rows == items
    assert max(len(batch) for batch in table.batches) <= 7


async def test_refusal_of_one_item_is_its_own(table, writers):
    writer = await writers(table)
    first, refused, last = await write_all(writer, ["a", "refused", "b"])
    assert (first, refused.code, last) == ("a is row 0", "muted", "b is row 1")


async def test_bad_item_costs_nobody_else(table, writers):
    writer = await writers(table)
    table.bad = {"bad": IntegrityError("a bug")}
    results = await write_all(writer, ["a", "bad", "b"])
    assert (results[0], results[1].code, results[2]) == ("a is row 0", "internal", "b is row 1")
    assert "a bug" not in results[1].message
    assert await writer.write("c") == "c is row 2"


async def test_callback_that_fails_does_not_stop_the_writer(table, writers):
    writer = await writers(table)

    def broken(result):
        raise RuntimeError("a bug in a caller")

    writer.submit("a", broken)
    assert await writer.write("b") == "b is row 1"


async def test_publication_that_fails_does_not_stop_the_writer(table, writers):
    writer = await writers(table)
    plain, table_apply = [], table.apply

    def apply(items):
        publications.hold(partial(plain.__getitem__, 0))
        publications.hold(partial(plain.append, items))
        return table_apply(items)

    writer.apply = apply
    assert await writer.write("a") == "a is row 0"
    assert await writer.write("b") == "b is row 1"
    await until(lambda: plain == [["a"], ["b"]])


async def test_caller_that_went_away_is_no_error(table, writers):
    writer = await writers(table)
    table.may_go_on.clear()
    impatient = asyncio.create_task(writer.write("a"))
    await asyncio.sleep(0.01)
    impatient.cancel()
    table.may_go_on.set()
    assert await writer.write("b") == "b is row 1"


async def test_overload_is_refused_at_once(table, writers):
    writer = await writers(table, max_waiting=3)
    table.may_go_on.clear()
    waiting = [asyncio.create_task(writer.write("first"))]
    await asyncio.sleep(0.02)
    waiting += [asyncio.create_task(writer.write(str(n))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refusal:
        await writer.write("too much")
    assert (refusal.value.code, refusal.value.retry_after_ms > 0) == ("overloaded", True)
    table.may_go_on.set()
    await asyncio.gather(*waiting)
    assert "too much" not in table.rows


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
async def test_outage_of_a_moment_is_retried(table, writers, error):
    writer = await writers(table)
    table.fails_left = 2
    assert await writer.write("a") == "a is row 0"
    assert (writer.statistics.retries, writer.is_database_away) == (2, False)


async def test_outage_without_a_journal_is_overloaded_until_the_database_is_back(table, writers):
    writer = await writers(table)
    table.outage = OperationalError
    with pytest.raises(Overloaded):
        await writer.write("a")
    assert writer.is_database_away
    table.outage = None
    await until(lambda: not writer.is_database_away)
    assert await writer.write("b") == "b is row 0"
    assert table.rows == ["b"]


async def test_outage_is_answered_from_the_journal_and_replayed_in_order(table, writers, journal_of):
    writer = await writers(table, journal_of())
    table.outage = OperationalError
    items = [str(n) for n in range(30)]
    for item in items:
        assert await writer.write(item) == f"{item} is journaled"
    assert (writer.pending, writer.statistics.journaled, table.rows) == (30, 30, [])
    table.outage = None
    await until(lambda: not writer.is_database_away)
    assert await writer.write("after") == "after is row 30"
    assert table.rows == [*items, "after"]
    assert (writer.pending, writer.statistics.replayed) == (0, 30)


async def test_replay_of_a_long_journal_goes_in_batches_and_nothing_overtakes(table, writers, journal_of):
    writer = await writers(table, journal_of(), max_batch=10)
    table.outage = OperationalError
    items = [str(n) for n in range(95)]
    await write_all(writer, items)
    table.outage = None
    late = []
    while writer.is_database_away:
        late.append(f"late {len(late)}")
        await writer.write(late[-1])
    assert table.rows == items + late
    assert max(len(batch) for batch in table.batches) <= 12


async def test_outage_during_the_replay_loses_nothing(table, writers, journal_of):
    writer = await writers(table, journal_of(), max_batch=5)
    table.outage = OperationalError
    items = [str(n) for n in range(20)]
    await write_all(writer, items)
    table.fails_left, table.outage = 3, None
    await until(lambda: not writer.is_database_away)
    assert table.rows == items


async def test_journal_that_is_full_is_overloaded_and_keeps_what_it_has(table, writers, journal_of):
    writer = await writers(table, journal_of(max_bytes=60))
    table.outage = OperationalError
    assert await writer.write("kept") == "kept is journaled"
    with pytest.raises(Overloaded):
        await writer.write("x" * 100)
    assert writer.journal.is_full
    assert await writer.write("small") == "small is journaled"
    assert not writer.journal.is_full
    table.outage = None
    await until(lambda: not writer.is_database_away)
    assert table.rows == ["kept", "small"]


async def test_journal_that_fails_is_answered_internal_and_the_writer_goes_on(table, writers, journal_of):
    def dump(item):
        if item == "bad":
            raise TypeError("a bug")
        return item.encode()

    writer = await writers(table, journal_of(dump=dump))
    table.outage = OperationalError
    with pytest.raises(ClientError) as refusal:
        await asyncio.wait_for(writer.write("bad"), 2)
    assert refusal.value.code == "internal"
    assert await asyncio.wait_for(writer.write("good"), 2) == "good is journaled"


async def test_replay_that_fails_is_tried_again_and_nothing_overtakes(table, writers, journal_of):
    writer = await writers(table, journal_of())
    table.outage = OperationalError
    await write_all(writer, ["a", "b"])
    table.bad, table.outage = {"a": IntegrityError("a bug")}, None
    assert await writer.write("c") == "c is journaled"
    await asyncio.sleep(0.05)
    assert (writer.is_database_away, writer.pending, table.rows) == (True, 3, [])
    table.bad = {}
    await until(lambda: not writer.is_database_away)
    assert table.rows == ["a", "b", "c"]


async def test_journal_of_an_earlier_start_is_stored_first(table, writers, journal_of, tmp_path):
    before = Spool(tmp_path, "node", 10_000)
    before.open()
    before.append([b"from before"])
    before.close()
    writer = await writers(table, journal_of())
    await writer.write("new")
    await until(lambda: not writer.is_database_away)
    assert table.rows == ["from before", "new"]


async def test_items_after_an_outage_in_a_broken_batch_do_not_overtake(table, writers, journal_of):
    """The batch falls apart because of one bad item, and the database goes away in the middle of it."""
    writer = await writers(table, journal_of())
    table.bad = {"bad": IntegrityError("a bug")}
    stored = table.apply

    def apply(items):
        if items == ["b"]:
            table.fails_left = 3
        return stored(items)

    writer.apply = apply
    results = await write_all(writer, ["bad", "a", "b", "c"])
    assert [str(result) for result in results[1:]] == ["a is row 0", "b is journaled", "c is journaled"]
    await until(lambda: not writer.is_database_away)
    assert table.rows == ["a", "b", "c"]


async def test_stall_is_journaled_in_time_and_stored_once(table, writers, journal_of):
    writer = await writers(table, journal_of(), stall_seconds=0.1)
    table.may_go_on.clear()
    began = time.monotonic()
    assert await writer.write("a") == "a is journaled"
    assert await writer.write("b") == "b is journaled"
    assert time.monotonic() - began < 2
    assert writer.is_database_away
    table.may_go_on.set()
    await until(lambda: not writer.is_database_away)
    assert await writer.write("c") == "c is row 2"
    assert table.rows == ["a", "b", "c"]


async def test_stop_writes_what_waits(table, writers):
    writer = await writers(table)
    table.may_go_on.clear()
    waiting = [asyncio.create_task(writer.write(str(n))) for n in range(20)]
    await asyncio.sleep(0.01)
    stopping = asyncio.create_task(writer.stop())
    await asyncio.sleep(0.01)
    table.may_go_on.set()
    await stopping
    assert [await task for task in waiting] == [f"{n} is row {n}" for n in range(20)]
    await writer.stop()


async def test_stop_answers_what_was_not_written(table, writers, monkeypatch):
    writer = await writers(table, max_batch=1)
    monkeypatch.setattr(GroupWriter, "drain", lambda writer: asyncio.sleep(0.01))
    table.may_go_on.clear()
    waiting = [asyncio.create_task(writer.write(str(n))) for n in range(3)]
    await asyncio.sleep(0.01)
    stopping = asyncio.create_task(writer.stop())
    results = await asyncio.wait_for(asyncio.gather(*waiting[1:], return_exceptions=True), 2)
    assert [type(result) for result in results] == [Overloaded, Overloaded]
    waiting[0].cancel()
    table.may_go_on.set()
    await stopping
    assert table.rows == ["0"]


async def test_stop_leaves_the_journal_for_the_next_start(table, writers, journal_of, tmp_path):
    writer = await writers(table, journal_of())
    table.outage = OperationalError
    await writer.write("kept")
    await writer.stop()
    assert b"kept" in (tmp_path / "node.journal").read_bytes()


def test_back_off_doubles_with_jitter_and_is_bounded():
    for attempt, longest in [(1, 0.1), (2, 0.2), (3, 0.4), (10, 2.0), (60, 2.0)]:
        tries = [back_off(attempt) for _ in range(50)]
        assert all(longest / 2 <= seconds <= longest for seconds in tries)
        assert len(set(tries)) > 10
