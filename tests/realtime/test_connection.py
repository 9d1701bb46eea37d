"""The sending side of a socket: nobody waits for a slow reader, and nothing is sent twice or out of order."""

from __future__ import annotations

import asyncio
import json

import pytest

from realtime.close_codes import CloseCode
from realtime.connection import Connection
from tests.rig import until


class Line:
    """What the server's `send` is to a connection. It waits while `is_stuck`, and raises once `is_gone`."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.free = asyncio.Event()
        self.free.set()
        self.is_gone = False
        self.steps = 1

    async def send(self, message: dict) -> None:
        for _ in range(self.steps):
            await self.free.wait()
        if self.is_gone:
            raise ConnectionResetError
        self.sent.append(message)

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if "text" in message]


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def connection(line):
    return Connection(line.send, uid="c", user=1, session_key="s")


async def test_push_is_sent_at_once_without_a_task(line, connection):
    before = len(asyncio.all_tasks())
    connection.push("one")
    assert (line.texts, connection.is_busy, len(asyncio.all_tasks())) == (["one"], False, before)


async def test_push_to_a_slow_reader_returns_and_keeps_the_order(line, connection):
    line.free.clear()
    for text in ('{"n":1}', '{"n":2}', '{"n":3}'):
        connection.push(text)
    assert (line.texts, connection.is_busy, connection.queued_bytes) == ([], True, 14)
    line.free.set()
    await until(lambda: not connection.is_busy)
    assert line.texts == ['{"n":1}', '[{"n":2},{"n":3}]']
    assert connection.queued_bytes == 0


async def test_push_that_waits_several_times_is_driven_to_its_end(line, connection):
    line.steps = 4
    line.free.clear()
    connection.push("one")
    for _ in range(4):
        line.free.set()
        await asyncio.sleep(0)
        line.free.clear()
    line.free.set()
    await until(lambda: line.texts == ["one"])
    assert not connection.is_busy


async def test_drained_is_told_once_the_reader_reads_again(line, connection):
    told = []
    connection.on_drained = told.append
    line.free.clear()
    connection.push("one")
    await asyncio.sleep(0.01)
    assert told == []
    line.free.set()
    await until(lambda: told == [connection])


@pytest.mark.parametrize("is_stuck", [False, True])
async def test_socket_that_is_gone_takes_nothing_more(line, connection, is_stuck):
    line.is_gone = True
    if is_stuck:
        line.free.clear()
    connection.push("one")
    line.free.set()
    await until(lambda: connection.is_closed)
    line.is_gone = False
    connection.push("two")
    connection.close(CloseCode.RESTART)
    await connection.closed()
    assert line.sent == []


async def test_close_says_bye_first(line, connection):
    connection.close(CloseCode.BANNED, room="R")
    connection.close(CloseCode.RESTART)
    connection.push("too late")
    await connection.closed()
    bye, close = line.sent
    d = {"code": 4503, "reason": "banned", "reconnect": False, "retry_after_ms": 0, "room": "R"}
    assert json.loads(bye["text"]) == {"ev": "bye", "d": d}
    assert close == {"type": "websocket.close", "code": 4503, "reason": "banned"}
    assert connection.is_closed


async def test_close_of_a_slow_reader_drops_what_was_queued(line, connection):
    line.free.clear()
    connection.push("under way")
    connection.push("queued")
    connection.close(CloseCode.SLOW_CONSUMER, retry_after_ms=1000)
    assert connection.is_closing
    line.free.set()
    await connection.closed()
    assert [text for text in line.texts if "queued" in text] == []
    assert [message["code"] for message in line.sent if "code" in message] == [4002]


async def test_close_of_one_who_reads_nothing_gives_up(line, connection, monkeypatch):
    monkeypatch.setattr("realtime.connection._LAST_WORDS_SECONDS", 0.05)
    line.free.clear()
    connection.close(CloseCode.SLOW_CONSUMER)
    await asyncio.wait_for(connection.closed(), 2)
    await until(lambda: connection.is_closed)


async def test_close_of_a_socket_that_is_gone_is_no_error(line, connection):
    line.is_gone = True
    connection.close(CloseCode.RESTART)
    await connection.closed()
    assert connection.is_closed
