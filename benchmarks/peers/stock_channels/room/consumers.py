"""The chat consumer of the Channels tutorial, with one line more where messages are saved."""

# The peer runs under settings of its own, which the type checker does not load.
# mypy: disable-error-code="misc, attr-defined"
from __future__ import annotations

import json
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from benchmarks.peers.stock_channels.room.models import Message


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket in one room: what it says goes to the room's group, itself included."""

    async def connect(self) -> None:
        self.room_name = self.scope["url_route"]["kwargs"]["room_name"]
        self.room_group_name = f"chat_{self.room_name}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code: int) -> None:
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data or "{}")["message"]
        if settings.PEER_SAVES:
            await self.save(message)
        await self.channel_layer.group_send(self.room_group_name, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"message": event["message"]}))

    @database_sync_to_async
    def save(self, message: str) -> None:
        Message.objects.create(room_name=self.room_name, text=message)
