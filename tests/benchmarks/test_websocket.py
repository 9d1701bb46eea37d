"""The driver's end of RFC 6455."""

from __future__ import annotations

import pytest

from benchmarks.driver import websocket


def server_frame(payload: bytes, opcode: int = websocket.TEXT) -> bytes:
    """Return the payload as a server sends it: the client's frame without mask bit and key."""
    masked = websocket.client_frame(payload, opcode)
    head = masked[: len(masked) - len(payload) - 4]
    return bytes((head[0], head[1] & 0x7F)) + head[2:] + payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_header_is_read_at_every_size(size: int) -> None:
    payload = b"x" * size
    data = b"before" + server_frame(payload) + b"after"
    header = websocket.read_header(data, 6)
    assert header is not None
    assert header.opcode == websocket.TEXT
    assert data[header.start : header.end] == payload
    assert data[header.end :] == b"after"


@pytest.mark.parametrize("size", [1, 126, 65536])
def test_header_is_none_until_the_last_byte(size: int) -> None:
    data = server_frame(b"x" * size)
    for missing in (1, size, len(data) - 1):
        assert websocket.read_header(data[: len(data) - missing], 0) is None


def test_client_frame_is_masked() -> None:
    frame = websocket.client_frame(b"hello")
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    key, payload = frame[2:6], frame[6:]
    assert bytes(byte ^ key[index % 4] for index, byte in enumerate(payload)) == b"hello"


def test_masked_frame_of_a_server_is_refused() -> None:
    with pytest.raises(websocket.ProtocolError, match="masked"):
        websocket.read_header(websocket.client_frame(b"hello"), 0)


@pytest.mark.parametrize("first", [0x01, 0x80])
def test_message_in_parts_is_refused(first: int) -> None:
    with pytest.raises(websocket.ProtocolError, match="several frames"):
        websocket.read_header(bytes((first, 1)) + b"x", 0)


def test_answer_with_the_right_accept_passes() -> None:
    # The example of RFC 6455, section 1.3.
    head = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    websocket.check_answer(head, "dGhlIHNhbXBsZSBub25jZQ==")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0",
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAA",
        b"HTTP/1.1 101 Switching Protocols",
    ],
)
def test_answer_without_acceptance_is_refused(head: bytes) -> None:
    with pytest.raises(websocket.ProtocolError):
        websocket.check_answer(head, "dGhlIHNhbXBsZSBub25jZQ==")
