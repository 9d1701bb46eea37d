"""The live parts of a server inside a test: runtimes, sockets that speak to them, and people to sit at the sockets.

A test that uses sockets needs real transactions: `transactional_db`, which the fixtures here ask for.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.sessions import SessionStore
from chat.live import build_runtime
from chat.models import Membership, Message, Room, RoomCursor
from chat.services import entering
from chat.services.posting import Draft, Posted, post_messages
from chat.services.rooms import make_room
from operations import ratelimit
from realtime import runtime as running_parts
from realtime.ids import new_uid
from realtime.runtime import Runtime, running

P = ParamSpec("P")
T = TypeVar("T")

# Long enough for a machine that does something else at the time; only a test that fails waits for it.
PATIENCE_SECONDS = 10.0


# --- people and rooms -------------------------------------------------------------------------------------------


def make_guest(name: str = "Visitor") -> User:
    guest = User(display_name=name, is_guest=True)
    guest.set_unusable_password()
    guest.save()
    return guest


def make_member(name: str = "Ada") -> User:
    return User.objects.create_user(f"{new_uid()}@example.org", display_name=name)


def make_staff(name: str = "Chief") -> User:
    return User.objects.create_superuser(f"{new_uid()}@example.org", display_name=name)


def open_room(*people: User, owner: User | None = None, **fields: Any) -> Room:
    """Return a room with the people in it, and with an owner if one is given."""
    room = make_room(**{"name": "Main Stage", **fields})
    for person in people:
        join(person, room)
    if owner is not None:
        join(owner, room)
        Membership.objects.filter(room=room, user=owner).update(role=Membership.Role.OWNER)
    return room


def join(person: User, room: Room) -> Membership:
    entering.join_room(actor=person, room_uid=room.uid, has_key=True)
    return Membership.objects.get(room=room, user=person)


def log_in(person: User) -> str:
    """Return the key of a new session that belongs to the person."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def client_of(person: User, **options: Any) -> Client:
    """Return Django's test client with the person's session; `options` are its own."""
    client = Client(**options)
    client.cookies[settings.SESSION_COOKIE_NAME] = log_in(person)
    return client


def draft(person: User, room: Room | str, text: str = "hello", **fields: Any) -> Draft:
    known = {
        "room": room if isinstance(room, str) else room.uid,
        "sender": person.pk,
        "client_id": uuid.uuid4(),
        "text": text,
        "uid": new_uid(),
        "at": timezone.now(),
    }
    return Draft(**(known | fields))


def post(person: User, room: Room, text: str = "hello", **fields: Any) -> Posted:
    """Store one message and return its position; a refusal is raised."""
    [result] = post_messages([draft(person, room, text, **fields)])
    if isinstance(result, Exception):
        raise result
    return result


def fill(person: User, room: Room, count: int) -> None:
    """Put `count` messages into the room without much ado."""
    for start in range(0, count, 400):
        post_messages([draft(person, room, f"line {n}") for n in range(start, min(count, start + 400))])


def head_of(room: Room) -> int:
    return RoomCursor.objects.get(room=room).head


def numbers_of(room: Room) -> list[int]:
    return list(Message.objects.filter(room=room).order_by("seq").values_list("seq", flat=True))


def statements(run: Callable[[], object]) -> int:
    """Return how many statements `run` takes, BEGIN, COMMIT and savepoints apart."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        run()
    aside = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return len([query for query in captured.captured_queries if not query["sql"].startswith(aside)])


# --- the database beside a running loop --------------------------------------------------------------------------


async def in_db(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a thread that gives its connection back: PostgreSQL drops no database that is in use."""

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(call)


async def until(question: Callable[[], Any], what: str = "it", seconds: float = PATIENCE_SECONDS) -> None:
    """Let the loop run until the answer is truthy."""
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:g} s in vain for {what}.")
        await asyncio.sleep(0.005)


@asynccontextmanager
async def held_cursor(room: Room, change: Callable[[], object] = lambda: None) -> AsyncIterator[None]:
    """Hold the room's lock from another connection for the block; `change` is made under it, committed at the end."""
    loop = asyncio.get_running_loop()
    is_held, may_end = asyncio.Event(), asyncio.Event()

    def hold() -> None:
        with transaction.atomic():
            RoomCursor.objects.select_for_update().get(room=room)
            change()
            loop.call_soon_threadsafe(is_held.set)
            asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result(PATIENCE_SECONDS)

    holding = asyncio.create_task(in_db(hold))
    await is_held.wait()
    try:
        yield
    finally:
        may_end.set()
        await holding


