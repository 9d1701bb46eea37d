"""A channel layer at its worst: it drops, doubles and delays, and so reorders."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

LOST = 0.3
DOUBLED = 0.3
LONGEST_DELAY_SECONDS = 0.3


class FaultyLayer(RedisPubSubChannelLayer):
    """Redis's layer with faults in what is sent to groups. Nothing is ever reported: the sender sees success."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._under_way: set[asyncio.Task[None]] = set()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if random.random() < LOST:
            return
        for _ in range(2 if random.random() < DOUBLED else 1):
            task = asyncio.create_task(self._send_late(group, message))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _send_late(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.sleep(random.uniform(0, LONGEST_DELAY_SECONDS))
        await self._get_layer().group_send(group, message)
