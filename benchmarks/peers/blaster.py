"""A server that does nothing but write: it finds out how much the driver can take.

`python -m benchmarks.peers.blaster --dialect pavilion|socketio --port N --members N --per-frame N`. It speaks just
enough of each dialect to let the members in; once all are there it writes one frame after the other to each of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator

from benchmarks.driver.text import Stamp, write_text
from benchmarks.driver.websocket import accept_of


def frame(payload: bytes) -> bytes:
    """Return the payload as one unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def read_until(line: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        part = line.recv(65536)
        if not part:
            raise ConnectionError("a member left while it was being let in")
        data += part
    return data


def let_in(line: socket.socket, dialect: str) -> None:
    """Answer the handshake and the join."""
    request = read_until(line, b"\r\n\r\n").decode("latin-1")
    key = next(part.split(": ")[1] for part in request.split("\r\n") if part.lower().startswith("sec-websocket-key"))
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    line.sendall(f"{head}Sec-WebSocket-Accept: {accept_of(key)}\r\n\r\n".encode())
    if dialect == "pavilion":
        line.sendall(frame(b'{"ev":"hello","d":{"protocol":1,"heartbeat_ms":0}}'))
        read_until(line, b"room.join")
        line.sendall(frame(b'{"re":1,"ok":{"mode":"snapshot","epoch":"e","head":0,"messages":[]}}'))
    else:
        line.sendall(frame(b'40{"sid":"none"}'))
        read_until(line, b"join")
        line.sendall(frame(b'431[{"seq":0}]'))


def pavilion_message(seq: int) -> dict[str, object]:
    """Return an event of the size that Pavilion sends."""
    at = "2026-01-01T00:00:00.000Z"
    sender = {"uid": "abcdefghijklmnop", "name": "Guest 00001", "guest": True, "role": "member"}
    body = {"seq": seq, "rev": seq, "uid": f"{seq:016d}", "kind": "chat", "sender": sender, "at": at, "edited_at": None}
    body |= {"text": write_text(Stamp(time.monotonic_ns(), 0, seq)), "reply_to": None, "reactions": {}, "mine": []}
    body |= {"mentions": [], "pinned": False, "deleted": False}
    return {"ev": "message.created", "room": "qrstuvwxyz234567", "seq": seq, "at": at, "d": body}


def pavilion_frames(per_frame: int) -> Iterator[bytes]:
    for first in itertools.count(1, per_frame):
        events = [pavilion_message(seq) for seq in range(first, first + per_frame)]
        yield frame(json.dumps(events if per_frame > 1 else events[0], separators=(",", ":")).encode())


def socketio_frames(per_frame: int) -> Iterator[bytes]:
    """Socket.IO has one message in each frame; `per_frame` of them are written at once."""
    for first in itertools.count(1, per_frame):
        parts = []
        for seq in range(first, first + per_frame):
            message = {"seq": seq, "uid": "0" * 36, "name": "Visitor 000000"}
            message |= {"text": write_text(Stamp(time.monotonic_ns(), 0, seq)), "at": "2026-01-01T00:00:00.000Z"}
            parts.append(frame(b"42" + json.dumps(["message", message], separators=(",", ":")).encode()))
        yield b"".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write to all members as fast as they take it.")
    parser.add_argument("--dialect", choices=("pavilion", "socketio"), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--per-frame", type=int, required=True)
    options = parser.parse_args()
    frames: Callable[[int], Iterator[bytes]] = pavilion_frames if options.dialect == "pavilion" else socketio_frames
    lines = []
    with socket.create_server(("127.0.0.1", options.port), backlog=4096) as listener:
        for _ in range(options.members):
            line, _address = listener.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            let_in(line, options.dialect)
            lines.append(line)
    try:
        for data in frames(options.per_frame):
            for line in lines:
                line.sendall(data)
    except OSError:
        # The driver hung up: the measurement is over.
        return


if __name__ == "__main__":
    main()