# --- runtimes ---------------------------------------------------------------------------------------------------


def act_as(runtime: Runtime) -> None:
    """Make `runtime` the one that new sockets and publishing services of this process find.

    Two runtimes stand for two processes; a real process has one.
    """
    running_parts._running.remove(runtime)
    running_parts._running.append(runtime)


def only_limits_of_this_test() -> None:
    """Forget the attempts that other tests have made: the limits count per process, and in Redis."""
    cache.clear()
    ratelimit._local.cache_clear()
    shared = ratelimit._shared()
    if shared is not None:
        shared.storage.reset()


@pytest.fixture
def no_attempts_counted() -> None:
    only_limits_of_this_test()


@pytest.fixture
def runtime_of(tmp_path: Path, transactional_db: None) -> Callable[..., Any]:
    """Return `start(node="here", layer=None)`, an async context manager around a running `Runtime`."""

    def start(node: str = "here", layer: Any = None) -> Any:
        return running(build_runtime(node=node, layer=layer, spool_directory=tmp_path / node))

    return start


@pytest.fixture
async def runtime(runtime_of: Callable[..., Any]) -> AsyncIterator[Runtime]:
    """A running runtime without a layer, as in a server of one process."""
    async with runtime_of() as started:
        yield started


# --- sockets ----------------------------------------------------------------------------------------------------


