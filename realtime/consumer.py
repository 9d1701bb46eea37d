"""The receiving side of a socket: decode, look the command up, call its handler, reply.

An application subclasses `CommandConsumer` with a table of commands and says who is connecting. The receive loop
awaits the server's `receive()` directly; the dispatch loop of Channels would make tasks for every frame. A handler is
a plain or an async function. Frames of one socket are handled in order; a handler that returns `LATER` answers through
`answer()` when its write is committed, and the next frame does not wait for it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from django.conf import settings

from realtime import wire
from realtime.close_codes import CloseCode
from realtime.connection import Connection, Send
from realtime.errors import ClientError, Overloaded
from realtime.ids import new_uid
from realtime.limits import TokenBucket
from realtime.origin import is_origin_allowed
from realtime.runtime import HEARTBEAT_MS, Runtime, current
from realtime.threads import OUTAGES

logger = logging.getLogger(__name__)

Receive = Callable[[], Any]

# Returned by a handler whose reply comes through `CommandConsumer.answer`.
LATER: Any = object()

# What a person at a keyboard, or a page that comes back with a full outbox, never reaches.
COMMANDS_PER_SECOND = 20.0
COMMANDS_BURST = 60.0
# Past this the socket is read more slowly: the flood stays in the sender's own buffers.
FRAMES_PER_SECOND = 100.0
FRAMES_BURST = 200.0
MAX_PENDING = 256


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is connecting: the user (primary key), the session, and what `hello` tells them about themselves."""

    pk: int
    session_key: str
    me: dict[str, Any]


