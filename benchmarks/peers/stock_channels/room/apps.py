"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class RoomConfig(AppConfig):
    name = "benchmarks.peers.stock_channels.room"
    label = "peer_room"
