"""From results to figures: medians, ratios, the printed table and the one in `docs/benchmarks.md`."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.processes import ROOT
from benchmarks.subjects import PEERS, node_folder
from benchmarks.workloads import WORKLOADS, Results, Target

RESULTS = ROOT / "benchmarks" / "results"
LIBRARIES = ("django", "channels", "uvicorn", "uvloop", "websockets", "msgspec", "psycopg")
# Of one core, in SQLite runs. Above it the servers waited for their turn, and figures say more about the neighbours.
NOISE = 0.15
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


class Outcome(msgspec.Struct):
    """All rounds of one workload on one database, by subject."""

    workload: str
    database: str
    machine: dict[str, str]
    rounds: dict[str, list[dict[str, Any]]]

    def medians(self) -> Results:
        return {subject: median_of(rounds) for subject, rounds in self.rounds.items() if rounds}


def median_of(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one result whose figures are the medians over the rounds; counts of faults are added up instead.

    A fault in one round of three must not vanish in a median.
    """
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for result in rounds for key in result):
        values: list[Any] = [result.get(key) for result in rounds]
        if all(isinstance(value, dict) for value in values):
            merged[key] = (
                _merge_counts(values) if key in ("faults", "closes", "outcomes", "modes") else median_of(values)
            )
        elif all(isinstance(value, int | float) for value in values):
            merged[key] = statistics.median(values)
        else:
            merged[key] = None
    return merged


def _merge_counts(values: list[Any]) -> dict[str, int]:
    return {name: sum(value.get(name, 0) for value in values) for name in {name for value in values for name in value}}


def machine(options: argparse.Namespace) -> dict[str, str]:
    """Say where, when and with what the figures were taken."""
    cpu = next((line.split(": ")[1] for line in _read("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory = next((int(line.split()[1]) for line in _read("/proc/meminfo") if line.startswith("MemTotal")), 0)
    congestion = (_read("/proc/sys/net/ipv4/tcp_congestion_control") or ["unknown"])[0]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} × {cpu}, {memory / 1e6:.0f} GB, Linux {platform.release().split('-')[0]}, "
        f"TCP {congestion}",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions, *_node_versions()]),
        "commit": _commit(),
        "seconds": f"{options.seconds:g}",
        "rounds": str(options.rounds),
        "database core": str(options.database_core) if options.database == "postgresql" else "-",
    }