class Socket:
    """A client of `/ws/` that keeps what it is sent.

    frames:  every text frame, as it came.
    inbox:   objects that nobody has taken yet, in order of arrival, without replies.
    bye:     the `d` of the last words, once they came.
    backlog: frames that fit between server and client; 0 for any number. A full one is what a slow reader looks like.
    """

    def __init__(self, session: str = "", *, backlog: int = 0, **options: Any) -> None:
        self.frames: list[str] = []
        self.inbox: deque[dict[str, Any]] = deque()
        self.bye: dict[str, Any] | None = None
        self.code: int | None = None
        self._replies: dict[int | None, dict[str, Any]] = {}
        self._last_id = 0
        self.communicator = communicator(session, **options)
        if backlog:
            self.communicator._output_queue = asyncio.Queue(maxsize=backlog)

    async def open(self) -> dict[str, Any]:
        """Connect and return what `hello` says."""
        connected, _ = await self.communicator.connect(PATIENCE_SECONDS)
        assert connected, "The socket was refused before it was accepted."
        return (await self.event("hello"))["d"]

    async def send(self, op: str, d: Any = None, room: Room | str = "", id: int | None = None) -> int:  # noqa: A002
        """Send a command and return its id without waiting for the reply."""
        self._last_id = id or self._last_id + 1
        frame = {"id": self._last_id, "op": op, "d": {} if d is None else d}
        if room:
            frame["room"] = room if isinstance(room, str) else room.uid
        await self.communicator.send_json_to(frame)
        return self._last_id

    async def reply(self, command_id: int | None) -> dict[str, Any]:
        """Return the envelope that answers the command."""
        while command_id not in self._replies:
            await self.take()
        return self._replies.pop(command_id)

    async def ask(self, op: str, d: Any = None, room: Room | str = "") -> Any:
        """Send a command and return its `ok`."""
        envelope = await self.reply(await self.send(op, d, room))
        assert "ok" in envelope, f"{op} was refused: {envelope}"
        return envelope["ok"]

    async def refused(self, op: str, d: Any = None, room: Room | str = "") -> dict[str, Any]:
        """Send a command and return its `err`."""
        envelope = await self.reply(await self.send(op, d, room))
        assert "err" in envelope, f"{op} was not refused: {envelope}"
        return envelope["err"]

    async def say(self, room: Room | str, text: str, client_id: str = "") -> Any:
        return await self.ask("message.send", {"client_id": client_id or str(uuid.uuid4()), "text": text}, room)

    async def join(self, room: Room | str, since: dict[str, Any] | None = None, limit: int = 100) -> Any:
        return await self.ask("room.join", {"since": since, "limit": limit}, room)

    async def event(self, name: str) -> dict[str, Any]:
        """Return the next event or signal of that name; what stands before it is dropped."""
        while True:
            while self.inbox:
                found = self.inbox.popleft()
                if found["ev"] == name:
                    return found
            await self.take()

    async def closed(self) -> int:
        """Read to the end and return the close code."""
        while self.code is None:
            await self.take()
        return self.code

    async def take(self) -> None:
        """Take one message of the server in."""
        self._keep(await self.communicator.receive_output(PATIENCE_SECONDS))

    def drain(self) -> list[dict[str, Any]]:
        """Take in what has come so far, and return all that nobody has taken."""
        queue = self.communicator.output_queue
        while not queue.empty():
            self._keep(queue.get_nowait())
        found = list(self.inbox)
        self.inbox.clear()
        return found

    def _keep(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
            return
        assert message["type"] == "websocket.send", message
        self.frames.append(message["text"])
        content = json.loads(message["text"])
        for thing in content if isinstance(content, list) else [content]:
            if "re" in thing:
                self._replies[thing["re"]] = thing
            else:
                self.inbox.append(thing)
                if thing["ev"] == "bye":
                    self.bye = thing["d"]

    async def leave(self) -> None:
        await self.communicator.disconnect(timeout=PATIENCE_SECONDS)


def communicator(
    session: str = "",
    *,
    origin: str | None = settings.PUBLIC_ORIGIN,
    host: str = "127.0.0.1:8000",
    path: str = "/ws/",
    subprotocols: list[str] | None = None,
    cookie: str | None = None,
) -> WebsocketCommunicator:
    # Not at import: this module names the settings in the environment, which the processes of pytest-xdist inherit.
    from config.asgi import application

    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    cookie = f"{settings.SESSION_COOKIE_NAME}={session}" if session and cookie is None else cookie
    if cookie:
        headers.append((b"cookie", cookie.encode("latin-1")))
    return WebsocketCommunicator(application, path, headers=headers, subprotocols=subprotocols)


OpenSocket = Callable[..., Any]


@pytest.fixture
async def sit_down(transactional_db: None) -> AsyncIterator[OpenSocket]:
    """Return `await sit_down(person, room=None)`: an open socket of the person, in the room. All leave at the end."""
    sockets: list[Socket] = []

    async def open_socket(person: User, room: Room | None = None, **options: Any) -> Socket:
        socket = Socket(await in_db(log_in, person), **options)
        sockets.append(socket)
        await socket.open()
        if room is not None:
            await socket.join(room)
        return socket

    yield open_socket
    for socket in sockets:
        socket.drain()
        await socket.leave()


@pytest.fixture
def quick_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub look for what it missed many times a second."""
    monkeypatch.setattr("realtime.hub.HEADS_SECONDS", 0.03)
    monkeypatch.setattr("realtime.hub.GAP_SECONDS", 0.005)


# --- a channel layer that fails as told ---------------------------------------------------------------------------


class FaultyLayer:
    """A channel layer within this process. `fate()` says what becomes of each message.

    `deliver`, `drop`, `double`, or `hold`: until the next message has gone ahead. `is_dead` makes every call fail.
    """

    def __init__(self, fate: Callable[[], str] = lambda: "deliver") -> None:
        self.fate = fate
        self.is_dead = False
        self.groups: dict[str, set[str]] = {}
        self._channels: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._held: list[tuple[str, dict[str, Any]]] = []

    async def new_channel(self, prefix: str = "specific") -> str:
        self._check()
        name = f"{prefix}!{new_uid()}"
        self._channels[name] = asyncio.Queue()
        return name

    async def receive(self, channel: str) -> dict[str, Any]:
        self._check()
        return await self._channels[channel].get()

    async def group_add(self, group: str, channel: str) -> None:
        self._check()
        self.groups.setdefault(group, set()).add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self._check()
        self.groups.get(group, set()).discard(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self._check()
        fate = self.fate()
        if fate == "hold":
            self._held.append((group, message))
            return
        if fate != "drop":
            self._deliver(group, message)
        if fate == "double":
            self._deliver(group, message)
        held, self._held = self._held, []
        for late in held:
            self._deliver(*late)

    def forget_groups(self) -> None:
        """Forget who listens, as a Redis that was restarted does."""
        self.groups.clear()

    def _deliver(self, group: str, message: dict[str, Any]) -> None:
        for channel in self.groups.get(group, ()):
            # As every layer does, it hands over a copy in plain types.
            self._channels[channel].put_nowait(json.loads(json.dumps(message)))

    def _check(self) -> None:
        if self.is_dead:
            raise ConnectionError("The layer is away.")
