"""What starts and stops with a server process."""

from __future__ import annotations

import asyncio
import logging
import shutil

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from chat.live import build_runtime, has_orphans, store_orphans
from config.jobs import JOBS
from operations.background import Background
from operations.nodes import node_name
from realtime.threads import OUTAGES

logger = logging.getLogger(__name__)


class Server:
    """The live parts of one process: the chat's runtime and the background work."""

    def __init__(self) -> None:
        # Without Redis there is one process, and nobody to ring the bell for.
        layer = get_channel_layer() if settings.REDIS_URL else None
        self.runtime = build_runtime(node=node_name(), layer=layer)
        self.background = Background(self.runtime, JOBS, _store_orphans)

    async def start(self) -> None:
        # Before the first request: what a killed process had acknowledged comes before anything new.
        await sync_to_async(_store_orphans)()
        await self.runtime.start()
        await self.background.start()

    async def stop(self) -> None:
        await self.background.stop()
        await self.runtime.stop()
        if not settings.ENVIRONMENT.persistence_enabled:
            await asyncio.to_thread(shutil.rmtree, settings.STATE_DIR, ignore_errors=True)


def _store_orphans() -> None:
    if not has_orphans(settings.SPOOL_DIR):
        return
    try:
        store_orphans(settings.SPOOL_DIR)
    except OUTAGES:
        logger.warning("journals of dead processes wait for the database")
