"""Frames: what arrives, what leaves, and how both are encoded.

A frame from the client is one JSON object, a `Command`. A frame to the client is one JSON object or an array of
them, in order. Everything that leaves is encoded once, to text, and from then on only joined: a room of a
thousand people costs one encoding, not a thousand.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from realtime.errors import ClientError

# The largest frame taken from a client, in bytes. The server is started with the same limit and closes with 1009 above.
MAX_FRAME_BYTES = 65_536

_encoder = msgspec.json.Encoder()


class Command(msgspec.Struct, frozen=True):
    """One request of a client. `d` stays raw until the handler names the type that it must have."""

    id: int
    op: str
    room: str = ""
    d: msgspec.Raw = msgspec.Raw(b"{}")


class _IdOnly(msgspec.Struct):
    id: Any = None


class Event(msgspec.Struct, frozen=True):
    """One change of a topic, ready to send.

    number:   its place in the topic; dense, so that a receiver can see a gap.
    text:     the encoded object, as everybody sees it.
    key:      what it is the present state of; a later event with the same key replaces it.
    owner:    the user (primary key) who gets `owned_text` in place of `text`; 0 for nobody.
    wipes:    events whose key begins with this, up to number `wipes_to`, are replaced, too; empty for none.
    removes:  the user (primary key) whose connections must leave the topic at this number; 0 for nobody.
    bye_code: the close code that the removed are given.
    """

    number: int
    text: str
    key: str
    owner: int = 0
    owned_text: str = ""
    wipes: str = ""
    wipes_to: int = 0
    removes: int = 0
    bye_code: int = 0


class BadFrame(ClientError):
    """A frame that is no command. `command_id` is its id where one could be read."""

    def __init__(self, message: str, command_id: int | None = None) -> None:
        super().__init__("bad_request", message)
        self.command_id = command_id


_command_decoder = msgspec.json.Decoder(Command)
_id_decoder = msgspec.json.Decoder(_IdOnly)


def decode_command(frame: str | bytes) -> Command:
    """Return the command in `frame`, or raise `BadFrame`, which carries the id where it is readable."""
    if isinstance(frame, bytes):
        raise BadFrame("A command is a text frame.", _readable_id(frame))
    try:
        command = _command_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadFrame(f"This frame is not a command: {error}", _readable_id(frame)) from error
    if command.id <= 0:
        raise BadFrame("An id is a positive integer.")
    if "\x00" in command.room:  # PostgreSQL cannot even be asked for such a text
        raise BadFrame("A room's uid has no such character.", command.id)
    return command


def _readable_id(frame: str | bytes) -> int | None:
    try:
        value = _id_decoder.decode(frame).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    # bool is an int in Python, not in JSON.
    return value if type(value) is int and value > 0 else None


def encode(value: Any) -> str:
    """Return `value` as compact JSON text."""
    return _encoder.encode(value).decode()


def raw(text: str) -> msgspec.Raw:
    """Return already encoded JSON so that it can be put inside another value."""
    return msgspec.Raw(text.encode())


def format_time(at: dt.datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds, such as `2026-05-01T18:30:00.250Z`."""
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def reply(command_id: int, ok: Any) -> str:
    return encode({"re": command_id, "ok": ok})


def error(command_id: int | None, refusal: ClientError) -> str:
    body = {
        "code": refusal.code,
        "message": refusal.message,
        "retry_after_ms": refusal.retry_after_ms,
        "field": refusal.field,
    }
    return encode({"re": command_id, "err": body})


def signal(name: str, d: Any, room: str = "") -> str:
    """Return an ephemeral event: it has no number and may be dropped."""
    return encode({"ev": name, "room": room, "d": d} if room else {"ev": name, "d": d})


def skipped(room: str, number: int) -> str:
    """Return the event that stands where nothing is left to show; it only advances the position."""
    return f'{{"ev":"skipped","room":"{room}","seq":{number}}}'


def bye(code: int, reason: str, *, retry_after_ms: int = 0, room: str = "") -> str:
    """Return the last frame before a close. Codes from 4500 on are final: the client must not come back by itself."""
    d: dict[str, Any] = {"code": code, "reason": reason, "reconnect": code < 4500, "retry_after_ms": retry_after_ms}
    if room:
        d["room"] = room
    return signal("bye", d)


def join_frame(texts: list[str]) -> str:
    """Return one frame of the encoded objects: the object itself, or an array in order."""
    return texts[0] if len(texts) == 1 else "[" + ",".join(texts) + "]"
