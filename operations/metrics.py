"""The counters of this process for Prometheus, read from where they are kept at the moment of asking."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from realtime.runtime import Runtime, current

CONTENT_TYPE = CONTENT_TYPE_LATEST
_STARTED_AT = time.time()


class RuntimeCollector(Collector):
    """Reads the statistics of the running hub and writers; a process without them reports only itself."""

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("pavilion_process_start_time_seconds", "Start of this process.", value=_STARTED_AT)
        yield GaugeMetricFamily("pavilion_process_resident_bytes", "Memory of this process.", value=_resident_bytes())
        runtime = current()
        if runtime is not None:
            yield from _hub(runtime)
            yield from _writers(runtime)


def render() -> bytes:
    registry = CollectorRegistry()
    registry.register(RuntimeCollector())
    return generate_latest(registry)


def _hub(runtime: Runtime) -> Iterator[Metric]:
    hub, counted = runtime.hub, runtime.hub.statistics
    yield GaugeMetricFamily("pavilion_connections", "Open sockets.", value=len(hub.connections))
    yield GaugeMetricFamily("pavilion_topics", "Topics in memory.", value=len(hub.topics))
    yield CounterMetricFamily("pavilion_events_delivered", "Events times receivers.", value=counted.events)
    yield CounterMetricFamily("pavilion_frames_sent", "Frames that carried events.", value=counted.frames)
    yield CounterMetricFamily("pavilion_gaps_filled", "Gaps filled from the database.", value=counted.gaps_filled)
    yield CounterMetricFamily("pavilion_slow_closed", "Sockets closed for reading slowly.", value=counted.slow_closed)
    yield CounterMetricFamily(
        "pavilion_database_reads", "Statements run for sockets by the reader threads.", value=runtime.threads.statements
    )
    if runtime.doorbell is not None:
        yield CounterMetricFamily("pavilion_doorbell_lost", "Messages the layer lost.", value=runtime.doorbell.lost)


def _writers(runtime: Runtime) -> Iterator[Metric]:
    counters = {
        "batches": "Transactions.",
        "items": "Items written.",
        "retries": "Failed tries.",
        "journaled": "Items that went to the journal.",
        "replayed": "Items stored from the journal.",
        "seconds": "Seconds spent in transactions.",
    }
    for name, text in counters.items():
        family = CounterMetricFamily(f"pavilion_writer_{name}", text, labels=["writer"])
        for writer in runtime.writers.values():
            family.add_metric([writer.name], getattr(writer.statistics, name))
        yield family
    pending = GaugeMetricFamily("pavilion_journal_pending", "Items waiting for the database.", labels=["writer"])
    for writer in runtime.writers.values():
        pending.add_metric([writer.name], writer.pending)
    yield pending


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # only Linux has it
        return 0
