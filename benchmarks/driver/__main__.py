"""`python -m benchmarks.driver SPEC RESULT`: one run as the file SPEC says; the result goes into the file RESULT."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import msgspec
import uvloop

from benchmarks.driver.probe import raise_file_limit
from benchmarks.driver.runs import flood, idle, listen, rejoin
from benchmarks.driver.spec import Spec

RUNS = {"flood": flood, "idle": idle, "listen": listen, "rejoin": rejoin}


def main() -> None:
    """Run what the file says. The collector is off: a run is short, and its pauses would be measured as latency."""
    spec = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Spec)
    raise_file_limit()
    gc.disable()
    result = uvloop.run(RUNS[spec.kind](spec))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