class Refused(Exception):
    """Raised by `identify` for somebody who is known and may not connect."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.reason)
        self.code = code


class CommandSpec:
    """A command: the type of its `d` and the function that handles it."""

    __slots__ = ("decoder", "handle")

    def __init__(self, payload: type, handle: Callable[..., Any]) -> None:
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(payload)
        self.handle = handle


class CommandConsumer:
    """One socket. Subclasses set `subprotocol` and `commands`, and implement `identify`."""

    subprotocol: ClassVar[str]
    # What `hello` says about limits beside the library's own.
    limits: ClassVar[dict[str, int]] = {}
    commands: ClassVar[Mapping[str, CommandSpec]]

    connection: Connection
    runtime: Runtime

    def __init__(self, scope: dict[str, Any], send: Send) -> None:
        self.scope = scope
        self._send = send
        self._pending: set[int] = set()
        self._commands = TokenBucket(COMMANDS_PER_SECOND, COMMANDS_BURST)
        self._frames = TokenBucket(FRAMES_PER_SECOND, FRAMES_BURST)
        self._is_limited = bool(settings.RATE_LIMITS_ENABLED)

    @classmethod
    def as_asgi(cls) -> Callable[..., Any]:
        async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await cls(scope, send).run(receive)

        return application

    async def identify(self) -> Visitor | None:
        """Return who is connecting, or None for nobody. Raises `Refused`."""
        raise TypeError(f"{type(self).__name__} does not say who is connecting")

    async def run(self, receive: Receive) -> None:
        await receive()  # websocket.connect
        runtime = current()
        if not is_origin_allowed(self.scope):
            await self._send({"type": "websocket.close"})  # before accept: a plain 403
            return
        if runtime is None:
            await self._refuse(CloseCode.INTERNAL)
            return
        self.runtime = runtime
        if not await self._enter():
            return
        try:
            await self._listen(receive)
        finally:
            runtime.hub.remove(self.connection)
            self.left()
            await self.connection.closed()

    def left(self) -> None:
        """Called once, after the socket is gone."""

    def answer(self, command_id: int, result: Any) -> None:
        """Reply to a command whose handler returned `LATER`; an exception becomes its error."""
        self._pending.discard(command_id)
        if isinstance(result, ClientError):
            self.connection.push(wire.error(command_id, result))
        elif isinstance(result, Exception):
            logger.error("a command failed", exc_info=result)
            self.connection.push(wire.error(command_id, _internal()))
        else:
            self.connection.push(wire.reply(command_id, result))

    # --- opening ------------------------------------------------------------------------------------------------

    async def _enter(self) -> bool:
        offered = self.scope.get("subprotocols") or []
        if offered and self.subprotocol not in offered:
            await self._refuse(CloseCode.UNSUPPORTED_VERSION)
            return False
        try:
            visitor = await self.identify()
        except OUTAGES:
            await self._refuse(CloseCode.INTERNAL)
            return False
        except Refused as refusal:
            await self._refuse(refusal.code)
            return False
        if visitor is None:
            await self._refuse(CloseCode.AUTH_REQUIRED)
            return False
        if self._is_limited and self.runtime.hub.connections_of(visitor.pk) >= settings.WS_CONNECTIONS_PER_USER:
            await self._refuse(CloseCode.TOO_MANY_CONNECTIONS)
            return False
        await self._accept()
        self.connection = Connection(self._send, uid=new_uid(), user=visitor.pk, session_key=visitor.session_key)
        self.runtime.hub.add(self.connection)
        self.connection.push(wire.signal("hello", self._hello(visitor)))
        return True

    def _hello(self, visitor: Visitor) -> dict[str, Any]:
        limits = {
            "frame": wire.MAX_FRAME_BYTES,
            "rate_per_second": COMMANDS_PER_SECOND,
            "burst": COMMANDS_BURST,
            "pending": MAX_PENDING,
        }
        return {
            "protocol": 1,
            "connection": self.connection.uid,
            "heartbeat_ms": HEARTBEAT_MS,
            "limits": limits | self.limits,
            "me": visitor.me,
        }

    async def _accept(self) -> None:
        offered = self.scope.get("subprotocols") or []
        await self._send({"type": "websocket.accept", "subprotocol": self.subprotocol if offered else None})

    async def _refuse(self, code: CloseCode) -> None:
        # Accepted first: a browser does not show a page why a handshake failed, but it does show a close code.
        await self._accept()
        last_words = wire.bye(code, code.reason, retry_after_ms=2000 if code < CloseCode.PROTOCOL_ERROR else 0)
        await self._send({"type": "websocket.send", "text": last_words})
        await self._send({"type": "websocket.close", "code": int(code), "reason": code.reason})

    # --- frames -------------------------------------------------------------------------------------------------

    async def _listen(self, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if self.connection.is_closing:
                continue
            self.connection.heard_at = time.monotonic()
            while self._is_limited and (wait := self._frames.take()):  # noqa: ASYNC110  only time brings a token
                await asyncio.sleep(wait)
            text = message.get("text")
            await self._handle(text if text is not None else message["bytes"])

    async def _handle(self, frame: str | bytes) -> None:
        command_id: int | None = None
        try:
            command = wire.decode_command(frame)
            command_id = command.id
            result = self._dispatch(command)
            if inspect.isawaitable(result):
                result = await result
            if result is not LATER:
                self.answer(command.id, result)
        except wire.BadFrame as error:
            self.connection.push(wire.error(error.command_id, error))
        except ClientError as error:
            self._fail(command_id, error)
        except OUTAGES:
            self._fail(command_id, Overloaded())
        except Exception:
            logger.exception("a command failed")
            self._fail(command_id, _internal())

    def _fail(self, command_id: int | None, error: ClientError) -> None:
        if command_id is not None:
            self._pending.discard(command_id)
        self.connection.push(wire.error(command_id, error))

    def _dispatch(self, command: wire.Command) -> Any:
        if command.id in self._pending:
            raise wire.BadFrame("This id is still waiting for its reply.", command.id)
        if self._is_limited and (wait := self._commands.take()):
            raise ClientError("rate_limited", "Too many commands.", retry_after_ms=int(wait * 1000) + 1)
        spec = self.commands.get(command.op)
        if spec is None:
            raise ClientError("unsupported", "There is no such command.", field="op")
        if len(self._pending) >= MAX_PENDING:
            raise Overloaded("Too many commands wait for their reply.", retry_after_ms=500)
        try:
            payload = spec.decoder.decode(command.d)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ClientError("bad_request", f"d: {error}", field=_field_of(error)) from error
        self._pending.add(command.id)
        return spec.handle(self, command, payload)


def _internal() -> ClientError:
    return ClientError("internal", "Something went wrong on our side.")


def _field_of(error: Exception) -> str | None:
    # msgspec ends its messages with the path, as in "Expected `str`, got `int` - at `$.text`".
    _, found, path = str(error).rpartition("at `$.")
    return path.rstrip("`") if found else None
