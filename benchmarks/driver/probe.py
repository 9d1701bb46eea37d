"""What the server's processes cost, read from outside: memory and processor time from the kernel, counters by HTTP."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence

import psutil  # type: ignore[import-untyped]

METRICS_SECONDS = 10.0


def raise_file_limit() -> int:
    """Let this process open as many files as it may; return how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def resident_bytes(pids: Sequence[int]) -> int:
    """Return the resident memory of the processes together."""
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)


def processor_seconds(pids: Sequence[int]) -> float:
    """Return the user and system time that the processes have used so far."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def machine_seconds() -> float:
    """Return the processor time that everything on this machine has used so far, over all cores."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait)


async def read_counter(port: int, name: str) -> float | None:
    """Return a counter of `GET /metrics`, summed over its labels, or None where the server offers no such counter."""
    try:
        async with asyncio.timeout(METRICS_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            answer = (await reader.read()).decode("utf-8", "replace")
            writer.close()
    except (OSError, TimeoutError):
        return None
    samples = [line.split() for line in answer.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(sample[-1]) for sample in samples) if samples else None
