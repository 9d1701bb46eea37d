"""Start, freeze, kill and always end the programs that tests run beside themselves."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]

# Outside the range from which the system takes the ports of outgoing connections: a client that keeps trying a server
# which is down could otherwise be given the server's own port and connect to itself.
PORTS = range(20_000, 32_000)

T = TypeVar("T")


class ServerUnavailable(Exception):
    """A server for the tests cannot be had on this machine; the text says what is missing."""


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on right now."""
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise ServerUnavailable(f"No free port between {PORTS.start} and {PORTS.stop}.")


def wait_for(question: Callable[[], T | None], seconds: float, what: str) -> T:
    """Ask until the answer is truthy, and return it; `AssertionError` with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:g} s in vain for {what}.")
        time.sleep(0.03)


@cache
def _reaper() -> subprocess.Popen[bytes]:
    # In a session of its own, so that Ctrl-C in the terminal ends the tests and not their reaper.
    script = Path(__file__).with_name("reaper.py")
    return subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, start_new_session=True)


class OwnedProcess:
    """A program started by a test; it never outlives the test run. All signals go by process id."""

    def __init__(self, command: list[str], log: Path, **options: Any) -> None:
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
            )
        self.log_path = log
        reaper = _reaper().stdin
        assert reaper is not None
        reaper.write(b"%d\n" % self.popen.pid)
        reaper.flush()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the program itself."""
        self.popen.send_signal(number)

    def send_all(self, number: int) -> None:
        """Send a signal to the program and everything it started."""
        for member in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(number)

    def kill9(self) -> None:
        """Kill it and everything it started, as a power cut would."""
        self.send_all(signal.SIGKILL)
        self.popen.wait(10)

    def end(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        """Ask it to stop and return its exit status; after `seconds` it is killed and `TimeoutExpired` is raised."""
        if self.is_running:
            self.send_all(signal.SIGCONT)
            self.send(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def _family(self) -> Iterator[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            yield from [process, *process.children(recursive=True)]
