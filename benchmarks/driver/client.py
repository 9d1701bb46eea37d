"""One WebSocket connection. No task of its own: all work happens where data arrives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from benchmarks.driver import websocket
from benchmarks.driver.dialects import Dialect, Joined, Position, Seat
from benchmarks.driver.frames import Frame, FrameBook, News, Reply
from benchmarks.driver.meter import Meter

ReplyHandler = Callable[[Reply], None]
JOIN_IDENT = 1


class JoinRefused(Exception):
    """The server answered a join with an error; the message is its code."""


class Client(asyncio.Protocol):
    """A member of one room who counts what arrives.

    `count` is the messages delivered so far, in `frames` frames, and `position` the last number seen. A `sampled`
    client records how long each delivery took. `joined` is resolved with the answer to the join.
    """

    def __init__(self, dialect: Dialect, meter: Meter, book: FrameBook, seat: Seat, since: Position | None = None):
        self.dialect = dialect
        self.meter = meter
        self.book = book
        self.seat = seat
        self.since = since
        self.sampled = False
        self.count = 0
        self.frames = 0
        self.received = 0
        self.position = 0
        self.is_closing = False
        self.heartbeat_seconds = 0.0
        self.joined: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        self.on_reply: ReplyHandler | None = None
        self.on_authors: Callable[[list[tuple[int, int]]], None] | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self._chains = True
        self._key = websocket.new_key()
        self._last = Frame()
        self._next_ident = JOIN_IDENT
        self._open = False
        self._rest = b""

    def become_writer(self, on_reply: ReplyHandler, on_authors: Callable[[list[tuple[int, int]]], None]) -> None:
        """Hand replies to a writer.

        A writer's own messages differ from everybody else's (they carry its `client_id`), so its frames would spoil
        the order in which the others find theirs; where it lives on echoes, it has to look into every frame.
        """
        self.on_reply = on_reply
        self._chains = False
        if self.dialect.echoes:
            self.on_authors = on_authors

    def next_ident(self) -> int:
        self._next_ident += 1
        return self._next_ident

    def write(self, payload: bytes) -> None:
        self.transport.write(websocket.client_frame(payload))

    def hang_up(self) -> None:
        """Lose the line: no closing handshake, unsent data is dropped."""
        self.is_closing = True
        self.transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, so nothing can be asserted here.
        self.transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        headers = {"Origin": f"http://{host}:{port}"}
        if self.seat.cookie:
            headers["Cookie"] = self.seat.cookie
        path = self.dialect.path(self.seat)
        self.transport.write(websocket.handshake(f"{host}:{port}", path, self._key, headers))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.joined.done():
            self.joined.set_exception(ConnectionError("the server closed the line before the join was answered"))
        if not self.is_closing:
            self.meter.closes[f"line lost: {exc!r}" if exc else "line lost"] += 1
            self.is_closing = True

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not self._open:
            data = self._finish_handshake(data)
        recorder = self.meter.delivery if self.sampled and self.meter.is_recording else None
        now = time.monotonic_ns() if recorder else 0
        at, size, last, count, frames = 0, len(data), self._last, 0, 0
        while at < size:
            frame = last.following
            if frame is not None and data.startswith(frame.raw, at):
                at += frame.size
            else:
                self._last = last
                header = websocket.read_header(data, at)
                if header is None:
                    self._rest = data[at:]
                    break
                frame = self._look_into(data, at, header)
                at = header.end
                if frame is None:
                    continue
            last = frame
            count += frame.count
            frames += 1
            if recorder:
                recorder.record_since(now, frame.stamps)
        self._last = last
        self.count += count
        self.frames += frames
        # A frame without a number (a dialect that has none) leaves the position alone.
        self.position = last.last or self.position

    # The slow path: a frame that did not follow as it did elsewhere.

    def _finish_handshake(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._rest = data
            return b""
        try:
            websocket.check_answer(head, self._key)
        except websocket.ProtocolError as error:
            self.joined.set_exception(error)
            self.hang_up()
            return b""
        self._open = True
        for payload in self.dialect.opening():
            self.write(payload)
        if self.dialect.join(JOIN_IDENT, self.seat, None) is None:
            self.joined.set_result(self.dialect.joined(b""))
        return rest

    def _look_into(self, data: bytes, at: int, header: websocket.Header) -> Frame | None:
        """Return the frame that moves the position, or None after acting on any other."""
        if header.opcode != websocket.TEXT:
            self._answer_control(header.opcode, data[header.start : header.end])
            return None
        frame = self.book.find(data, at) if self.on_authors is None else None
        if frame is None:
            news = self.dialect.read(data[header.start : header.end])
            self._act_on(news)
            if not news.count and not news.first:
                return None
            frame = Frame(data[at : header.end], news)
            # A frame with a reply in it is one member's alone.
            if self._chains and not news.replies:
                self.book.add(frame)
        wanted = (self._last.last or self.position) + 1
        if frame.first:
            self.meter.check_position(frame.first, frame.last, wanted, is_dense=frame.is_dense)
        # Only what came at its place may teach the others what to expect.
        if self._chains and frame.first in (0, wanted):
            self._last.following = frame
        return frame

    def _answer_control(self, opcode: int, payload: bytes) -> None:
        if opcode == websocket.PING:
            self.transport.write(websocket.client_frame(payload, websocket.PONG))
        elif opcode == websocket.CLOSE and not self.is_closing:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self.meter.closes[str(code)] += 1
            self.hang_up()

    def _act_on(self, news: News) -> None:
        for name, value in news.signals:
            self._obey(name, value)
        for reply in news.replies:
            if reply.ident == JOIN_IDENT:
                self._take_join(reply)
            elif self.on_reply:
                self.on_reply(reply)
        if self.on_authors and news.authors:
            self.on_authors(news.authors)

    def _obey(self, name: str, value: Any) -> None:
        if name == "ready":
            payload = self.dialect.join(JOIN_IDENT, self.seat, self.since)
            if payload:
                self.write(payload)
        elif name == "heartbeat":
            self.heartbeat_seconds = value
        elif name == "ping":
            self.write(value)
        elif name == "bye":
            self.meter.closes[f"bye {value}"] += 1

    def _take_join(self, reply: Reply) -> None:
        if reply.error:
            self.joined.set_exception(JoinRefused(reply.error))
            return
        answer = self.dialect.joined(reply.body)
        self.position = answer.position.seq
        self.joined.set_result(answer)
