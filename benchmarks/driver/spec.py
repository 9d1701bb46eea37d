"""What the runner asks of the driver, as one JSON file."""

from __future__ import annotations

from typing import Literal

import msgspec

DialectName = Literal["pavilion", "socketio", "stock"]


class RoomSpec(msgspec.Struct):
    """A room and the Cookie header of each of its members, "" where the server knows no members."""

    name: str
    cookies: list[str]


class Spec(msgspec.Struct, kw_only=True):
    """One run. `server_pids` are measured, never signalled."""

    kind: Literal["flood", "idle", "listen", "rejoin"]
    dialect: DialectName
    port: int
    rooms: list[RoomSpec]
    server_pids: list[int] = []
    writers_per_room: int = 1
    warm_up_seconds: float = 2.0
    seconds: float = 10.0
    # Latencies are recorded on this many connections; deliveries and their order on all.
    sampled: int = 50
    # idle: messages per second and room.
    rate_per_room: float = 5.0
    # rejoin: messages sent while everybody is away, and the time over which the members spread their return.
    missed: int = 50
    spread_seconds: float = 3.0


Result = dict[str, float | int | str | dict[str, float] | dict[str, int] | None]
