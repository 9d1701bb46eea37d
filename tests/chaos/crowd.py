"""Many clients in one room, the load they make, and the promise that is checked at the end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence

from tests.chaos.client import Client
from tests.chaos.people import Person
from tests.chaos.stored import Stored, stored_head, stored_messages
from tests.servers import LiveServer

# A writer composes no further while this much waits for an answer: people do not type into a void either, and the
# backlog after a restart stays below what a resume carries.
MOST_UNANSWERED = 8


class Crowd:
    """The clients of one room. `servers` take turns in taking them; all stand on one database."""

    def __init__(self, room: str, people: Sequence[Person], servers: Sequence[LiveServer], *, fickle: int = 0) -> None:
        """`fickle` of the people have no outbox: what was under way when the line broke is given up."""
        self.room = room
        self.servers = servers
        self.clients = [
            Client(person, room, server.ws_url, server.origin, retries=index >= fickle)
            for index, (person, server) in enumerate(zip(people, itertools.cycle(servers), strict=False))
        ]

    @contextlib.asynccontextmanager
    async def present(self, seconds: float = 30) -> AsyncIterator[Crowd]:
        """Let everybody come in, and leave at the end of the block."""
        for client in self.clients:
            client.start()
        try:
            await eventually(lambda: all(c.is_joined for c in self.clients), seconds, "everybody to come in")
            yield self
        finally:
            await asyncio.gather(*(client.stop() for client in self.clients))

    @contextlib.asynccontextmanager
    async def talking(self, writers: Sequence[Client], per_second: float, text: str = "") -> AsyncIterator[None]:
        """Let each writer say something so often, whether there is a line or not, until the end of the block."""
        tasks = [asyncio.create_task(_talk(writer, per_second, text)) for writer in writers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def settle(self, seconds: float = 20) -> None:
        """Wait until everything is answered, stored and seen by everybody."""

        def is_settled() -> bool:
            return all(client.is_joined and not client.outbox for client in self.clients)

        await eventually(is_settled, seconds, "every outbox to empty", self.describe)
        await eventually(self._is_stored, seconds, "what was journaled to be stored", self.describe)
        head = await asyncio.to_thread(stored_head, self.servers[0], self.room)
        await eventually(
            lambda: all(client.view.position == head for client in self.clients),
            seconds,
            f"everybody to reach {head}",
            self.describe,
        )

    def _is_stored(self) -> bool:
        known = {message.client_id for message in stored_messages(self.servers[0], self.room)}
        return all(client.acks.keys() <= known for client in self.clients)

    def describe(self) -> str:
        """Return one line per client and the ends of the servers' logs, for failures."""
        logs = [f"{server.origin}: {server.log()[-3000:]}" for server in self.servers]
        people = [
            f"{c.person.name}: joined={c.is_joined} position={c.view.position} outbox={len(c.outbox)} "
            f"connections={c.connections} modes={c.view.modes} refusals={dict(c.refusals)} closes={Counter(c.closes)}"
            for c in self.clients
        ]
        return "\n".join(people + logs)

    def check(self) -> list[Stored]:
        """Assert the promise against the database, and return what it holds."""
        stored = stored_messages(self.servers[0], self.room)
        assert [rule for client in self.clients for rule in client.broken_rules] == [], self.describe()
        head = stored_head(self.servers[0], self.room)
        assert [message.seq for message in stored] == list(range(1, head + 1)), "The numbers are not dense."
        by_client_id = {message.client_id: message for message in stored}
        assert len(by_client_id) == len(stored), "A message is stored twice."
        for client in self.clients:
            _check_answers(client, by_client_id)
            _check_view(client, stored)
        _check_order(self.clients, stored)
        return stored


async def eventually(
    question: Callable[[], bool], seconds: float, what: str, details: Callable[[], str] = lambda: ""
) -> None:
    """Ask until the answer is yes; AssertionError with `what` and `details` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, f"Waited {seconds:g} s in vain for {what}.\n{details()}"
        await asyncio.sleep(0.05)


async def _talk(writer: Client, per_second: float, text: str) -> None:
    while True:
        if len(writer.outbox) < MOST_UNANSWERED:
            await writer.say(text)
        await asyncio.sleep(1 / per_second)


def _check_answers(client: Client, by_client_id: dict[str, Stored]) -> None:
    """What was acknowledged is there, at its position; what was not is there once or not at all."""
    for client_id, ack in client.acks.items():
        message = by_client_id[client_id]
        assert message.text == client.said[client_id]
        assert message.sender == client.person.uid
        if ack.state == "stored":
            assert (message.seq, message.uid) == (ack.seq, ack.uid), f"{client_id} moved after it was acknowledged."
    unanswered = client.said.keys() - client.acks.keys()
    assert unanswered <= client.forgotten, "A draft has neither an answer nor been given up."


def _check_view(client: Client, stored: list[Stored]) -> None:
    seen = [
        (m["seq"], m["rev"], m["uid"], m["sender"]["uid"], m["text"]) for _, m in sorted(client.view.messages.items())
    ]
    # A snapshot begins somewhere; from there on nothing may be missing.
    first = seen[0][0] if seen else 1
    assert seen == [(m.seq, m.rev, m.uid, m.sender, m.text) for m in stored if m.seq >= first]
    assert not client.view.provisional, "Something is still shown as provisional."


def _check_order(clients: Sequence[Client], stored: list[Stored]) -> None:
    """Each sender's messages stand in the order of their sending, unless one was refused and sent again."""
    said = defaultdict(list)
    for message in stored:
        said[message.sender].append(message.text.split(" ")[2])
    for client in clients:
        if not client.refusals["overloaded"]:
            assert said[client.person.uid] == sorted(said[client.person.uid]), f"{client.person.name}'s order changed."
