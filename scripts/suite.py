"""Run the whole test suite, on both backends, and add it up."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

from scripts.console import ROOT, CommandFailed, SetupError, run, say
from scripts.steps import PYTHON, npm

RESULTS = ROOT / "test-results"
PLAIN = "not browser and not chaos and not grown and not live"
SERVERS = "(chaos or grown or live) and not browser and not quiet"
# The suite is held to a quarter of an hour as a whole; no part of it may use that up alone.
PART_SECONDS = 780
# tests/conftest.py ends with this when the machine has no server for the chosen backend and none is required.
UNAVAILABLE = 77
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Part:
    """One run of pytest."""

    name: str
    title: str
    backend: str
    arguments: list[str]


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


# Tests wait for disks and for servers more than they compute, so three share two processors. Browsers compute, and
# times that are compared want the machine for themselves.
PLAN = (
    Part("sqlite", "SQLite and the in-memory layer", "sqlite", ["-n", "3", "-m", PLAIN]),
    Part("postgres", "PostgreSQL and Redis", "postgres", ["-n", "3", "-m", PLAIN]),
    Part("servers", "Real servers and their failures", "sqlite", ["-n", "3", "--dist=worksteal", "-m", SERVERS]),
    Part("browsers", "Browsers", "sqlite", ["-n", "2", "--dist=worksteal", "-m", "browser"]),
    Part("quiet", "What is measured", "sqlite", ["-m", "quiet"]),
)


def run_all(arguments: list[str]) -> None:
    """Run the plan, or pytest on `arguments` alone. Raises `SetupError` unless everything passed."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir()
    backend = os.environ.get("TEST_BACKEND", "sqlite")
    parts = [Part("chosen", "Chosen tests", backend, arguments)] if arguments else PLAN
    tally, started = Tally(), time.monotonic()
    for part in parts:
        _run_part(part, tally)
    if not arguments:
        _run_frontend(tally)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
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


def _run_part(part: Part, tally: Tally) -> None:
    say(f"\n── {part.title} ──")
    report = RESULTS / f"{part.name}.xml"
    command = [str(PYTHON), "-m", "pytest", "--quiet", f"--junitxml={report}", *part.arguments]
    # Compiled code is kept whatever the machine's habit: servers are started hundreds of times.
    env = {"TEST_BACKEND": part.backend, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}
    try:
        run(command, seconds=PART_SECONDS, env=env)
    except CommandFailed as error:
        if error.status == UNAVAILABLE:
            say("Skipped, for the reason above.")
            return
        if error.status != NOTHING_COLLECTED:
            tally.broken.append(part.title)
            say(str(error), to=sys.stderr)
    if report.exists():
        tally.add(report)
