"""Snapshot + events = fresh snapshot: a client that follows docs/protocol.md never differs from one that comes anew.

The client below knows the protocol and nothing else. Two runtimes stand for two server processes on one database, with
a channel layer between them that loses, doubles and delays.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import uuid
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from accounts.models import User
from chat.joining import join
from chat.live import build_runtime
from chat.models import Ban, Room
from chat.services.bans import lift_ban
from chat.services.rooms import change_room
from realtime import wire
from realtime.runtime import Runtime
from tests.backends import chosen_backend
from tests.rig import FaultyLayer, Socket, act_as, head_of, in_db, log_in, make_guest, make_member, open_room, until

pytestmark = pytest.mark.django_db(transaction=True)

CODES = ("code", "short_code", "invite_url", "code_expires_at")


class Follower:
    """What a client keeps of one room, by the rules of docs/protocol.md."""

    def __init__(self) -> None:
        self.epoch = ""
        self.position = 0
        self.room: dict[str, Any] = {}
        self.messages: dict[int, dict[str, Any]] = {}

    @property
    def since(self) -> dict[str, Any] | None:
        return {"epoch": self.epoch, "seq": self.position} if self.epoch else None

    def take_answer(self, answer: dict[str, Any]) -> None:
        if answer["mode"] == "resumed":
            for event in answer["events"]:
                self._apply(event)
        else:
            self.room = without_codes(answer["room"])
            self.messages = {message["seq"]: message for message in answer["messages"]}
        self.epoch, self.position = answer["epoch"], answer["head"]

    def take_event(self, event: dict[str, Any]) -> bool:
        """Apply the event in its turn; return False for a hole, which asks for `room.sync`."""
        if event["seq"] > self.position + 1:
            return False
        if event["seq"] == self.position + 1:
            self._apply(event)
            self.position = event["seq"]
        return True

    def _apply(self, event: dict[str, Any]) -> None:
        d = event.get("d")
        if event["ev"] in ("message.created", "message.updated", "message.deleted"):
            known = self.messages.get(d["seq"])
            if known is None or d["rev"] >= known["rev"]:
                self.messages[d["seq"]] = d
        elif event["ev"] in ("room.changed", "room.cleared"):
            self.room = d
            self.messages = {seq: message for seq, message in self.messages.items() if seq > d["cleared_seq"]}

    def state(self) -> dict[str, Any]:
        messages = [self.messages[seq] for seq in sorted(self.messages)]
        return {"epoch": self.epoch, "head": self.position, "room": self.room, "messages": messages}


def without_codes(room: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in room.items() if name not in CODES}


async def fresh_state(runtime: Runtime, person: User, room: Room) -> dict[str, Any]:
    """Return what somebody who comes for the first time is shown."""
    joining = await join(runtime, person.pk, room.uid, None, 100)
    answer = json.loads(wire.encode(joining.answer))
    assert answer["mode"] == "snapshot"
    follower = Follower()
    follower.take_answer(answer)
    return follower.state()


class Client:
    """A person at a device: a follower that survives its socket."""

    def __init__(self, person: User, session: str, room: Room) -> None:
        self.person = person
        self.room = room
        self.follower = Follower()
        self.socket: Socket | None = None
        self.node: Node | None = None
        self._session = session
        self._checked = 0

    async def connect(self, node: Node) -> None:
        act_as(node.runtime)
        self.socket, self.node, self._checked = Socket(self._session), node, 0
        await self.socket.open()
        self.follower.take_answer(await self.socket.join(self.room, self.follower.since))

    async def disconnect(self) -> None:
        if self.socket is not None:
            self.socket.drain()
            await self.socket.leave()
        self.socket = self.node = None

    async def ask(self, op: str, d: dict[str, Any]) -> Any:
        act_as(self.node.runtime)
        return await self.socket.ask(op, d, self.room)

    async def catch_up(self) -> None:
        """Apply all that has come, asking for what is missing."""
        for event in self.socket.drain():
            if event.get("room") == self.room.uid and "seq" in event and not self.follower.take_event(event):
                self.follower.take_answer(await self.ask("room.sync", {"since": self.follower.position}))

    def new_frames(self) -> str:
        """Return what was sent since the last call."""
        found = self.socket.frames[self._checked :]
        self._checked = len(self.socket.frames)
        return "\n".join(found)


class Node:
    """A server process that can be restarted."""

    def __init__(self, name: str, layer: FaultyLayer, directory: Path) -> None:
        self.name = name
        self._layer = layer
        self._directory = directory
        self.runtime: Runtime

    async def start(self) -> None:
        self.runtime = build_runtime(node=self.name, layer=self._layer, spool_directory=self._directory / self.name)
        await self.runtime.start()

    async def stop(self) -> None:
        await self.runtime.stop()


class House:
    """Two nodes, one room, and everybody in it. The state machine and the tests below act on it."""

    def __init__(self, directory: Path) -> None:
        self.fates: deque[str] = deque()
        self.layer = FaultyLayer(lambda: self.fates.popleft() if self.fates else "deliver")
        self.nodes = [Node(name, self.layer, directory) for name in ("a", "b")]
        self.clients: list[Client] = []
        # Texts that were edited away, deleted or cleared, and those among them that no node may send any more.
        self.gone: set[str] = set()
        self.forbidden: set[str] = set()

    async def open(self) -> None:
        for node in self.nodes:
            await node.start()
        self.owner, self.guests, self.room, sessions = await in_db(self._people)
        people = [self.owner, self.owner, *self.guests, *self.guests]
        self.clients = [Client(person, sessions[person.pk], self.room) for person in people]
        for index, client in enumerate(self.clients):
            await client.connect(self.nodes[index % 2])

    def _people(self) -> tuple[User, list[User], Room, dict[int, str]]:
        owner, guests = make_member("Olga"), [make_guest("Gast"), make_guest("Gast")]
        room = open_room(*guests, owner=owner)
        return owner, guests, room, {person.pk: log_in(person) for person in (owner, *guests)}

    async def close(self) -> None:
        for client in self.clients:
            await client.disconnect()
        for node in self.nodes:
            await node.stop()

    def online(self) -> list[Client]:
        return [client for client in self.clients if client.socket is not None]

    async def restart(self, node: Node) -> None:
        await node.stop()
        for client in self.online():
            if client.node is node:
                assert await client.socket.closed() == 4001
                await client.disconnect()
        await node.start()

    async def settle(self) -> None:
        """Wait until both nodes know what the database knows; then everybody must see what a newcomer sees."""
        head = await in_db(head_of, self.room)
        for node in self.nodes:
            topic = node.runtime.hub.topics.get(self.room.uid)
            if topic is not None and topic.is_live:
                await until(lambda topic=topic: topic.head >= head, f"node {node.name} to reach {head}")
        await asyncio.sleep(0)
        for client in self.online():
            await client.catch_up()
            self._check_frames(client)
            expected = await fresh_state(client.node.runtime, client.person, self.room)
            assert client.follower.state() == expected
            assert not any(text in json.dumps(expected) for text in self.gone)
        self.forbidden |= self.gone

    def _check_frames(self, client: Client) -> None:
        frames = client.new_frames()
        for text in self.forbidden:
            assert text not in frames, "A text was sent after its end."


# --- one command at a time ----------------------------------------------------------------------------------------


@pytest.fixture
async def house(transactional_db, quick_hub, tmp_path):
    found = House(tmp_path)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
def quick_hub(monkeypatch):
    monkeypatch.setattr("realtime.hub.HEADS_SECONDS", 0.03)
    monkeypatch.setattr("realtime.hub.GAP_SECONDS", 0.005)


async def send(client: Client, text: str) -> int:
    answer = await client.ask("message.send", {"client_id": str(uuid.uuid4()), "text": text})
    assert answer["state"] == "stored"
    return answer["seq"]


async def edit(house: House) -> None:
    await house.clients[2].ask("message.edit", {"seq": 1, "text": "second"})


async def delete(house: House) -> None:
    await house.clients[2].ask("message.delete", {"seq": 1})


async def delete_by_owner(house: House) -> None:
    await house.clients[0].ask("message.delete", {"seq": 1})


async def clear(house: House) -> None:
    await house.clients[0].ask("room.clear", {})


async def clear_and_rename(house: House) -> None:
    await clear(house)
    await rename(house)


async def rename(house: House) -> None:
    act_as(house.nodes[0].runtime)
    await in_db(change_room, actor=house.owner, room=house.room, name="Another Stage", mode=Room.Mode.SLOW)


async def send_more(house: House) -> None:
    for client in house.online():
        await send(client, "more")


async def set_read(house: House) -> None:
    await house.clients[2].ask("read.set", {"seq": 1})


async def leave(house: House) -> None:
    await house.clients[5].ask("room.leave", {})
    house.clients[5].follower.take_answer(
        await house.clients[5].socket.join(house.room, house.clients[5].follower.since)
    )


async def ban(house: House) -> None:
    await house.clients[0].ask("member.ban", {"user": house.guests[1].uid})
    for client in house.clients:
        if client.person == house.guests[1]:
            assert await client.socket.closed() == 4503
            await client.disconnect()


COMMANDS = (send_more, edit, delete, delete_by_owner, clear, clear_and_rename, rename, set_read, leave, ban)


@pytest.mark.parametrize("is_lost", [False, True], ids=["heard", "lost"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
async def test_snapshot_and_events_equal_a_fresh_snapshot(house, command, is_lost):
    await send(house.clients[2], "first")
    await send(house.clients[1], "hello")
    await house.settle()
    if is_lost:
        house.fates.extend(["drop"] * 50)
    await command(house)
    await house.settle()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
async def test_snapshot_and_resume_equal_a_fresh_snapshot(house, command):
    await send(house.clients[2], "first")
    await house.settle()
    sleeper, other_node = house.clients[1], house.nodes[0]
    await sleeper.disconnect()
    house.fates.extend(["drop"] * 50)
    await command(house)
    await sleeper.connect(other_node)
    await house.settle()
    await house.restart(house.nodes[1])
    await sleeper.disconnect()
    await sleeper.connect(house.nodes[1])
    await house.settle()


# --- texts that must never be sent again ----------------------------------------------------------------------------


@pytest.mark.parametrize("end", [delete, clear, clear_and_rename], ids=lambda command: command.__name__)
@pytest.mark.parametrize("node", [0, 1], ids=["same process", "other process"])
async def test_text_that_is_gone_is_not_sent_to_a_laggard(house, end, node):
    laggard = Socket(await in_db(log_in, house.guests[1]), backlog=1)
    act_as(house.nodes[node].runtime)
    await laggard.open()
    await laggard.join(house.room)
    author = house.clients[2]
    # Nobody reads any more: one frame lies in between, one is on its way, and the rest waits in the room's ring.
    for number in range(1, 6):
        await send(author, f"text {number}")
    hub = house.nodes[node].runtime.hub
    await until(lambda: hub.topics[house.room.uid].head == 5)
    await until(lambda: any(c.is_busy for c in hub.connections))
    before = [*laggard.frames]
    if end is delete:
        for seq in range(1, 6):
            await author.ask("message.delete", {"seq": seq})
    else:
        await end(house)
    head = await in_db(head_of, house.room)
    await until(lambda: hub.topics[house.room.uid].head == head)
    while not any(f'"seq":{head}' in frame for frame in laggard.frames):
        await laggard.take()
    late = "\n".join(laggard.frames[len(before) :])
    assert "text 1" in late
    assert not [number for number in (3, 4, 5) if f"text {number}" in late]
    laggard.drain()
    await laggard.leave()


async def test_text_that_was_cleared_elsewhere_leaves_the_memory_of_a_process_that_missed_it(house):
    """The clearing itself is overtaken: the other process only ever hears of the room's later change."""
    sleeper = house.clients[1]
    await sleeper.disconnect()
    await send(house.clients[2], "to be cleared")
    await until(lambda: house.nodes[1].runtime.hub.topics[house.room.uid].head == 1)
    house.fates.extend(["drop"] * 50)
    await clear_and_rename(house)
    await until(lambda: house.nodes[1].runtime.hub.topics[house.room.uid].head == 3)
    act_as(house.nodes[1].runtime)
    await sleeper.connect(house.nodes[1])
    assert "to be cleared" not in "".join(sleeper.socket.frames)


