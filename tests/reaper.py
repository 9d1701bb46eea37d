"""End what a test run leaves behind when it dies without a chance to clean up.

Runs as a process of its own: `python reaper.py`. Its standard input is a pipe from the test run, one process id per
line. However the run ends (`kill -9` too), the pipe closes, and the reaper kills those that are still the same process.
"""

from __future__ import annotations

import contextlib
import sys

import psutil


def main() -> None:
    watched: list[psutil.Process] = []
    for line in sys.stdin:
        # psutil remembers the start time, so a number that was given to another process is never killed.
        with contextlib.suppress(psutil.NoSuchProcess):
            watched.append(psutil.Process(int(line)))
    for process in watched:
        kill_tree(process)


def kill_tree(process: psutil.Process) -> None:
    """Kill `process` and everything it started, ignoring what has ended meanwhile."""
    if not process.is_running():
        return
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


if __name__ == "__main__":
    main()
