"""Two hubs and a layer between them that cannot be trusted."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace

import pytest

from realtime.doorbell import Doorbell
from realtime.hub import Hub
from realtime.threads import DatabaseThreads
from realtime.wire import signal
from tests.realtime.test_hub import Reader, Source, follow
from tests.rig import FaultyLayer, until


@pytest.fixture
def source():
    source = Source()
    source.epochs["room"], source.rows["room"] = "first", []
    return source


@pytest.fixture
async def join_layer(source, quick_hub):
    """Return a function that starts a node on a layer: its hub and its doorbell."""
    threads = DatabaseThreads("test", 2)
    nodes = []

    async def start(layer, name):
        hub = Hub(source, threads)
        bell = Doorbell(layer, hub, name)
        await hub.start()
        await bell.start()
        nodes.append(SimpleNamespace(hub=hub, bell=bell))
        return nodes[-1]

    yield start
    for node in nodes:
        await node.bell.stop()
        await node.hub.stop(lambda: 1)
    await threads.close()


def publish(node, topic, events):
    """As a runtime does: to the own hub, and to the others."""
    node.hub.publish(topic, events)
    node.bell.ring(topic, events)


async def test_event_reaches_the_other_process_without_the_database(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.hub.HEADS_SECONDS", 60)
    layer = FaultyLayer()
    a, b = await join_layer(layer, "a"), await join_layer(layer, "b")
    reader = Reader()
    await follow(b.hub, reader)
    await until(lambda: layer.groups.get("room"))
    publish(a, "room", [source.write("room", "hello", owner=1, owned_text='{"seq":1,"text":"own"}')])
    await until(lambda: reader.texts == ["own"])
    assert source.asked_changes == 0


@pytest.mark.parametrize("seed", range(4))
async def test_layer_that_drops_doubles_and_reorders_makes_no_difference(join_layer, source, seed):
    chance = random.Random(seed)
    layer = FaultyLayer(lambda: chance.choices(["drop", "double", "hold", "deliver"], [30, 20, 20, 30])[0])
    nodes = [await join_layer(layer, name) for name in "abc"]
    readers = [Reader(n) for n in range(3)]
    for node, reader in zip(nodes, readers, strict=True):
        await follow(node.hub, reader)
    for _ in range(200):
        publish(chance.choice(nodes), "room", [source.write("room")])
        if chance.random() < 0.3:
            await asyncio.sleep(0.001)
    await until(lambda: all(len(reader.numbers) >= 200 for reader in readers))
    assert all(reader.numbers == list(range(1, 201)) for reader in readers)


async def test_own_messages_are_not_heard_again(join_layer, source):
    layer = FaultyLayer(lambda: "double")
    node = await join_layer(layer, "a")
    reader = Reader(2)
    await follow(node.hub, reader)
    await until(lambda: layer.groups.get("room"))
    node.hub.signal("room", signal("typing", {}, "room"))
    node.bell.signal("room", signal("typing", {}, "room"), 1)
    await asyncio.sleep(0.05)
    assert len(reader.seen) == 1


async def test_signal_reaches_all_but_its_author_in_other_processes(join_layer):
    layer = FaultyLayer()
    a, b = await join_layer(layer, "a"), await join_layer(layer, "b")
    author, other = Reader(1), Reader(2)
    await follow(b.hub, author)
    await follow(b.hub, other)
    await until(lambda: layer.groups.get("room"))
    a.bell.signal("room", signal("typing", {}, "room"), 1)
    await until(lambda: len(other.frames) == 1)
    assert author.frames == []


async def test_presence_is_told_to_everybody(join_layer):
    layer = FaultyLayer()
    a, b = await join_layer(layer, "a"), await join_layer(layer, "b")
    await until(lambda: len(layer.groups.get("presence", ())) == 2)
    a.bell.tell_presence({"room": [1, 2]}, is_whole=True)
    await until(lambda: b.hub.presence.people("room") == {1, 2})
    assert a.hub.presence.people("room") == set()


async def test_dead_layer_holds_nobody_up_and_is_used_again_when_it_lives(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.doorbell._RETRY_SECONDS", 0.02)
    layer = FaultyLayer()
    a, b = await join_layer(layer, "a"), await join_layer(layer, "b")
    here, there = Reader(1), Reader(2)
    await follow(a.hub, here)
    await follow(b.hub, there)
    await until(lambda: len(layer.groups.get("room", ())) == 2)
    layer.is_dead = True
    publish(a, "room", [source.write("room", "while dead")])
    await until(lambda: here.texts == ["while dead"], seconds=1)
    await until(lambda: there.texts == ["while dead"], seconds=2)
    assert a.bell.lost > 0
    layer.is_dead = False
    monkeypatch.setattr("realtime.hub.HEADS_SECONDS", 60)
    await asyncio.sleep(0.05)
    publish(a, "room", [source.write("room", "alive again")])
    await until(lambda: there.texts == ["while dead", "alive again"])


async def test_layer_dead_from_the_start_is_joined_when_it_lives(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.doorbell._RETRY_SECONDS", 0.02)
    layer = FaultyLayer()
    layer.is_dead = True
    node = await join_layer(layer, "a")
    await follow(node.hub, Reader())
    await asyncio.sleep(0.05)
    layer.is_dead = False
    await until(lambda: layer.groups.get("room"))


async def test_layer_that_hangs_costs_messages_and_no_time(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.doorbell._SEND_SECONDS", 0.02)
    layer = FaultyLayer()
    node = await join_layer(layer, "a")
    reader = Reader()
    await follow(node.hub, reader)

    async def hang(group, message):
        await asyncio.sleep(60)

    monkeypatch.setattr(layer, "group_send", hang)
    for _ in range(5):
        publish(node, "room", [source.write("room")])
    await until(lambda: reader.numbers == [1, 2, 3, 4, 5], seconds=1)
    await until(lambda: node.bell.lost == 5)


async def test_groups_are_renewed_after_the_layer_has_forgotten_them(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.doorbell._RENEW_SECONDS", 0.05)
    layer = FaultyLayer()
    a, b = await join_layer(layer, "a"), await join_layer(layer, "b")
    reader = Reader()
    await follow(b.hub, reader)
    await until(lambda: layer.groups.get("room"))
    layer.forget_groups()
    await until(lambda: layer.groups.get("room") and len(layer.groups.get("presence", ())) == 2)
    publish(a, "room", [source.write("room", "heard")])
    await until(lambda: reader.texts == ["heard"])


async def test_group_of_a_dropped_topic_is_left(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.hub.LINGER_SECONDS", 0.05)
    layer = FaultyLayer()
    node = await join_layer(layer, "a")
    reader = Reader()
    await follow(node.hub, reader)
    await until(lambda: layer.groups.get("room"))
    node.hub.detach(reader.connection, "room")
    await until(lambda: not layer.groups["room"])


async def test_messages_that_wait_are_bounded(join_layer, source, monkeypatch):
    monkeypatch.setattr("realtime.doorbell._SEND_SECONDS", 30)
    layer = FaultyLayer()
    node = await join_layer(layer, "a")
    stuck = asyncio.Event()

    async def hang(group, message):
        await stuck.wait()

    monkeypatch.setattr(layer, "group_send", hang)
    for _ in range(1500):
        node.bell.signal("room", "{}", 0)
    await asyncio.sleep(0)
    assert node.bell.lost >= 500
    stuck.set()
