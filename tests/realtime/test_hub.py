"""Fan-out: in order, exactly once, from a source that is always right and messengers that are not."""

from __future__ import annotations

import asyncio
import json
import random
import time

import pytest
from django.db import OperationalError

from realtime.connection import Connection
from realtime.errors import NotFound
from realtime.hub import Changes, Head, Hub
from realtime.threads import DatabaseThreads
from realtime.wire import Event, encode, signal
from tests.rig import until


class Source:
    """A database of topics that counts how often it is asked."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Event]] = {}
        self.epochs: dict[str, str] = {}
        self.asked_heads = 0
        self.asked_changes = 0
        self.outage = False

    def write(self, topic: str, text: str = "", **fields) -> Event:
        rows = self.rows.setdefault(topic, [])
        self.epochs.setdefault(topic, "first")
        number = len(rows) + 1
        rows.append(Event(number, encode({"seq": number, "text": text}), f"m{number}", **fields))
        return rows[-1]

    def heads(self, topics):
        self.asked_heads += 1
        self._check()
        return {name: self.head(name) for name in topics if name in self.epochs}

    def changes(self, topic, since):
        self.asked_changes += 1
        self._check()
        if topic not in self.epochs:
            return None
        return Changes(self.head(topic), [row for row in self.rows[topic] if row.number > since])

    def head(self, topic):
        return Head(len(self.rows[topic]), self.epochs[topic])

    def _check(self):
        if self.outage:
            raise OperationalError("away")


class Reader:
    """A socket and what it was sent. `stop()` lets its frames pile up."""

    def __init__(self, user: int = 1) -> None:
        self.frames: list[str] = []
        self.codes: list[int] = []
        self._free = asyncio.Event()
        self._free.set()
        self.connection = Connection(self._send, uid=f"c{id(self)}", user=user, session_key="s")

    async def _send(self, message):
        await self._free.wait()
        if "text" in message:
            self.frames.append(message["text"])
        else:
            self.codes.append(message["code"])

    def stop(self):
        self._free.clear()

    def go_on(self):
        self._free.set()

    @property
    def seen(self):
        things = []
        for frame in self.frames:
            content = json.loads(frame)
            things += content if isinstance(content, list) else [content]
        return things

    @property
    def numbers(self):
        return [thing["seq"] for thing in self.seen if "seq" in thing]

    @property
    def texts(self):
        return [thing["text"] for thing in self.seen if thing.get("text")]


@pytest.fixture
def source():
    source = Source()
    source.epochs["room"], source.rows["room"] = "first", []
    return source


@pytest.fixture
async def hub(source, quick_hub):
    threads = DatabaseThreads("test", 2)
    hub = Hub(source, threads)
    await hub.start()
    yield hub
    await hub.stop(lambda: 1)
    await threads.close()


async def follow(hub, reader, topic="room", cursor=None):
    hub.add(reader.connection)
    found = await hub.open(topic)
    hub.attach(reader.connection, found, found.head if cursor is None else cursor)
    return found


async def test_event_reaches_all_who_follow_and_nobody_else(hub, source):
    here, there = Reader(1), Reader(2)
    await follow(hub, here)
    source.write("other")
    await follow(hub, there, "other")
    hub.publish("room", [source.write("room", "hello")])
    await until(lambda: here.texts == ["hello"])
    assert there.frames == []


async def test_events_of_one_turn_go_in_one_frame(hub, source):
    reader = Reader()
    await follow(hub, reader)
    for _ in range(10):
        hub.publish("room", [source.write("room")])
    await until(lambda: reader.numbers == list(range(1, 11)))
    assert len(reader.frames) == 1
    assert (hub.statistics.events, hub.statistics.frames) == (10, 1)


async def test_event_of_a_topic_nobody_follows_is_ignored(hub, source):
    hub.publish("room", [source.write("room")])
    assert hub.topics == {}


async def test_newcomer_gets_what_lies_behind_their_answer(hub, source):
    reader = Reader()
    topic = await hub.open("room")
    hub.publish("room", [source.write("room") for _ in range(3)])
    hub.add(reader.connection)
    hub.attach(reader.connection, topic, 1)
    await until(lambda: reader.numbers == [2, 3])


async def test_owner_gets_their_own_version(hub, source):
    owner, other = Reader(1), Reader(2)
    await follow(hub, owner)
    await follow(hub, other)
    hub.publish("room", [source.write("room", "for all", owner=1, owned_text='{"seq":1,"text":"for you"}')])
    await until(lambda: owner.frames and other.frames)
    assert (owner.texts, other.texts) == (["for you"], ["for all"])


@pytest.mark.parametrize("seed", range(5))
async def test_messengers_that_lose_double_and_reorder_are_not_noticed(hub, source, seed):
    chance = random.Random(seed)
    readers = [Reader(n) for n in range(3)]
    for reader in readers:
        await follow(hub, reader)
    late: list[Event] = []
    for _ in range(200):
        event = source.write("room")
        fate = chance.random()
        if fate < 0.3:
            continue
        late.append(event)
        if fate < 0.6:
            chance.shuffle(late)
            hub.publish("room", late)
            late = late[:2]
        if fate < 0.4:
            await asyncio.sleep(0.001)
    await until(lambda: all(len(reader.numbers) >= 200 for reader in readers))
    assert all(reader.numbers == list(range(1, 201)) for reader in readers)


async def test_gap_is_filled_soon_from_the_source(hub, source):
    reader = Reader()
    await follow(hub, reader)
    source.write("room", "lost")
    hub.publish("room", [source.write("room", "heard")])
    await until(lambda: reader.texts == ["lost", "heard"], seconds=1)
    assert hub.statistics.gaps_filled == 1


async def test_silence_is_no_proof_the_heads_are_compared(hub, source):
    reader = Reader()
    await follow(hub, reader)
    source.write("room", "nobody rang")
    await until(lambda: reader.texts == ["nobody rang"], seconds=2)


async def test_heads_of_all_topics_are_one_question(hub, source):
    for number in range(50):
        source.write(f"t{number}")
        await follow(hub, Reader(), f"t{number}")
    before, began = source.asked_heads, time.monotonic()
    await asyncio.sleep(0.2)
    assert 1 <= source.asked_heads - before <= (time.monotonic() - began) / 0.03 + 1


async def test_outage_delays_and_loses_nothing(hub, source):
    reader = Reader()
    await follow(hub, reader)
    source.outage = True
    source.write("room", "lost")
    hub.publish("room", [source.write("room", "heard")])
    await asyncio.sleep(0.1)
    assert reader.frames == []
    source.outage = False
    await until(lambda: reader.texts == ["lost", "heard"])


async def test_opening_during_an_outage_raises_and_can_be_repeated(hub, source):
    source.outage = True
    for _ in range(2):
        with pytest.raises(OperationalError):
            await hub.open("room")
    assert hub.topics == {}
    source.outage = False
    assert (await hub.open("room")).is_live


async def test_opening_at_once_by_many_asks_once(hub, source):
    topics = await asyncio.gather(*(hub.open("room") for _ in range(100)))
    assert len({id(topic) for topic in topics}) == 1
    assert source.asked_heads == 1


async def test_events_during_the_opening_are_not_missed(hub, source):
    for _ in range(20):
        source.write("room")
        opening = asyncio.create_task(hub.open("room"))
        await asyncio.sleep(0)
        hub.publish("room", [source.write("room")])
        topic = await opening
        await until(lambda topic=topic: topic.head == len(source.rows["room"]), seconds=2)
        hub._drop(topic)


async def test_expected_topic_begins_where_its_reader_says_and_misses_nothing(hub, source):
    source.write("room", "before")
    with hub.expecting("room") as begin:
        head = source.head("room")
        hub.publish("room", [source.write("room", "while it was read")])
        topic = begin(head)
    reader = Reader()
    hub.add(reader.connection)
    hub.attach(reader.connection, topic, head.number)
    hub.publish("room", [source.write("room", "after")])
    await until(lambda: reader.texts == ["while it was read", "after"])


async def test_expected_topic_that_nobody_begins_is_forgotten(hub, source):
    with hub.expecting("room") as other, hub.expecting("room"):
        pass
    assert hub.topics == {}
    with pytest.raises(NotFound):
        other(Head(0, "first"))


async def test_expected_topic_that_is_opened_meanwhile_keeps_its_events(hub, source):
    with hub.expecting("room") as begin:
        topic = await hub.open("room")
        hub.publish("room", [source.write("room", "new")])
        assert begin(Head(0, "first")) is topic
    assert (topic.head, hub.topics["room"]) == (1, topic)


async def test_slow_reader_delays_nobody_and_catches_up(hub, source):
    slow, quick = Reader(1), Reader(2)
    await follow(hub, slow)
    await follow(hub, quick)
    slow.stop()
    for _ in range(50):
        hub.publish("room", [source.write("room")])
        await asyncio.sleep(0)
    await until(lambda: len(quick.numbers) == 50)
    assert slow.frames == []
    assert slow.connection.queued_bytes == 0
    slow.go_on()
    await until(lambda: slow.numbers == list(range(1, 51)))
    assert len(slow.frames) <= 3


async def test_slow_reader_misses_signals_first(hub, source):
    slow, quick = Reader(1), Reader(2)
    await follow(hub, slow)
    await follow(hub, quick)
    slow.stop()
    hub.publish("room", [source.write("room")])
    await asyncio.sleep(0.01)
    hub.signal("room", signal("typing", {}, "room"))
    await until(lambda: len(quick.frames) == 2)
    slow.go_on()
    await until(lambda: slow.numbers == [1])
    await asyncio.sleep(0.01)
    assert [thing.get("ev") for thing in slow.seen] == [None]


@pytest.mark.parametrize("limit", ["MAX_SECONDS_BEHIND", "MAX_CHARACTERS_BEHIND"])
async def test_reader_too_far_behind_is_closed_and_the_others_go_on(hub, source, monkeypatch, limit):
    monkeypatch.setattr(f"realtime.hub.{limit}", 0.05)
    slow, quick = Reader(1), Reader(2)
    await follow(hub, slow)
    await follow(hub, quick)
    slow.stop()
    hub.publish("room", [source.write("room")])
    await asyncio.sleep(0)
    hub.publish("room", [source.write("room")])
    await until(lambda: slow.connection.is_closing)
    slow.go_on()
    await until(lambda: slow.codes == [4002])
    assert [thing["d"]["reconnect"] for thing in slow.seen if thing.get("ev") == "bye"] == [True]
    hub.publish("room", [source.write("room")])
    await until(lambda: quick.numbers == [1, 2, 3])
    assert hub.statistics.slow_closed == 1


async def test_reader_whose_place_has_left_the_ring_is_closed(hub, source):
    slow = Reader()
    await follow(hub, slow)
    slow.stop()
    for _ in range(1000):
        hub.publish("room", [source.write("room")])
        await asyncio.sleep(0)
    slow.go_on()
    await until(lambda: slow.codes == [4002])


async def test_signal_reaches_all_but_its_author(hub):
    author, other = Reader(1), Reader(2)
    await follow(hub, author)
    await follow(hub, other)
    hub.signal("room", signal("typing", {"uid": "u"}, "room"), without=1)
    await until(lambda: len(other.frames) == 1)
    assert author.frames == []


async def test_removed_person_gets_all_before_and_nothing_after(hub, source):
    removed, tab, other = Reader(1), Reader(1), Reader(2)
    for reader in (removed, tab, other):
        await follow(hub, reader)
    hub.publish("room", [source.write("room", "before"), source.write("room", removes=1, bye_code=4503)])
    hub.publish("room", [source.write("room", "after")])
    await until(lambda: removed.codes == tab.codes == [4503])
    assert removed.numbers == tab.numbers == [1, 2]
    assert removed.seen[-1]["d"]["room"] == "room"
    await until(lambda: other.texts == ["before", "after"])
    assert other.codes == []


async def test_removed_slow_reader_gets_nothing_after_either(hub, source):
    removed = Reader(1)
    await follow(hub, removed)
    removed.stop()
    hub.publish("room", [source.write("room", "under way")])
    await asyncio.sleep(0.01)
    hub.publish("room", [source.write("room", removes=1, bye_code=4503), source.write("room", "after")])
    await asyncio.sleep(0.01)
    removed.go_on()
    await until(lambda: removed.codes == [4503])
    assert removed.texts == ["under way"]


async def test_person_removed_before_they_were_attached_gets_nothing_after(hub, source):
    """Their answer ends before the removal, and they are attached behind it."""
    late = Reader(1)
    topic = await hub.open("room")
    hub.add(late.connection)
    hub.publish("room", [source.write("room", "before"), source.write("room", removes=1, bye_code=4503)])
    hub.publish("room", [source.write("room", "after")])
    await until(lambda: topic.removals == [])
    hub.attach(late.connection, topic, 0)
    await until(lambda: late.codes == [4503])
    assert late.numbers == [1, 2]


async def test_person_who_came_back_after_a_removal_stays(hub, source):
    topic = await hub.open("room")
    hub.publish("room", [source.write("room", removes=1, bye_code=4503)])
    await asyncio.sleep(0.01)
    back = Reader(1)
    await follow(hub, back, cursor=topic.head)
    hub.publish("room", [source.write("room", "welcome")])
    await until(lambda: back.texts == ["welcome"])
    assert back.codes == []


async def test_another_epoch_sends_everybody_away_to_start_afresh(hub, source):
    source.write("room")
    reader = Reader()
    topic = await follow(hub, reader)
    source.rows["room"], source.epochs["room"] = [], "second"
    await until(lambda: reader.codes == [4001])
    assert (topic.head, topic.epoch) == (0, "second")


async def test_topic_that_is_gone_closes_its_readers(hub, source):
    reader = Reader()
    await follow(hub, reader)
    del source.epochs["room"]
    await until(lambda: reader.codes == [4502])
    assert hub.topics == {}


async def test_topic_without_listeners_lingers_and_is_dropped(hub, source, monkeypatch):
    monkeypatch.setattr("realtime.hub.LINGER_SECONDS", 0.2)
    dropped = []
    hub.on_topic_dropped = dropped.append
    reader = Reader()
    topic = await follow(hub, reader)
    hub.detach(reader.connection, "room")
    await asyncio.sleep(0.1)
    assert hub.topics["room"] is topic
    await until(lambda: dropped == ["room"])
    assert hub.topics == {}


async def test_topic_is_not_dropped_between_opening_and_attaching(hub, source, monkeypatch):
    """Somebody comes into a room that has been empty for long, and their first page takes a while to read."""
    monkeypatch.setattr("realtime.hub.LINGER_SECONDS", 0.15)
    monkeypatch.setattr("realtime.hub.HEADS_SECONDS", 0.15)
    topic = await hub.open("room")
    topic.left_at -= 0.149
    reader = Reader()
    hub.add(reader.connection)
    again = await hub.open("room")
    await asyncio.sleep(0.1)
    hub.attach(reader.connection, again, again.head)
    hub.publish("room", [source.write("room")])
    await until(lambda: reader.numbers == [1], seconds=1)


async def test_waiting_ends_with_the_next_event_or_in_time(hub, source):
    topic = await hub.open("room")
    began = time.monotonic()
    await hub.wait(topic, 0, 0.05)
    assert 0.04 < time.monotonic() - began < 1
    waiting = asyncio.create_task(hub.wait(topic, 0, 10))
    await asyncio.sleep(0.01)
    hub.publish("room", [source.write("room")])
    await asyncio.wait_for(waiting, 1)
    await hub.wait(topic, 0, 10)
    assert topic.waiters == []


@pytest.mark.parametrize("is_gone", [True, False])
async def test_waiting_ends_when_there_is_nothing_to_wait_for(hub, source, is_gone):
    topic = await hub.open("room")
    waiting = asyncio.create_task(hub.wait(topic, 0, 10))
    await asyncio.sleep(0)
    if is_gone:
        del source.epochs["room"]
    else:
        source.epochs["room"] = "second"
    await asyncio.wait_for(waiting, 2)


async def test_ring_is_completed_from_the_source_once(hub, source):
    for _ in range(500):
        source.write("room")
    topic = await hub.open("room")
    assert not topic.reaches_back_to(499)
    await hub.complete(topic)
    await hub.complete(topic)
    assert topic.reaches_back_to(200)
    assert source.asked_changes == 1


async def test_connections_are_counted_by_person(hub):
    first, second, other = Reader(1), Reader(1), Reader(2)
    for reader in (first, second, other):
        hub.add(reader.connection)
    assert (hub.connections_of(1), hub.connections_of(2), hub.connections_of(3)) == (2, 1, 0)
    hub.remove(first.connection)
    hub.remove(first.connection)
    assert hub.connections_of(1) == 1


async def test_stop_says_bye_to_everybody(source, quick_hub):
    threads = DatabaseThreads("test", 1)
    hub = Hub(source, threads)
    await hub.start()
    readers = [Reader(n) for n in range(5)]
    for reader in readers:
        await follow(hub, reader)
    await hub.stop(lambda: 700)
    assert all(reader.codes == [4001] for reader in readers)
    assert readers[0].seen[-1]["d"]["retry_after_ms"] == 700
    await threads.close()
