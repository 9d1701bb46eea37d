"""The figures that these tests compare."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence

import psutil

from tests.chaos.client import Client
from tests.servers import LiveServer


def p99(delays: Sequence[float]) -> float:
    """Return the delay that one in a hundred exceeds. There must be a hundred, or it means nothing."""
    assert len(delays) >= 100, f"Only {len(delays)} delays were measured."
    return sorted(delays)[int(len(delays) * 0.99)]


def take_p99(clients: Sequence[Client]) -> float:
    """Return the p99 of what the clients have heard since the last time, and begin anew."""
    delays = [delay for client in clients for delay in client.delays]
    for client in clients:
        client.delays.clear()
    return p99(delays)


def memory(server: LiveServer) -> int:
    """Return the bytes that the server's process holds in memory."""
    return int(psutil.Process(server.pid).memory_info().rss)


def figure(server: LiveServer, name: str) -> float:
    """Return one of the figures that the server shows at `/metrics`."""
    with urllib.request.urlopen(f"{server.origin}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    [value] = [line.split()[-1] for line in lines if line.startswith(f"{name} ")]
    return float(value)
