"""A client as strict as the protocol allows: it resumes by position, keeps an outbox and notes every broken rule."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket as sockets
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.chaos.people import Person
from tests.chaos.view import Json, RoomView

# The refusals that a client answers by trying again.
PASSING = frozenset({"overloaded", "rate_limited", "slow_mode"})
_LONGEST_RETRY_SECONDS = 0.5
# The server gives up somebody it has not heard for two of its own heartbeats, 25 s each.
_HEARTBEAT_SECONDS = 20.0

_decode = msgspec.json.decode


@dataclass(slots=True)
class Draft:
    """A message on its way, known by the `client_id` that its retries keep."""

    client_id: str
    text: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """What a sender was promised."""

    seq: int | None
    uid: str
    state: str


@dataclass
class Client:
    """One person in one room, over one socket at a time.

    With `retries` off it forgets what was under way when the line broke, as a page without an outbox would.
    With `is_narrow` its line holds some hundred kilobytes, as one over a network does; loopback holds megabytes.
    """

    person: Person
    room: str
    url: str
    origin: str
    retries: bool = True
    is_narrow: bool = False
    view: RoomView = field(default_factory=RoomView)
    # Drafts without an answer, oldest first.
    outbox: dict[str, Draft] = field(default_factory=dict)
    acks: dict[str, Ack] = field(default_factory=dict)
    # Texts by client_id: everything that was ever said, and what was given up without an answer.
    said: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    byes: list[Json] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    connections: int = 0
    # Seconds from a text's sending to its arrival here, for texts of `say`.
    delays: list[float] = field(default_factory=list)
    is_joined: bool = False
    # True after this connection's `bye`, which nothing may follow.
    _is_dismissed: bool = False
    _socket: ClientConnection | None = None
    _task: asyncio.Task[None] | None = None
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _replies: dict[int, Callable[[Json], None]] = field(default_factory=dict)
    _chores: set[asyncio.Task[None]] = field(default_factory=set)

    # --- coming and going ---------------------------------------------------------------------------------------

    def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        tasks = [task for task in (self._task, *self._chores) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None, f"{self.person.name} is not connected."
        return self._socket

    @property
    def broken_rules(self) -> list[str]:
        return [f"{self.person.name}: {rule}" for rule in self.violations + self.view.violations]

    async def _live(self) -> None:
        while not (self.byes and not self.byes[-1]["reconnect"]):
            try:
                async with connect(
                    self.url,
                    origin=self.origin,  # type: ignore[arg-type]
                    additional_headers={"Cookie": self.person.cookie},
                    compression=None,
                    ping_interval=None,
                    max_size=None,
                    open_timeout=8,
                    close_timeout=1,
                    proxy=None,
                    sock=narrow_line(self.url) if self.is_narrow else None,
                ) as socket:
                    self.connections += 1
                    await self._attend(socket)
            except (OSError, WebSocketException, TimeoutError):
                pass  # the server is down or going down: that is what these tests are about
            await asyncio.sleep(random.uniform(0.05, 0.25))

    async def _attend(self, socket: ClientConnection) -> None:
        self._socket, self._is_dismissed = socket, False
        self._later(_HEARTBEAT_SECONDS, self._beat)
        try:
            await self._join()
            async for frame in socket:
                items = _decode(frame)
                for item in items if isinstance(items, list) else [items]:
                    self._take(item)
        finally:
            self._socket, self.is_joined = None, False
            self._replies.clear()
            self.closes.append(socket.close_code or 0)
            if not self.retries:
                self.forgotten |= self.outbox.keys()
                self.outbox.clear()

    async def _beat(self) -> None:
        await self.command("heartbeat", {"rooms": {self.room: self.view.position}}, self._heard_heads)
        self._later(_HEARTBEAT_SECONDS, self._beat)

    def _heard_heads(self, reply: Json) -> None:
        # Events and replies come in order, so whatever the server had sent before it answered is here.
        head = reply["ok"]["heads"].get(self.room, self.view.position)
        if head < self.view.position:
            self.violations.append(f"the server's head is {head} at position {self.view.position}")

    async def _join(self) -> None:
        view = self.view
        since = {"epoch": view.epoch, "seq": view.position} if view.epoch else None
        await self.command("room.join", {"since": since, "limit": 100}, self._joined)

    def _joined(self, reply: Json) -> None:
        if "err" in reply:
            self._refused("room.join", reply["err"], self._join)
            return
        self.view.enter(reply["ok"])
        self.is_joined = True
        self._later(0, self._send_outbox)

    # --- talking ------------------------------------------------------------------------------------------------

    async def ask(self, op: str, d: Json, *, room: str | None = None, seconds: float = 10) -> Json:
        """Send a command and return its whole reply; TimeoutError when none comes."""
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        await self.command(op, d, answer.set_result, room=room)
        async with asyncio.timeout(seconds):
            return await answer

    async def command(self, op: str, d: Json, answered: Callable[[Json], None], *, room: str | None = None) -> None:
        """Send a command; `answered` gets its reply, unless the line breaks first."""
        socket = self._socket
        if socket is None:
            return
        number = next(self._ids)
        self._replies[number] = answered
        try:
            frame = {"id": number, "op": op, "room": room or self.room, "d": d}
            await socket.send(msgspec.json.encode(frame).decode())
        except ConnectionClosed:
            self._replies.pop(number, None)

    async def say(self, text: str = "") -> str:
        """Put a message into the outbox, send it if there is a line, and return its client_id.

        The text carries the time, the sender and a running number, whatever `text` adds.
        """
        draft = Draft(str(uuid.uuid4()), f"{time.time():.6f} {self.person.uid} {len(self.said):06d} {text}".strip())
        self.said[draft.client_id] = draft.text
        self.outbox[draft.client_id] = draft
        if self.is_joined:
            await self._send(draft)
        return draft.client_id

    async def _send_outbox(self) -> None:
        for draft in list(self.outbox.values()):
            await self._send(draft)

    async def _send(self, draft: Draft) -> None:
        draft.tries += 1
        d = {"client_id": draft.client_id, "text": draft.text}
        await self.command("message.send", d, lambda reply: self._answered(draft, reply))

    def _answered(self, draft: Draft, reply: Json) -> None:
        if "err" in reply:
            self._refused("message.send", reply["err"], lambda: self._send(draft))
            return
        ok = reply["ok"]
        ack = Ack(ok["seq"], ok["uid"], ok["state"])
        known = self.acks.get(draft.client_id)
        if known is not None and known.state == "stored" and known != ack:
            self.violations.append(f"{draft.client_id} was acknowledged as {known} and as {ack}")
        self.acks[draft.client_id] = ack
        self.outbox.pop(draft.client_id, None)

    def _refused(self, op: str, error: Json, again: Callable[[], object]) -> None:
        self.refusals[error["code"]] += 1
        if error["code"] not in PASSING:
            self.violations.append(f"{op} was refused: {error}")
            return
        self._later(min(_LONGEST_RETRY_SECONDS, (error["retry_after_ms"] or 0) / 1000), again)

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        socket = self._socket

        async def chore() -> None:
            await asyncio.sleep(seconds)
            if self._socket is socket:  # a new connection joins and sends by itself
                await act()  # type: ignore[misc]

        task = asyncio.create_task(chore())
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    # --- listening ----------------------------------------------------------------------------------------------

    def _take(self, item: Json) -> None:
        if self._is_dismissed:
            self.violations.append(f"this came after bye: {item}")
        if "re" in item:
            answered = self._replies.pop(item["re"], None)
            if answered is None:
                self.violations.append(f"a reply to nothing: {item}")
            else:
                answered(item)
        elif item["ev"] == "bye":
            self.byes.append(item["d"])
            self._is_dismissed = True
        elif "seq" in item:
            self._hear(item)
        elif item["ev"] == "message.provisional":
            self.view.provisional[item["d"]["uid"]] = item["d"]

    def _hear(self, event: Json) -> None:
        if not self.is_joined:
            self.violations.append(f"event {event['seq']} before the join was answered")
        self.view.apply(event)
        if event["ev"] == "message.created":
            self.delays.append(time.time() - float(event["d"]["text"].split(" ", 1)[0]))


def narrow_line(url: str) -> sockets.socket:
    """Return a connected socket with segments as on Ethernet and a small window, so that a stalled reader is felt."""
    parts = urlsplit(url)
    line = sockets.socket()
    line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 16_384)
    line.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_MAXSEG, 1400)
    try:
        line.connect((parts.hostname, parts.port))
    except OSError:
        line.close()
        raise
    line.setblocking(False)
    return line
