"""A socket that sends whatever it is told to, right or wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from tests.servers import LiveServer

_READ_BYTES = 65_536
_PATIENCE_SECONDS = 10.0


class LineClosed(Exception):
    """The server has closed the line; `code` is its close code, 1006 without one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


@dataclass
class RawLine:
    """A WebSocket below the level at which a client library would refuse to send nonsense."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: ClientProtocol
    status: int = 0
    _events: list[Any] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status == 101

    async def send(self, payload: bytes, opcode: Opcode = Opcode.TEXT) -> None:
        """Send one frame with these bytes, whatever they are."""
        await self.write(frame_of(payload, opcode))

    async def write(self, data: bytes) -> None:
        """Send bytes that are whole frames already, all at once."""
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, seconds: float = _PATIENCE_SECONDS) -> list[Any]:
        """Return the objects of the next frame. Raises `LineClosed`, and `TimeoutError` when nothing comes."""
        event = await self._next(seconds)
        if event.opcode is Opcode.CLOSE:
            raise LineClosed(Close.parse(event.data).code)
        items = msgspec.json.decode(event.data)
        return items if isinstance(items, list) else [items]

    async def receive_reply(self, seconds: float = _PATIENCE_SECONDS) -> Any:
        """Return the next reply, passing over events."""
        async with asyncio.timeout(seconds):
            while True:
                for item in await self.receive(seconds):
                    if "re" in item:
                        return item

    async def ask(self, command: dict[str, Any]) -> Any:
        await self.send(msgspec.json.encode(command))
        return await self.receive_reply()

    async def _next(self, seconds: float) -> Any:
        async with asyncio.timeout(seconds):
            while not self._events:
                data = await self.reader.read(_READ_BYTES)
                if not data:
                    raise LineClosed(1006)
                self.protocol.receive_data(data)
                self._events += self.protocol.events_received()
        return self._events.pop(0)


def frame_of(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Return a whole frame with these bytes, as a client sends it."""
    return Frame(opcode, payload).serialize(mask=True)


@contextlib.asynccontextmanager
async def raw_line(
    server: LiveServer, *, cookie: str = "", origin: str | None = None, host: str | None = None
) -> AsyncIterator[RawLine]:
    """Shake hands and yield the line, open or refused (`status`). `origin` None is the server's own, "" sends none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    protocol = ClientProtocol(parse_uri(server.ws_url))
    line = RawLine(reader, writer, protocol)
    try:
        request = protocol.connect()
        if cookie:
            request.headers["Cookie"] = cookie
        if origin != "":
            request.headers["Origin"] = origin or server.origin
        if host is not None:
            del request.headers["Host"]
            request.headers["Host"] = host
        protocol.send_request(request)
        writer.write(b"".join(protocol.data_to_send()))
        answer = await line._next(_PATIENCE_SECONDS)
        assert isinstance(answer, Response)
        line.status = answer.status_code
        yield line
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def greeted_line(server: LiveServer, cookie: str) -> AsyncIterator[RawLine]:
    """Yield an open line that has had its `hello`."""
    async with raw_line(server, cookie=cookie) as line:
        assert line.is_open
        [hello] = await line.receive()
        assert hello["ev"] == "hello"
        yield line
