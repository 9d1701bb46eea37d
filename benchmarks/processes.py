"""Server processes: each on its own core, with a log of its own, ended with the benchmark whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
PORTS = range(8200, 8300)
READY_SECONDS = 90.0
STOP_SECONDS = 25.0
_PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """A server ended or did not answer; the message holds the end of its log."""


def free_port() -> int:
    """Return a port of the benchmark's range that nobody listens on."""
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise ServerFailed(f"every port from {PORTS.start} to {PORTS.stop - 1} is taken")


def _prepare_child(core: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        os.sched_setaffinity(0, {core})
        # A benchmark that is killed must not leave servers behind.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return prepare


@contextmanager
def running(
    command: Sequence[str | Path], *, core: int, log: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process pinned to one core; stop it at the end, by its id, with force if it does not listen."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=_prepare_child(core),  # noqa: PLW1509 - the benchmark has one thread
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process, with force if it does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_to_end(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str]) -> None:
    """Run a preparing command; raise ServerFailed with its output if it fails."""
    with log.open("ab") as out:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    if done.returncode:
        raise ServerFailed(f"{command} ended with {done.returncode}:\n{tail(log)}")


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until `url` answers 200."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServerFailed(f"the server ended with {process.returncode}:\n{tail(log)}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address on loopback
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServerFailed(f"{url} did not answer 200 within {READY_SECONDS:.0f} s:\n{tail(log)}")


def tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-30:])


def family(pid: int) -> list[int]:
    """Return the process and its children: what a server costs is what they cost together."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
