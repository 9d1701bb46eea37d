"""The wire of each server under test: how to open, join, send, and what a payload says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from benchmarks.driver.frames import News, Reply
from benchmarks.driver.text import read_text


@dataclass(frozen=True, slots=True)
class Seat:
    """One member of one room. `cookie` is the whole Cookie header, empty where the peer asks for none."""

    room: str
    cookie: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a member stands in a room's history."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a join. `missed` holds the positions that the server supplied after the one asked for."""

    mode: str
    position: Position
    missed: list[int]


class Dialect(Protocol):
    """What a client needs to know about a server. `echoes` says that one's own message is its acknowledgement."""

    echoes: bool

    def path(self, seat: Seat) -> str: ...

    def opening(self) -> list[bytes]:
        """Payloads to send as soon as the WebSocket is open."""

    def read(self, payload: bytes) -> News:
        """Say what a payload holds. The signals `ready`, `joined`, `ping`, `bye` and `heartbeat` concern the client."""

    def join(self, ident: int, seat: Seat, since: Position | None) -> bytes | None:
        """The payload that enters the room, or None where opening the socket did it."""

    def joined(self, body: bytes) -> Joined: ...

    def send(self, ident: int, seat: Seat, text: str, client_id: str) -> bytes: ...

    def heartbeat(self, ident: int, seat: Seat, seq: int) -> bytes | None: ...


class _Data(msgspec.Struct):
    text: str = ""
    kind: str = "chat"
    code: int = 0
    heartbeat_ms: int = 0


class _Error(msgspec.Struct):
    code: str = "unknown"


class _Envelope(msgspec.Struct):
    ev: str | None = None
    re: int | None = None
    seq: int = 0
    d: _Data | None = None
    ok: msgspec.Raw = msgspec.Raw()
    err: _Error | None = None


class _Stored(msgspec.Struct):
    state: str = ""


class _PavilionJoined(msgspec.Struct):
    mode: str
    epoch: str
    head: int
    events: list[_Envelope] = []


class PavilionDialect:
    """Pavilion's `/ws/`, version 1 (see `docs/protocol.md`)."""

    echoes = False

    def __init__(self) -> None:
        self._many = msgspec.json.Decoder(list[_Envelope])
        self._one = msgspec.json.Decoder(_Envelope)
        self._state = msgspec.json.Decoder(_Stored)
        self._join = msgspec.json.Decoder(_PavilionJoined)
        self._encode = msgspec.json.Encoder().encode

    def path(self, seat: Seat) -> str:
        return "/ws/"

    def opening(self) -> list[bytes]:
        return []

    def read(self, payload: bytes) -> News:
        envelopes = self._many.decode(payload) if payload[:1] == b"[" else [self._one.decode(payload)]
        news = News()
        for envelope in envelopes:
            if envelope.re is not None:
                news.replies.append(self._reply(envelope))
            elif envelope.seq:
                self._take_event(news, envelope)
            elif envelope.ev == "hello" and envelope.d:
                news.signals.append(("heartbeat", envelope.d.heartbeat_ms / 1000))
                news.signals.append(("ready", None))
            elif envelope.ev == "bye" and envelope.d:
                news.signals.append(("bye", envelope.d.code))
        return news

    def _reply(self, envelope: _Envelope) -> Reply:
        ident = envelope.re or 0
        if envelope.err:
            return Reply(ident, error=envelope.err.code)
        body = bytes(envelope.ok)
        # Only the answer to a message has a state, and only a join's answer is long.
        state = self._state.decode(body).state if body.startswith(b"{") else ""
        return Reply(ident, state=state, body=body)

    def _take_event(self, news: News, envelope: _Envelope) -> None:
        news.take_position(envelope.seq)
        if envelope.ev == "message.created" and envelope.d and envelope.d.kind == "chat":
            news.count += 1
            news.stamps.append(read_text(envelope.d.text).at_ns)

    def join(self, ident: int, seat: Seat, since: Position | None) -> bytes | None:
        data: dict[str, Any] = {"limit": 50}
        if since:
            data["since"] = {"epoch": since.epoch, "seq": since.seq}
        return self._command(ident, "room.join", seat, data)

    def joined(self, body: bytes) -> Joined:
        answer = self._join.decode(body)
        missed = [event.seq for event in answer.events]
        return Joined(answer.mode, Position(answer.epoch, answer.head), missed)

    def send(self, ident: int, seat: Seat, text: str, client_id: str) -> bytes:
        return self._command(ident, "message.send", seat, {"client_id": client_id, "text": text})

    def heartbeat(self, ident: int, seat: Seat, seq: int) -> bytes | None:
        return self._encode({"id": ident, "op": "heartbeat", "d": {"rooms": {seat.room: seq}}})

    def _command(self, ident: int, op: str, seat: Seat, data: dict[str, Any]) -> bytes:
        return self._encode({"id": ident, "op": op, "room": seat.room, "d": data})


