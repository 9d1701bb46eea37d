"""What a client counts, fed with bytes as a server would send them, whole and cut at every place."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from benchmarks.driver import websocket
from benchmarks.driver.client import Client, JoinRefused
from benchmarks.driver.dialects import PavilionDialect, Seat, SocketIoDialect, StockDialect
from benchmarks.driver.frames import FrameBook
from benchmarks.driver.meter import Meter
from benchmarks.driver.text import Stamp, read_text, write_text
from benchmarks.driver.writers import Writer
from tests.benchmarks.test_websocket import server_frame

HELLO = {"ev": "hello", "d": {"protocol": 1, "heartbeat_ms": 25000}}
JOINED = {"re": 1, "ok": {"mode": "snapshot", "epoch": "e", "head": 10, "messages": []}}


class Line(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 8200)})
        self.written: list[bytes] = []
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.is_aborted = True


def answer_of(key: str) -> bytes:
    """Return the head with which a server accepts the handshake."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + websocket.accept_of(key).encode() + b"\r\n\r\n"
    )


def key_of(line: Line) -> str:
    request = line.written[0].decode()
    return next(part.split(": ")[1] for part in request.split("\r\n") if part.startswith("Sec-WebSocket-Key"))


def frame(*objects: dict[str, Any]) -> bytes:
    return server_frame(json.dumps(objects[0] if len(objects) == 1 else objects).encode())


def message(seq: int, writer: int = 0) -> dict[str, Any]:
    text = write_text(Stamp(time.monotonic_ns(), writer, seq))
    return {"ev": "message.created", "room": "R", "seq": seq, "d": {"kind": "chat", "text": text}}


def opened(meter: Meter, book: FrameBook) -> Client:
    """Return a Pavilion client that has joined at position 10."""
    client = Client(PavilionDialect(), meter, book, Seat("R", "sessionid=x"))
    line = Line()
    client.connection_made(line)
    client.data_received(answer_of(key_of(line)) + frame(HELLO) + frame(JOINED))
    return client


async def test_join_is_sent_after_hello_and_answered() -> None:
    client = opened(Meter(), FrameBook())
    assert client.joined.result().position.seq == client.position == 10
    request = client.transport.written[0]
    assert b"Cookie: sessionid=x\r\n" in request
    assert b"Origin: http://127.0.0.1:8200\r\n" in request
    command = json.loads(client.transport.written[1].partition(b"\0\0\0\0")[2])
    assert command == {"id": 1, "op": "room.join", "room": "R", "d": {"limit": 50}}


async def test_refused_join_raises_its_code() -> None:
    client = Client(PavilionDialect(), Meter(), FrameBook(), Seat("R"))
    line = Line()
    client.connection_made(line)
    client.data_received(answer_of(key_of(line)) + frame(HELLO) + frame({"re": 1, "err": {"code": "not_found"}}))
    with pytest.raises(JoinRefused, match="not_found"):
        client.joined.result()


async def test_same_bytes_are_counted_on_every_client() -> None:
    meter, book = Meter(), FrameBook()
    clients = [opened(meter, book) for _ in range(3)]
    data = frame(message(11)) + frame(message(12), message(13)) + frame({"ev": "presence.count", "d": {"online": 3}})
    for client in clients:
        client.data_received(data + frame(message(14)) if client is clients[0] else data)
    assert [client.count for client in clients] == [4, 3, 3]
    assert [client.position for client in clients] == [14, 13, 13]
    assert not meter.faults


async def test_bytes_cut_anywhere_are_counted_once() -> None:
    data = frame(message(11)) + frame(message(12), message(13)) + server_frame(b"", websocket.PING) + frame(message(14))
    meter, book = Meter(), FrameBook()
    for cut in range(len(data) + 1):
        client = opened(meter, book)
        client.data_received(data[:cut])
        client.data_received(data[cut:])
        assert (client.count, client.position) == (4, 14)
        assert client.transport.written[-1] == websocket.client_frame(b"", websocket.PONG)
    assert not meter.faults


@pytest.mark.parametrize(
    ("seqs", "fault"), [([[12]], "gap"), ([[11], [11]], "double"), ([[11, 13]], "unordered"), ([[12], [11]], "gap")]
)
async def test_wrong_positions_are_faults_on_every_client(seqs: list[list[int]], fault: str) -> None:
    meter, book = Meter(), FrameBook()
    clients = [opened(meter, book), opened(meter, book)]
    data = b"".join(frame(*(message(seq) for seq in group)) for group in seqs)
    for client in clients:
        client.data_received(data)
    assert meter.faults[fault] == 2


async def test_closed_loop_writer_sends_again_on_its_own_reply() -> None:
    client = opened(Meter(), FrameBook())
    writer = Writer(client, 3, 1)
    writer.is_closed_loop = True
    client.meter.is_recording = True
    writer.send(time.monotonic_ns())
    first = json.loads(client.transport.written[-1].partition(b"\0\0\0\0")[2])
    assert len(first["d"]["text"]) == 60
    client.data_received(frame({"re": first["id"], "ok": {"seq": 11, "state": "stored"}}, message(11, 3)))
    second = json.loads(client.transport.written[-1].partition(b"\0\0\0\0")[2])
    assert second["id"] == first["id"] + 1
    assert second["d"]["client_id"] != first["d"]["client_id"]
    assert read_text(second["d"]["text"]).writer == 3
    assert (client.count, client.meter.acknowledged, client.meter.ack.total) == (1, 1, 1)
    assert client.meter.outcomes == {"stored": 1}


async def test_delivery_is_timed_from_the_stamp_in_the_text() -> None:
    client = opened(Meter(), FrameBook())
    client.sampled = client.meter.is_recording = True
    event = message(11)
    event["d"]["text"] = write_text(Stamp(time.monotonic_ns() - 250_000_000, 0, 1))
    client.data_received(frame(event))
    assert 250 <= client.meter.delivery.summary_ms()["p50"] < 300


async def test_close_by_the_server_is_counted_with_its_code() -> None:
    client = opened(Meter(), FrameBook())
    client.data_received(server_frame((4002).to_bytes(2, "big"), websocket.CLOSE))
    client.connection_lost(None)
    assert client.meter.closes == {"4002": 1}


def test_socketio_frames_are_read() -> None:
    dialect = SocketIoDialect()
    text = write_text(Stamp(7, 0, 1))
    news = dialect.read(b"42" + json.dumps(["message", {"seq": 5, "text": text, "uid": "u"}]).encode())
    assert (news.count, news.first, news.last, news.stamps) == (1, 5, 5, [7])
    assert dialect.read(b'4312[{"seq":5}]').replies[0].ident == 12
    assert dialect.read(b"2").signals == [("ping", b"3")]


def test_stock_frames_name_their_writer() -> None:
    news = StockDialect().read(json.dumps({"message": write_text(Stamp(7, 4, 9))}).encode())
    assert (news.count, news.first, news.authors) == (1, 0, [(4, 9)])
