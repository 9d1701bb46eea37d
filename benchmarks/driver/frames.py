"""Each frame is decoded once, however many connections receive it.

A server that fans out sends the same bytes to every member of a room. So a connection compares what it got with the
frame that followed the same frame elsewhere: one `memcmp`, and the number of messages, their positions and their times
of sending are known. Nothing is taken on trust: every byte of every frame on every connection is compared, and so
every connection's order is checked, not a sample's.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Reply:
    """What the server answered to one command. `error` is a code; `state` tells stored from journaled."""

    ident: int
    error: str = ""
    state: str = ""
    body: bytes = b""


@dataclass(slots=True)
class News:
    """What one payload says, in the terms that every dialect shares.

    `first` and `last` are the positions it covers, 0 where the dialect has none; `is_dense` says that none between
    them was left out. `authors` names the messages' writers where a writer knows its acknowledgement by its echo.
    """

    count: int = 0
    first: int = 0
    last: int = 0
    is_dense: bool = True
    stamps: list[int] = field(default_factory=list)
    authors: list[tuple[int, int]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    signals: list[tuple[str, object]] = field(default_factory=list)

    def take_position(self, seq: int) -> None:
        """Extend the covered positions by the next one in the payload."""
        if not self.first:
            self.first = seq
        elif seq != self.last + 1:
            self.is_dense = False
        self.last = seq


class Frame:
    """A frame that carried messages, header included, and the frame that came after it."""

    __slots__ = ("count", "first", "following", "is_dense", "last", "raw", "size", "stamps")

    def __init__(self, raw: bytes = b"", news: News | None = None) -> None:
        news = news or News()
        self.raw = raw
        self.size = len(raw)
        self.count = news.count
        self.first = news.first
        self.last = news.last
        self.is_dense = news.is_dense
        self.stamps = news.stamps
        self.following: Frame | None = None


class FrameBook:
    """The frames seen of late, found by how they begin."""

    # The header (with the size) and the first position stand within the first 96 bytes in every dialect. Two frames
    # that share a beginning only cost a second decoding: the whole frame is compared before it counts as known.
    PREFIX = 96
    # Slow connections lag behind fast ones by less than this; the rest would only fill memory.
    LIMIT = 4096

    def __init__(self) -> None:
        self._known: dict[bytes, Frame] = {}

    def find(self, data: bytes, at: int) -> Frame | None:
        """Return the known frame that `data` holds at `at`."""
        frame = self._known.get(data[at : at + self.PREFIX])
        return frame if frame and data.startswith(frame.raw, at) else None

    def add(self, frame: Frame) -> None:
        if len(self._known) >= self.LIMIT:
            self._known.clear()
        self._known[frame.raw[: self.PREFIX]] = frame
