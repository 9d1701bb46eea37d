"""What starts and stops with a server, and what it finds left over from one that was killed."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections

from chat.models import Message
from config.asgi import application
from operations.models import ServerNode
from realtime.runtime import current
from realtime.spool import Spool
from tests.rig import Socket, draft, in_db, log_in, make_guest, open_room, until

pytestmark = pytest.mark.django_db(transaction=True)


class Lifespan:
    """The server's side of the lifespan protocol."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._told: asyncio.Queue[dict] = asyncio.Queue()
        self._task = asyncio.create_task(application({"type": "lifespan"}, self._told.get, self._send))

    async def _send(self, message) -> None:
        self.said.append(message["type"])

    async def tell(self, what: str) -> None:
        await self._told.put({"type": f"lifespan.{what}"})
        await until(lambda: any(said.startswith(f"lifespan.{what}.") for said in self.said), what)

    async def ended(self) -> None:
        await asyncio.wait_for(self._task, 10)
        # The start looks for journals in asgiref's thread, whose connection nobody else closes.
        await sync_to_async(connections.close_all)()


@pytest.fixture
def spool_folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"
    return settings.SPOOL_DIR


def left_behind(folder, *drafts) -> None:
    spool = Spool(folder, "killed", 10_000)
    spool.open()
    spool.append([msgspec.json.encode(given) for given in drafts])
    spool.close()


async def test_start_and_stop(spool_folder):
    server = Lifespan()
    await server.tell("startup")
    assert current() is not None
    await until_listed()
    await server.tell("shutdown")
    await server.ended()
    assert server.said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert current() is None
    assert not await in_db(ServerNode.objects.exists)
    assert list(spool_folder.iterdir()) == []


async def until_listed() -> None:
    for _ in range(200):
        if await in_db(ServerNode.objects.exists):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("The server is not listed.")


async def test_start_stores_what_a_killed_process_had_acknowledged(spool_folder):
    bob = await in_db(make_guest)
    room = await in_db(open_room, bob)
    left_behind(spool_folder, *(draft(bob, room, str(n)) for n in range(3)))
    server = Lifespan()
    await server.tell("startup")
    assert await in_db(lambda: list(Message.objects.order_by("seq").values_list("body", flat=True))) == ["0", "1", "2"]
    assert not (spool_folder / "killed.journal").exists()
    socket = Socket(await in_db(log_in, bob))
    await socket.open()
    await socket.join(room)
    assert (await socket.say(room, "new"))["seq"] == 4
    await server.tell("shutdown")
    assert await socket.closed() == 4001
    await socket.leave()
    await server.ended()


async def test_start_without_the_database_keeps_the_journal_for_later(spool_folder, monkeypatch):
    bob = await in_db(make_guest)
    room = await in_db(open_room, bob)
    left_behind(spool_folder, draft(bob, room, "kept"))

    def away(*args):
        raise OperationalError("away")

    monkeypatch.setattr("chat.live.replay_drafts", away)
    monkeypatch.setattr("operations.background._BEAT_SECONDS", 0.05)
    server = Lifespan()
    await server.tell("startup")
    assert server.said == ["lifespan.startup.complete"]
    assert (spool_folder / "killed.journal").exists()
    monkeypatch.undo()
    await until(lambda: not (spool_folder / "killed.journal").exists())
    assert (await in_db(Message.objects.get)).body == "kept"
    await server.tell("shutdown")
    await server.ended()


async def test_start_that_fails_is_told_to_the_server(spool_folder, monkeypatch):
    async def broken(self):
        raise RuntimeError("no room on the disk")

    monkeypatch.setattr("realtime.runtime.Runtime.start", broken)
    server = Lifespan()
    await server.tell("startup")
    await server.ended()
    assert server.said == ["lifespan.startup.failed"]