def _read(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()


def _node_versions() -> list[str]:
    node = subprocess.run([node_folder() / "node", "--version"], capture_output=True, text=True, check=True)
    lock = msgspec.json.decode((PEERS / "socketio" / "package-lock.json").read_bytes())
    packages = lock["packages"]
    found = [f"{name} {packages[f'node_modules/{name}']['version']}" for name in ("socket.io", "ws")]
    return [f"Node.js {node.stdout.strip().removeprefix('v')}", *found]


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.stdout.strip() or "unknown"


def brief(result: dict[str, Any]) -> str:
    """Return one line about one round."""
    parts = []
    if "deliveries_per_second" in result:
        rate, per_frame = result["deliveries_per_second"], result["messages_per_frame"]
        parts.append(f"{rate:,.0f} deliveries/s, {per_frame:.1f} in a frame")
        delivery, ack = result["delivery_ms"], result["ack_ms"]
        parts.append(f"delivery p50 {delivery['p50']:.1f} p99 {delivery['p99']:.1f} max {delivery['max']:.0f} ms")
        parts.append(f"ack p50 {ack['p50']:.1f} p99 {ack['p99']:.1f} ms")
        parts.append(f"server busy {result['server_busy']:.0%}, driver busy {result['driver_busy']:.0%}")
        parts.append(f"others busy {result['others_busy']:.0%}")
    if "bytes_per_connection" in result:
        parts.append(f"{result['bytes_per_connection'] / 1000:.1f} kB for each connection")
    if "whole_seconds" in result:
        parts.append(f"everyone whole after {result['whole_seconds']:.2f} s ({_count_line(result['modes'])})")
        resume, reads = result["resume_ms"], result["database_reads_per_second"]
        parts.append(f"one resume p50 {resume['p50']:.0f} p99 {resume['p99']:.0f} ms")
        parts.append("database reads not measured" if reads is None else f"{reads:.1f} database reads/s")
        parts.append(f"server busy {result['server_busy']:.0%}")
    parts += [f"{name}: {result[name]}" for name in ("undelivered", "failed") if result.get(name)]
    parts += [f"{name}: {_count_line(result[name])}" for name in ("faults", "closes") if result.get(name)]
    return "; ".join(parts)


def _count_line(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def keep(outcome: Outcome) -> Path:
    """Write an outcome into `benchmarks/results/`."""
    RESULTS.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = RESULTS / f"{outcome.workload}-{outcome.database}-{stamp}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    return path


def _cells(result: dict[str, Any]) -> list[str]:
    def number(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:,.{digits}f}"

    delivery = result.get("delivery_ms") or {}
    ack = result.get("ack_ms") or {}
    per_connection = result.get("bytes_per_connection")
    return [
        number(result.get("deliveries_per_second"), 0),
        number(delivery.get("p50"), 1),
        number(delivery.get("p99"), 1),
        number(ack.get("p99"), 1),
        number(per_connection / 1000 if per_connection is not None else None, 1),
        number(result.get("whole_seconds"), 2),
    ]


HEADINGS = ["", "deliveries/s", "p50 ms", "p99 ms", "ack p99 ms", "kB/conn.", "whole after s"]


def table(outcome: Outcome) -> str:
    """Return the medians of each subject and the verdict on each target, as Markdown."""
    workload, medians = WORKLOADS[outcome.workload], outcome.medians()
    lines = [f"**{workload.name}, {outcome.database}**: {workload.title}", ""]
    lines += ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    lines += [f"| {subject} | " + " | ".join(_cells(result)) + " |" for subject, result in medians.items()]
    lines += ["", *(_verdict(target, medians) for target in workload.targets), ""]
    noise = max((result.get("others_busy") or 0.0 for result in medians.values()), default=0.0)
    if outcome.database == "sqlite" and noise > NOISE:
        lines += [
            f"**Not a quiet machine**: other processes used {noise:.0%} of a core. Repeat it before it counts.",
            "",
        ]
    return "\n".join(lines)


def _verdict(target: Target, medians: Results) -> str:
    value, is_reached = target.verdict(medians)
    wanted = f"{'at least' if target.at_least else 'at most'} {target.limit:,g}"
    if value is None:
        return f"- {target.text}: not measured ({wanted})"
    shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"- {target.text}: {shown} ({wanted}): {'reached' if is_reached else '**missed**'}"


def latest() -> list[Outcome]:
    """Return the newest kept outcome of each workload and database that has Pavilion in it."""
    newest: dict[tuple[str, str], Outcome] = {}
    for path in sorted(RESULTS.glob("*.json"), key=lambda path: path.stat().st_mtime):
        outcome = msgspec.json.decode(path.read_bytes(), type=Outcome)
        newest[outcome.workload, outcome.database] = outcome
    return [newest[key] for key in sorted(newest)]


def render_document(path: Path) -> None:
    """Put the newest figures between the marks in the document."""
    before, rest = path.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    blocks = []
    for outcome in latest():
        facts = outcome.machine
        about = f"{facts['date']}, commit {facts['commit']}, {facts['rounds']} rounds of {facts['seconds']} s. "
        core = f" PostgreSQL on core {facts['database core']}." if outcome.database == "postgresql" else ""
        blocks.append(f"{table(outcome)}\n{about}{facts['machine']}. {facts['versions']}.{core}\n")
    figures = "\n".join(blocks) if blocks else "No figures yet.\n"
    path.write_text(f"{before}{BEGIN}\n\n{figures}\n{END}{after}", "utf-8")
