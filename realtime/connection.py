"""One socket, seen from the side that sends."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, cast

from realtime import wire
from realtime.close_codes import CloseCode

if TYPE_CHECKING:
    from realtime.topic import Topic

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

# How long the last words to a reader that has stopped may take before its transport is given up.
_LAST_WORDS_SECONDS = 60.0


class Connection:
    """Sends frames without ever making the caller wait.

    `push` steps the server's `send()` coroutine once. It nearly always finishes at once, because the socket's buffer
    takes the frame; then no task was made at all. When it does not finish, the peer reads slowly: the rest is handed to
    a task, the connection counts as busy, and whoever fans out passes it over until `on_drained` is called.
    """

    __slots__ = (
        "_closing",
        "_queued",
        "_send",
        "_sending",
        "busy_since",
        "cursors",
        "heard_at",
        "is_closed",
        "on_drained",
        "queued_bytes",
        "session_key",
        "uid",
        "user",
    )

    def __init__(self, send: Send, *, uid: str, user: int, session_key: str) -> None:
        self.uid = uid
        self.user = user
        self.session_key = session_key
        # The last number of each topic that this connection has been sent.
        self.cursors: dict[Topic, int] = {}
        self.heard_at = time.monotonic()
        self.busy_since = 0.0
        self.is_closed = False
        self.on_drained: Callable[[Connection], None] | None = None
        self.queued_bytes = 0
        self._queued: list[str] = []
        self._send = send
        # Kept, for the loop itself holds tasks only weakly.
        self._sending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        return self.busy_since > 0.0

    @property
    def is_closing(self) -> bool:
        return self.is_closed or self._closing is not None

    def push(self, text: str) -> None:
        """Send one frame now, or keep it for when the peer reads again."""
        if self.is_closing:
            return
        if self.is_busy:
            self._queued.append(text)
            self.queued_bytes += len(text)
            return
        self._start({"type": "websocket.send", "text": text})

    def close(self, code: CloseCode, *, retry_after_ms: int = 0, room: str = "") -> None:
        """Say `bye` and close. Safe to call twice; what was queued and not sent is dropped."""
        if self.is_closing:
            return
        self._queued.clear()
        last_words = wire.bye(code, code.reason, retry_after_ms=retry_after_ms, room=room)
        self._closing = asyncio.create_task(self._say_goodbye(last_words, code))

    async def closed(self) -> None:
        """Wait until a close that was begun has gone out."""
        if self._closing is not None:
            await asyncio.wait({self._closing}, timeout=_LAST_WORDS_SECONDS)

    def _start(self, message: dict[str, Any]) -> None:
        coroutine = cast(Coroutine[Any, Any, None], self._send(message))
        try:
            awaited = coroutine.send(None)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001  the socket is gone, however the server says so; its receive loop is told so and cleans up
            self.is_closed = True
            return
        self.busy_since = time.monotonic()
        self._sending = asyncio.ensure_future(self._finish(coroutine, awaited))

    async def _finish(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        try:
            await _Rest(coroutine, awaited)
        except Exception:  # noqa: BLE001  as above: the socket is gone
            self.is_closed = True
        self.busy_since = 0.0
        if self.is_closing:
            return
        if self._queued:
            queued, self._queued, self.queued_bytes = self._queued, [], 0
            self.push(wire.join_frame(queued))
        if not self.is_busy and self.on_drained is not None:
            self.on_drained(self)

    async def _say_goodbye(self, last_words: str, code: CloseCode) -> None:
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._send({"type": "websocket.send", "text": last_words})
                await self._send({"type": "websocket.close", "code": int(code), "reason": code.reason})
        except TimeoutError:
            # The peer reads nothing at all. The listener's TCP_USER_TIMEOUT lets the kernel drop it.
            logger.info("connection %s: no reader for the last words", self.uid)
        except Exception:  # the socket went away by itself, which is what was wanted
            logger.debug("connection %s: gone before the close", self.uid, exc_info=True)
        self.is_closed = True


class _Rest:
    """Awaits the rest of a coroutine that was stepped once, starting from what it waits for."""

    __slots__ = ("_awaited", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        awaited = self._awaited
        while True:
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001  a cancellation, too, belongs to the coroutine
                advance: Callable[[], Any] = functools.partial(self._coroutine.throw, error)
            else:
                advance = functools.partial(self._coroutine.send, None)
            try:
                awaited = advance()
            except StopIteration:
                return
