"""Frames that many connections share are the frames that the WebSocket library would have made for each."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.protocol import State
from websockets.server import ServerProtocol

from operations.server import server_config
from operations.websocket import FanOutProtocol, text_frame


def frame_of_the_library(text: str) -> bytes:
    protocol = ServerProtocol()
    protocol.state = State.OPEN
    protocol.send_text(text.encode())
    return b"".join(protocol.data_to_send())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_frame_has_the_header_for_its_size(size):
    assert text_frame("x" * size) == frame_of_the_library("x" * size)


@pytest.mark.parametrize("text", ["Grüße", "🎪" * 40, "مساء الخير", '{"a":[1,2]}'])
def test_frame_counts_bytes_and_not_characters(text):
    assert text_frame(text) == frame_of_the_library(text)


class Wire(asyncio.Transport):
    """What was written, in place of a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False


async def nothing(scope, receive, send):
    """An application that does nothing: frames are handed to the protocol directly."""


@pytest.fixture
async def protocol():
    config = server_config(nothing)
    config.load()
    protocol = FanOutProtocol(config=config, server_state=ServerState(), app_state={})
    protocol.transport = Wire()
    protocol.conn.state = State.OPEN
    protocol.handshake_complete = True
    return protocol


def test_server_runs_with_it():
    config: uvicorn.Config = server_config(nothing)
    config.load()
    assert config.ws_protocol_class is FanOutProtocol


async def test_text_is_written_at_once(protocol):
    await protocol.send({"type": "websocket.send", "text": "hello"})
    assert protocol.transport.written == b"\x81\x05hello"


async def test_bytes_go_the_usual_way(protocol):
    await protocol.send({"type": "websocket.send", "bytes": b"hello"})
    assert protocol.transport.written == b"\x82\x05hello"


async def test_text_waits_while_the_peer_does_not_read(protocol):
    protocol.pause_writing()
    sending = asyncio.ensure_future(protocol.send({"type": "websocket.send", "text": "hello"}))
    await asyncio.sleep(0)
    assert protocol.transport.written == b""
    protocol.resume_writing()
    await sending
    assert protocol.transport.written == b"\x81\x05hello"


async def test_text_after_the_connection_is_lost_is_an_error(protocol):
    protocol.disconnected = True
    with pytest.raises(ClientDisconnected):
        await protocol.send({"type": "websocket.send", "text": "hello"})
    assert protocol.transport.written == b""


async def test_text_after_the_peer_has_closed_is_an_error(protocol):
    protocol.conn.state = State.CLOSING
    with pytest.raises(ClientDisconnected):
        await protocol.send({"type": "websocket.send", "text": "hello"})
    assert protocol.transport.written == b""
