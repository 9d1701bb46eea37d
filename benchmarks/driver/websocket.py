"""As much of RFC 6455 as a load driver needs: the client's handshake, masked frames out, unmasked frames in."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# The mask guards proxies against hostile scripts; there is neither here. A key of zeros is a valid one, and masking
# with it costs the driver nothing while the server unmasks as for any other client.
_ZERO_KEY = b"\0\0\0\0"


class ProtocolError(Exception):
    """The server sent something that RFC 6455 forbids, or that no server under test has a reason to send."""


class Header(NamedTuple):
    """Where a frame's payload stands in the data it was read from."""

    opcode: int
    start: int
    end: int


def new_key() -> str:
    """Return a fresh `Sec-WebSocket-Key`."""
    return base64.b64encode(os.urandom(16)).decode("ascii")


def handshake(host: str, path: str, key: str, headers: dict[str, str]) -> bytes:
    """Return the request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def accept_of(key: str) -> str:
    """Return the `Sec-WebSocket-Accept` that answers a key."""
    digest = hashlib.sha1(key.encode() + _ACCEPT_SALT, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def check_answer(head: bytes, key: str) -> None:
    """Raise ProtocolError unless the answer (up to its empty line) accepts the handshake."""
    status, *lines = head.decode("latin-1").split("\r\n")
    if " 101 " not in status + " ":
        raise ProtocolError(f"the handshake was answered with {status!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("sec-websocket-accept") != accept_of(key):
        raise ProtocolError("the handshake's answer carries a wrong Sec-WebSocket-Accept")


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one masked frame with the whole payload."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
    return head + _ZERO_KEY + payload


def read_header(data: bytes, at: int) -> Header | None:
    """Return the header of the frame at `at`, or None while the frame is not there as a whole.

    Raises ProtocolError for a masked frame or one in several parts: no server under test sends either.
    """
    left = len(data) - at
    if left < 2:
        return None
    first, size = data[at], data[at + 1]
    if not first & 0x80 or not first & 0x0F:
        raise ProtocolError("the server sent a message in several frames")
    if size & 0x80:
        raise ProtocolError("the server sent a masked frame")
    start = at + 2
    if size > 125:
        width = 2 if size == 126 else 8
        if left < 2 + width:
            return None
        start += width
        size = int.from_bytes(data[at + 2 : start], "big")
    if start + size > len(data):
        return None
    return Header(first & 0x0F, start, start + size)
