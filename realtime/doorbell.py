"""Tells the other processes that something happened, through the channel layer.

The layer is only a doorbell: it delivers at most once, drops above its capacity and forgets groups after a day. What
it loses is found by number, so nothing here retries and nobody waits for it. A process subscribes one channel and one
group for each topic that somebody here follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Protocol

import msgspec

from realtime.hub import Hub
from realtime.wire import Event

logger = logging.getLogger(__name__)

# Everybody hears this group: presence, which is about all topics at once.
_EVERYBODY = "presence"
# Messages that wait for a slow or absent layer. Older ones are dropped: the comparison of heads makes up for them.
_MAX_WAITING = 1_000
_SEND_SECONDS = 2.0
_RETRY_SECONDS = 1.0
# Layers forget a group membership after 24 hours, and a restarted Redis at once.
_RENEW_SECONDS = 60.0


class Layer(Protocol):
    """The part of a channel layer that is used."""

    async def new_channel(self, prefix: str = ...) -> str: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...


class Doorbell:
    """Connects a hub to the hubs of other processes. `lost` counts messages the layer did not take."""

    def __init__(self, layer: Layer, hub: Hub, node: str) -> None:
        self.lost = 0
        self._layer = layer
        self._hub = hub
        self._node = node
        self._channel = ""
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_MAX_WAITING)
        self._wake = asyncio.Event()
        self._groups: set[str] = {_EVERYBODY}
        self._joined: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._hub.on_topic_opened = self._open
        self._hub.on_topic_dropped = self._drop
        self._tasks = [asyncio.create_task(loop()) for loop in (self._receive, self._send, self._keep_groups)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def ring(self, topic: str, events: list[Event]) -> None:
        """Pass committed events on. Returns at once."""
        self._put(topic, {"type": "events", "topic": topic, "events": [msgspec.structs.astuple(e) for e in events]})

    def signal(self, topic: str, text: str, without: int) -> None:
        """Pass an ephemeral event on."""
        self._put(topic, {"type": "signal", "topic": topic, "text": text, "without": without})

    def tell_presence(self, topics: dict[str, list[int]], *, is_whole: bool) -> None:
        message = {"type": "presence", "topics": topics, "is_whole": is_whole}
        self._put(_EVERYBODY, message)

    def _put(self, group: str, message: dict[str, Any]) -> None:
        if len(self._waiting) == _MAX_WAITING:
            self.lost += 1
        self._waiting.append((group, {**message, "node": self._node}))
        self._wake.set()

    def _open(self, topic: str) -> None:
        self._groups.add(topic)
        self._wake.set()

    def _drop(self, topic: str) -> None:
        self._groups.discard(topic)
        self._wake.set()

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._sync_groups()
            while self._waiting:
                group, message = self._waiting.popleft()
                try:
                    async with asyncio.timeout(_SEND_SECONDS):
                        await self._layer.group_send(group, message)
                except Exception as error:  # noqa: BLE001  any failure of any layer means the same: not delivered
                    self.lost += 1
                    logger.warning("doorbell: the layer did not take a message: %r", error)

    async def _keep_groups(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            self._joined.clear()
            self._wake.set()

    async def _sync_groups(self) -> None:
        if not self._channel:
            return
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                for group in self._groups - self._joined:
                    await self._layer.group_add(group, self._channel)
                    self._joined.add(group)
                for group in self._joined - self._groups:
                    await self._layer.group_discard(group, self._channel)
                    self._joined.discard(group)
        except Exception as error:  # noqa: BLE001  as above; the next message or renewal tries again
            logger.warning("doorbell: groups could not be joined: %r", error)

    async def _receive(self) -> None:
        while True:
            try:
                self._channel = await self._layer.new_channel()
                self._joined.clear()
                self._wake.set()
                while True:
                    self._take(await self._layer.receive(self._channel))
            except Exception as error:  # noqa: BLE001  a layer that went away; the heads keep clients whole meanwhile
                logger.warning("doorbell: receiving failed: %r", error)
                await asyncio.sleep(_RETRY_SECONDS)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("node") == self._node:
            return  # our own: the hub has it already
        match message["type"]:
            case "events":
                self._hub.publish(message["topic"], [Event(*fields) for fields in message["events"]])
            case "signal":
                self._hub.signal(message["topic"], message["text"], without=message["without"])
            case "presence":
                self._hub.presence.hear(message["node"], message["topics"], is_whole=message["is_whole"])
