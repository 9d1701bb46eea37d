"""HTTP and WebSocket, routed as in the tutorial."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.stock_channels.settings")
django_application = get_asgi_application()

# Models can be imported only after the line above has set Django up.
from benchmarks.peers.stock_channels.room.consumers import ChatConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": URLRouter([path("ws/<str:room_name>/", ChatConsumer.as_asgi())]),
    }
)
