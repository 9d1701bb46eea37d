"""Run the whole test suite, on both backends, and add it up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from scripts.console import ROOT, CommandFailed, SetupError, say, started
from scripts.steps import PYTHON, npm

RESULTS = ROOT / "test-results"
PLAIN = "not browser and not chaos and not grown and not live"
SERVERS = "(chaos or grown or live) and not browser and not quiet"
# The suite is held to a quarter of an hour as a whole; no part of it may use that up alone.
PART_SECONDS = 780
# tests/conftest.py ends with this when the machine has no server for the chosen backend and none is required.
UNAVAILABLE = 77
NOTHING_COLLECTED = 5
TOO_LATE = -1


@dataclass(frozen=True)
class Part:
    """One run of pytest."""

    name: str
    title: str
    backend: str
    arguments: list[str]

    @property
    def report(self) -> Path:
        return RESULTS / f"{self.name}.xml"

    @property
    def log(self) -> Path:
        return RESULTS / f"{self.name}.log"

    @property
    def command(self) -> list[str]:
        return [str(PYTHON), "-m", "pytest", "--quiet", f"--junitxml={self.report}", *self.arguments]

    @property
    def environment(self) -> dict[str, str]:
        # Compiled code is kept whatever the machine's habit: servers are started hundreds of times.
        return {"TEST_BACKEND": self.backend, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}


@dataclass
class Tally:
    """What the parts came to."""

    tests: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, report: Path) -> None:
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 -- written by our own run
            self.tests += int(suite.get("tests", 0))
            self.failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            self.skipped += int(suite.get("skipped", 0))


# Tests wait for disks and for servers more than they compute, so three share two processors, and the parts of one line,
# of which one computes and the other mostly waits, run at the same time. Browsers compute, and times that are compared
# want the machine for themselves.
PLAN = (
    (Part("sqlite", "SQLite and the in-memory layer", "sqlite", ["-n", "3", "-m", PLAIN]),),
    (
        Part("postgres", "PostgreSQL and Redis", "postgres", ["-n", "2", "-m", PLAIN]),
        Part("servers", "Real servers and their failures", "sqlite", ["-n", "3", "--dist=worksteal", "-m", SERVERS]),
    ),
    (Part("browsers", "Browsers", "sqlite", ["-n", "2", "--dist=worksteal", "-m", "browser", "tests/browser"]),),
    (Part("quiet", "What is measured", "sqlite", ["-m", "quiet", "tests/chaos"]),),
)


def run_all(arguments: list[str]) -> None:
    """Run the plan, or pytest on `arguments` alone. Raises `SetupError` unless everything passed."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir()
    backend = os.environ.get("TEST_BACKEND", "sqlite")
    plan = ((Part("chosen", "Chosen tests", backend, arguments),),) if arguments else PLAN
    tally, begun = Tally(), time.monotonic()
    for parts in plan:
        _run_together(parts, tally)
    if not arguments:
        _run_frontend(tally)
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    passed = tally.tests - tally.failed - tally.skipped
    counts = f"{passed} passed, {tally.failed} failed, {tally.skipped} skipped"
    say(f"\nTotal: {counts} in {minutes} min {seconds} s.")
    if tally.broken or tally.failed:
        raise SetupError(f"Not everything passed: {', '.join(tally.broken) or 'see above'}.")


def _run_frontend(tally: Tally) -> None:
    """Run the tests of the TypeScript sources, which Node counts in its own way."""
    say("\n── Front end ──")
    output = ""
    try:
        output = npm("run", "test", seconds=120)
    except CommandFailed as error:
        tally.broken.append("Front end")
        output = error.output
        say(str(error), to=sys.stderr)
    counts = {
        name: int(number) for name, number in re.findall(r"^\S+ (tests|fail|skipped) (\d+)$", output, re.MULTILINE)
    }
    tally.tests += counts.get("tests", 0)
    tally.failed += counts.get("fail", 0)
    tally.skipped += counts.get("skipped", 0)
    say(f"{counts.get('tests', 0)} tests, {counts.get('fail', 0)} failed")


def _run_together(parts: Sequence[Part], tally: Tally) -> None:
    """Run parts at the same time. What each prints is shown when it is through, of one that runs alone at once."""
    with ExitStack() as stack:
        running = []
        for part in parts:
            say(f"\n── {part.title} ──")
            log = stack.enter_context(part.log.open("w", encoding="utf-8")) if len(parts) > 1 else None
            running.append((part, stack.enter_context(started(part.command, env=part.environment, output=log))))
        deadline = time.monotonic() + PART_SECONDS
        for part, process in running:
            try:
                status = process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                status = TOO_LATE
            if len(parts) > 1:
                say(f"\n── {part.title} ──\n{part.log.read_text(encoding='utf-8', errors='replace')}")
            _judge(part, status, tally)


def _judge(part: Part, status: int, tally: Tally) -> None:
    if status == UNAVAILABLE:
        say("Skipped, for the reason above.")
        return
    if status not in (0, NOTHING_COLLECTED):
        tally.broken.append(part.title)
        ended = "took too long and was ended" if status == TOO_LATE else f"ended with status {status}"
        say(f"{part.title}: pytest {ended}.", to=sys.stderr)
    if part.report.exists():
        tally.add(part.report)