class _SocketIoMessage(msgspec.Struct):
    seq: int
    text: str


class SocketIoDialect:
    """Engine.IO 4 and Socket.IO 5 over WebSocket alone, towards `peers/socketio/server.js`."""

    echoes = False

    def __init__(self) -> None:
        self._event = msgspec.json.Decoder(tuple[str, _SocketIoMessage])
        self._encode = msgspec.json.Encoder().encode

    def path(self, seat: Seat) -> str:
        return "/socket.io/?EIO=4&transport=websocket"

    def opening(self) -> list[bytes]:
        return [b"40"]

    def read(self, payload: bytes) -> News:
        news = News()
        kind = payload[:2]
        if kind == b"42":
            message = self._event.decode(payload[2:])[1]
            news.take_position(message.seq)
            news.count = 1
            news.stamps.append(read_text(message.text).at_ns)
        elif kind == b"43":
            ident, _, body = payload[2:].partition(b"[")
            news.replies.append(Reply(int(ident), state="in memory", body=b"[" + body))
        elif kind == b"40":
            news.signals.append(("ready", None))
        elif kind == b"2":
            news.signals.append(("ping", b"3"))
        return news

    def join(self, ident: int, seat: Seat, since: Position | None) -> bytes | None:
        return b"42%d" % ident + self._encode(["join", seat.room])

    def joined(self, body: bytes) -> Joined:
        answer = msgspec.json.decode(body)[0]
        return Joined("snapshot", Position("", answer["seq"]), [])

    def send(self, ident: int, seat: Seat, text: str, client_id: str) -> bytes:
        return b"42%d" % ident + self._encode(["message", seat.room, text])

    def heartbeat(self, ident: int, seat: Seat, seq: int) -> bytes | None:
        return None


class _StockMessage(msgspec.Struct):
    message: str


class StockDialect:
    """The tutorial's JSON: no position, no acknowledgement. A writer waits for its own message to come back."""

    echoes = True

    def __init__(self) -> None:
        self._message = msgspec.json.Decoder(_StockMessage)
        self._encode = msgspec.json.Encoder().encode

    def path(self, seat: Seat) -> str:
        return f"/ws/{seat.room}/"

    def opening(self) -> list[bytes]:
        return []

    def read(self, payload: bytes) -> News:
        stamp = read_text(self._message.decode(payload).message)
        return News(count=1, stamps=[stamp.at_ns], authors=[(stamp.writer, stamp.number)])

    def join(self, ident: int, seat: Seat, since: Position | None) -> bytes | None:
        return None

    def joined(self, body: bytes) -> Joined:
        return Joined("snapshot", Position("", 0), [])

    def send(self, ident: int, seat: Seat, text: str, client_id: str) -> bytes:
        return self._encode({"message": text})

    def heartbeat(self, ident: int, seat: Seat, seq: int) -> bytes | None:
        return None


DIALECTS: dict[str, type[Dialect]] = {
    "pavilion": PavilionDialect,
    "socketio": SocketIoDialect,
    "stock": StockDialect,
}