# --- any order of events --------------------------------------------------------------------------------------------


class Festival(RuleBasedStateMachine):
    """People write, change, delete, lose the line, are banned; servers restart; the layer fails."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="pavilion-festival-"))
        self.loop = asyncio.new_event_loop()
        self.house = House(self.directory)
        self.banned: list[User] = []
        self.texts: dict[int, str] = {}
        self.authors: dict[int, User] = {}
        self.count = 0

    def run(self, step: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(step, 60))

    @initialize()
    def open(self) -> None:
        self.run(self.house.open())

    def teardown(self) -> None:
        try:
            self.run(self.house.settle())
            self.run(self.house.close())
        finally:
            self.loop.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    def someone(self, index: int) -> Client | None:
        online = self.house.online()
        return online[index % len(online)] if online else None

    def new_text(self) -> str:
        self.count += 1
        return f"<text-{self.count}>"

    @rule(index=st.integers(0, 5), number=st.integers(1, 3))
    def send(self, index: int, number: int) -> None:
        client = self.someone(index)
        for _ in range(number if client else 0):
            text = self.new_text()
            seq = self.run(send(client, text))
            self.texts[seq], self.authors[seq] = text, client.person

    @rule(index=st.integers(0, 5), which=st.integers(0, 20))
    def edit(self, index: int, which: int) -> None:
        client = self.someone(index)
        own = [seq for seq, author in self.authors.items() if client and author == client.person]
        if own:
            seq, text = own[which % len(own)], self.new_text()
            self.run(client.ask("message.edit", {"seq": seq, "text": text}))
            self.house.gone.add(self.texts[seq])
            self.texts[seq] = text

    @rule(index=st.integers(0, 5), which=st.integers(0, 20))
    def delete(self, index: int, which: int) -> None:
        client = self.someone(index)
        is_owner = client is not None and client.person == self.house.owner
        deletable = [seq for seq, author in self.authors.items() if client and (is_owner or author == client.person)]
        if deletable:
            seq = deletable[which % len(deletable)]
            self.run(client.ask("message.delete", {"seq": seq}))
            self._forget(seq)

    @rule(node=st.integers(0, 1))
    def clear(self, node: int) -> None:
        client = next((c for c in self.house.online() if c.person == self.house.owner), None)
        if client is not None:
            self.run(client.ask("room.clear", {}))
            for seq in list(self.texts):
                self._forget(seq)

    @rule(node=st.integers(0, 1), name=st.sampled_from(["Main Stage", "Second Stage", "Tent"]))
    def rename(self, node: int, name: str) -> None:
        act_as(self.house.nodes[node].runtime)
        self.run(in_db(change_room, actor=self.house.owner, room=self.house.room, name=name))

    @rule(index=st.integers(0, 5))
    def drop_line(self, index: int) -> None:
        client = self.someone(index)
        if client is not None:
            self.run(client.disconnect())

    @rule(index=st.integers(0, 5), node=st.integers(0, 1))
    def come_back(self, index: int, node: int) -> None:
        offline = [c for c in self.house.clients if c.socket is None and c.person not in self.banned]
        if offline:
            self.run(offline[index % len(offline)].connect(self.house.nodes[node]))

    @rule(fates=st.lists(st.sampled_from(["drop", "double", "hold", "deliver"]), min_size=1, max_size=6))
    def disturb_layer(self, fates: list[str]) -> None:
        self.house.fates.extend(fates)

    @rule(node=st.integers(0, 1))
    def restart(self, node: int) -> None:
        self.run(self.house.restart(self.house.nodes[node]))

    @rule(which=st.integers(0, 1))
    def ban(self, which: int) -> None:
        guest = self.house.guests[which]
        client = next((c for c in self.house.online() if c.person == self.house.owner), None)
        if client is not None and guest not in self.banned:
            self.run(self._ban(client, guest))
            self.banned.append(guest)

    async def _ban(self, owner: Client, guest: User) -> None:
        await owner.ask("member.ban", {"user": guest.uid})
        for client in self.house.online():
            if client.person == guest:
                assert await client.socket.closed() == 4503
                await client.disconnect()
        await self.house.settle()

    @precondition(lambda self: self.banned)
    @rule()
    def forgive(self) -> None:
        guest = self.banned.pop()
        self.run(in_db(self._lift, guest))

    def _lift(self, guest: User) -> None:
        lift_ban(actor=self.house.owner, ban=Ban.objects.get(user=guest, room=self.house.room, lifted_at=None))

    @rule()
    def compare(self) -> None:
        self.run(self.house.settle())

    def _forget(self, seq: int) -> None:
        self.house.gone.add(self.texts.pop(seq))
        del self.authors[seq]


def test_any_order_of_events_leaves_everybody_whole(transactional_db, quick_hub):
    chosen = settings(
        # Which orders there are has nothing to do with the database; what it makes of them, some show.
        max_examples=30 if chosen_backend() == "sqlite" else 12,
        stateful_step_count=35,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Festival, settings=chosen)
