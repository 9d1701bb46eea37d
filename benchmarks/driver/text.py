"""The text of a test message: 60 bytes that carry the time of sending, the writer and the writer's own count."""

from __future__ import annotations

from typing import NamedTuple

LENGTH = 60
_PADDING = "x" * (LENGTH - 35)


class Stamp(NamedTuple):
    """What a text says about itself. `at_ns` is the driver's monotonic clock."""

    at_ns: int
    writer: int
    number: int


def write_text(stamp: Stamp) -> str:
    """Return the text; digits have a fixed width so that every message has the same size."""
    return f"{stamp.at_ns:019d} {stamp.writer:05d} {stamp.number:08d} {_PADDING}"


def read_text(text: str) -> Stamp:
    """Return what `write_text` put in; raises ValueError for any other text."""
    return Stamp(int(text[:19]), int(text[20:25]), int(text[26:34]))
