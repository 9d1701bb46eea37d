"""What is measured: the workloads, who takes part in each, and the figures to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.subjects import Crowding

Kind = Literal["flood", "idle", "rejoin"]
Results = dict[str, dict[str, Any]]
OURS = "Pavilion"
SOCKETIO = "Socket.IO, in memory"
STOCK = "stock Channels, not saving"
STOCK_SAVING = "stock Channels, saving"


@dataclass(frozen=True, slots=True)
class Target:
    """A figure to reach. `value` reads it from the subjects' medians; it returns None where it was not measured."""

    text: str
    value: Callable[[Results], float | None]
    limit: float
    at_least: bool

    def verdict(self, results: Results) -> tuple[float | None, bool | None]:
        """Return the figure and whether it reaches the limit."""
        value = self.value(results)
        if value is None:
            return None, None
        return value, value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the table."""

    name: str
    title: str
    kind: Kind
    crowding: Crowding
    writers_per_room: int
    peers: list[str]
    targets: list[Target]
    # Multiplies the seconds given on the command line.
    length: float = 1.0
    sampled: int = 50
    options: dict[str, float] = field(default_factory=dict)


def read(subject: str, *path: str) -> Callable[[Results], float | None]:
    """Return a reader of one figure of one subject."""

    def find(results: Results) -> float | None:
        value: Any = results.get(subject)
        for name in path:
            value = value.get(name) if value is not None else None
        return None if value is None else float(value)

    return find


def ratio(peer: str, *path: str) -> Callable[[Results], float | None]:
    """Return a reader of our figure divided by the peer's."""

    def find(results: Results) -> float | None:
        ours, theirs = read(OURS, *path)(results), read(peer, *path)(results)
        return None if ours is None or not theirs else ours / theirs

    return find


def faults(results: Results) -> float | None:
    """Return how many faults of any kind we made in all rounds together."""
    ours = results.get(OURS)
    return None if ours is None else float(sum(ours["faults"].values()))


RATE = "deliveries_per_second"
WHOLE = Target("faults: gaps, doubles, disorder", faults, 0, at_least=False)

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "B1",
            "one room, 300 members, 10 closed-loop writers",
            "flood",
            Crowding(1, 300),
            10,
            [SOCKETIO, STOCK, STOCK_SAVING],
            [
                Target("deliveries: times stock Channels that does not save", ratio(STOCK, RATE), 60, at_least=True),
                Target("deliveries: times Socket.IO", ratio(SOCKETIO, RATE), 1.2, at_least=True),
                Target("p99: times Socket.IO", ratio(SOCKETIO, "delivery_ms", "p99"), 1.0, at_least=False),
                WHOLE,
            ],
        ),
        Workload(
            "B2",
            "one room, 1,000 members, 50 closed-loop writers",
            "flood",
            Crowding(1, 1000),
            50,
            [SOCKETIO],
            [
                Target("deliveries: times Socket.IO", ratio(SOCKETIO, RATE), 4, at_least=True),
                Target("p99: times Socket.IO", ratio(SOCKETIO, "delivery_ms", "p99"), 0.4, at_least=False),
                WHOLE,
            ],
        ),
        Workload(
            "B4",
            "10,000 members in 100 rooms, idle, then 5 messages a second in each room",
            "idle",
            Crowding(100, 100),
            1,
            [SOCKETIO],
            [
                Target("bytes for each connection", read(OURS, "bytes_per_connection"), 40_000, at_least=False),
                Target("p99, ms", read(OURS, "delivery_ms", "p99"), 250, at_least=False),
                WHOLE,
            ],
            length=2.0,
            sampled=200,
        ),
        Workload(
            "B5",
            "2,000 members lose the line, miss 50 messages and come back",
            "rejoin",
            Crowding(1, 2001),
            1,
            [],
            [
                Target("seconds until everyone is whole", read(OURS, "whole_seconds"), 5, at_least=False),
                Target("database reads a second", read(OURS, "database_reads_per_second"), 5, at_least=False),
                WHOLE,
            ],
        ),
    )
}
