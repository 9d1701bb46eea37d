"""The uvicorn server that `manage.py serve` runs: its options, and how it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import threading

import uvicorn
from uvicorn._types import ASGI3Application

from operations.listener import BACKLOG
from operations.websocket import FanOutProtocol
from realtime.runtime import current

logger = logging.getLogger(__name__)

# A larger frame is answered with close code 1009 before it is read into memory.
MAX_FRAME_BYTES = 65536

# Supervisors kill 20 s after SIGTERM. First the sockets hear `bye`, which takes a few seconds at most; then requests
# under way have the second time; what hangs in a thread after that is ended with the process.
REQUEST_SECONDS = 8
STOP_SECONDS = 19.0
CLOSING_SECONDS = 1.0

# Ten thousand connections are half a million objects that live for hours. With Python's own thresholds the collector
# walks all of them again and again, and each walk stops the loop for a second. What was loaded by the start is left out
# of its walks for good; the rest is walked once the young have grown by this much.
GC_THRESHOLDS = (50_000, 20, 1000)


class Server(uvicorn.Server):
    """A uvicorn server that says where it answers, and says goodbye before it hangs up."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self.announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        if self.started:
            print(self.announcement, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        last_resort = threading.Timer(STOP_SECONDS, _give_up)
        last_resort.daemon = True
        last_resort.start()
        for server in self.servers:
            server.close()
        runtime = current()
        if runtime is not None:
            # uvicorn closes the sockets before it stops the application: they would hear neither why, nor the answers
            # to what they have sent.
            await runtime.say_goodbye()
            await self._handshakes_closed()
        await super().shutdown(sockets=sockets)

    async def _handshakes_closed(self) -> None:
        """Give the peers a moment to answer our close.

        uvicorn would hang up at once, and where a message of theirs is still unread the kernel resets the line: they
        would lose the `bye` that they have not read yet.
        """
        for _ in range(round(CLOSING_SECONDS / 0.05)):
            if not any(isinstance(connection, FanOutProtocol) for connection in self.server_state.connections):
                return
            await asyncio.sleep(0.05)


def _give_up() -> None:
    # Whatever was acknowledged is committed or in the journal on disk: this ends the process, and loses nothing.
    logger.error("the orderly stop took longer than %.0f s, ending now", STOP_SECONDS)
    os._exit(1)


def server_config(application: ASGI3Application) -> uvicorn.Config:
    """Return the options that hold for every process of ours, wherever it listens."""
    return uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        # This implementation has write back-pressure: a slow reader holds up its own sends and nobody else's memory.
        ws=FanOutProtocol,
        ws_max_size=MAX_FRAME_BYTES,
        # The heartbeat of the protocol tells who is gone. uvicorn's own pings would cut off a reader that has stalled
        # with 1011, before it is closed with 4002 and told to resume; the listener's time-out drops dead peers.
        ws_ping_interval=None,
        # Deflating would cost each connection a context, and each event one compression per connection.
        ws_per_message_deflate=False,
        lifespan="on",
        # The product's own logging configuration stands.
        log_config=None,
        access_log=False,
        # `operations.proxies` does this whichever server runs the application, and covers Unix sockets too.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )
