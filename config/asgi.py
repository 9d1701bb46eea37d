"""The ASGI application: pages and API, sockets, and what starts and stops with the server."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Before the imports below: they need the apps to be loaded.
http_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from chat.consumers import ChatConsumer  # noqa: E402
from config.lifespan import Server  # noqa: E402
from operations.proxies import behind_proxies  # noqa: E402

logger = logging.getLogger(__name__)


async def refuse_socket(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Refuse a socket at a path where there is none, before it is accepted."""
    await receive()
    await send({"type": "websocket.close"})


async def lifespan(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Start the live parts before the first request and stop them after the last: Channels has no branch for this."""
    server = Server()
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await server.start()
            except Exception as error:  # told to the server, which then refuses to start
                logger.exception("the server could not start")
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await server.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = behind_proxies(
    ProtocolTypeRouter(
        {
            "http": http_application,
            "websocket": URLRouter([path("ws/", ChatConsumer.as_asgi()), re_path("", cast(Any, refuse_socket))]),
            "lifespan": lifespan,
        }
    ),
    settings.TRUSTED_PROXIES,
)
