"""`python -m benchmarks`: run workloads against Pavilion and its peers, print the ratios, keep the results.

Every figure is a ratio inside one run on one machine: the server keeps to one core, the load to another, and the peer
runs in the same place right before or after.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import report, subjects
from benchmarks.driver.probe import raise_file_limit
from benchmarks.driver.spec import DialectName, Spec
from benchmarks.processes import ROOT, ServerFailed, running, tail
from benchmarks.workloads import OURS, SOCKETIO, STOCK_SAVING, WORKLOADS, Workload

SERVER_CORE, LOAD_CORE = 0, 1
# What a run takes beside its seconds: connecting, draining, settling.
EXTRA_SECONDS = 240.0
# Members, messages in each frame or write: B1's separate frames and B2's long ones.
CEILINGS: list[tuple[DialectName, int, int]] = [
    ("socketio", 300, 1),
    ("socketio", 300, 4),
    ("pavilion", 300, 10),
    ("pavilion", 1000, 40),
]

Starter = Callable[[subjects.Crowding], AbstractContextManager[subjects.Running]]


def drive(spec: Spec) -> dict[str, Any]:
    """Run the driver on its core and return its result."""
    with tempfile.TemporaryDirectory(prefix="pavilion-bench-driver-") as name:
        path, log, out = Path(name, "spec.json"), Path(name, "driver.log"), Path(name, "result.json")
        path.write_bytes(msgspec.json.encode(spec))
        command = [sys.executable, "-m", "benchmarks.driver", str(path), str(out)]
        with running(command, core=LOAD_CORE, log=log, env={}) as process:
            try:
                process.wait(spec.seconds + spec.warm_up_seconds + EXTRA_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise ServerFailed(f"the driver did not end in time:\n{tail(log)}") from error
        if process.returncode:
            raise ServerFailed(f"the driver ended with {process.returncode}:\n{tail(log)}")
        result: dict[str, Any] = msgspec.json.decode(out.read_bytes())
        return result


def measure(workload: Workload, start: Starter, seconds: float) -> dict[str, Any]:
    """Start a server, drive the workload against it, stop it."""
    with start(workload.crowding) as server:
        spec = Spec(
            kind=workload.kind,
            dialect=server.dialect,
            port=server.port,
            rooms=server.rooms,
            server_pids=server.pids,
            writers_per_room=workload.writers_per_room,
            seconds=seconds * workload.length,
            sampled=workload.sampled,
        )
        return drive(spec)


@contextmanager
def ours(crowding: subjects.Crowding, database: str, database_core: int) -> Iterator[subjects.Running]:
    """Start Pavilion on a fresh database of the given kind."""
    with ExitStack() as stack:
        # An empty URL is SQLite in the data folder.
        url = stack.enter_context(subjects.throw_away_postgres(database_core)) if database == "postgresql" else ""
        yield stack.enter_context(subjects.pavilion(crowding, SERVER_CORE, url))


def starter(subject: str, options: argparse.Namespace) -> Starter:
    if subject == OURS:
        return lambda crowding: ours(crowding, options.database, options.database_core)
    if subject == SOCKETIO:
        return lambda crowding: subjects.socketio(crowding, SERVER_CORE)
    return lambda crowding: subjects.stock(crowding, SERVER_CORE, saves=subject == STOCK_SAVING)


def run_workload(workload: Workload, options: argparse.Namespace) -> report.Outcome:
    """Run all subjects in turn, round by round, and say how each did."""
    taking_part = [*([] if options.peers_only else [OURS]), *([] if options.without_peers else workload.peers)]
    outcome = report.Outcome(
        workload.name, options.database, report.machine(options), {name: [] for name in taking_part}
    )
    for number in range(options.rounds):
        # The other way round every second time: whoever comes first finds the cooler machine.
        for subject in taking_part if number % 2 == 0 else reversed(taking_part):
            say(f"{workload.name} round {number + 1} of {options.rounds}: {subject} …")
            result = measure(workload, starter(subject, options), options.seconds)
            outcome.rounds[subject].append(result)
            say(f"    {report.brief(result)}")
    return outcome


def run_ceilings(seconds: float) -> None:
    """Print what the driver takes from a server that only writes."""
    for dialect, members, per_frame in CEILINGS:
        crowding = subjects.Crowding(1, members)
        with subjects.blaster(dialect, members, per_frame, SERVER_CORE) as server:
            rooms = crowding.nameless()
            result = drive(Spec(kind="listen", dialect=server.dialect, port=server.port, rooms=rooms, seconds=seconds))
        say(
            f"{dialect}, {members} members, {per_frame} at once: {result['deliveries_per_second']:,.0f} deliveries/s, "
            f"{result['megabytes_per_second']:,.0f} MB/s, driver busy {result['driver_busy']:.0%}"
        )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Pavilion beside its peers.")
    parser.add_argument("--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="NAME")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured in each round (default 10)")
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over these (default 3)")
    parser.add_argument(
        "--database-core", type=int, default=SERVER_CORE, help="the core PostgreSQL shares (default: the server's)"
    )
    parser.add_argument("--peers-only", action="store_true", help="leave Pavilion out")
    parser.add_argument("--without-peers", action="store_true", help="measure Pavilion alone")
    parser.add_argument("--ceiling", action="store_true", help="measure only what the driver itself can take")
    parser.add_argument("--render", action="store_true", help="write the kept results into docs/benchmarks.md and end")
    return parser.parse_args()


def main() -> int:
    """Return 0 when everything ran, whatever the figures; 1 when something could not run."""
    options = parse()
    if options.render:
        report.render_document(ROOT / "docs" / "benchmarks.md")
        return 0
    if (os.cpu_count() or 1) < 2:
        say("Two cores are needed: one for the server, one for the load.")
        return 1
    # A plain end by signal would skip what stops the servers and removes their folders.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # Servers inherit it: 10,000 connections need as many files.
    raise_file_limit()
    try:
        if options.ceiling:
            run_ceilings(options.seconds)
            return 0
        for name in options.workload:
            outcome = run_workload(WORKLOADS[name], options)
            report.keep(outcome)
            say(report.table(outcome))
    except ServerFailed as error:
        say(f"Stopped: {error}")
        return 1
    except KeyboardInterrupt:
        say("Stopped; all servers are down.")
        return 130
    return 0
