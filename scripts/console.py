"""What a step says, and how it runs another program with a time limit."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

ROOT = Path(__file__).resolve().parent.parent
# Enough of a failed program's output to see the reason, little enough to read.
_TAIL_LINES = 15


class SetupError(Exception):
    """A step cannot be done; the text says why and what helps."""


class CommandFailed(SetupError):
    """A program ended with an error or ran out of time; `output` is what it printed, if that was caught."""

    def __init__(self, message: str, *, status: int | None = None, output: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.output = output


def say(text: str, *, end: str = "\n", to: TextIO | None = None) -> None:
    """Print at once: the reader must see what is going on while it goes on."""
    print(text, end=end, file=to or sys.stdout, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step and, once it is done, how long it took."""
    say(f"{title} … ", end="")
    started = time.monotonic()
    try:
        yield
    except BaseException:
        say("failed.")
        raise
    say(f"done in {time.monotonic() - started:.1f} s.")


def explain(error: OSError) -> str:
    """Return a sentence about a failed file operation that says what helps."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{where}. Free some space and run the command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"A file or folder cannot be written{where}. Check its owner and rights."
    return f"{error.strerror}{where}."


def run(
    command: list[str],
    *,
    seconds: float,
    env: dict[str, str] | None = None,
    cwd: Path = ROOT,
    quiet: bool = False,
) -> str:
    """Run a program to its end. `quiet` returns its output and shows it only on failure. Raises `CommandFailed`."""
    with started(command, env=env, cwd=cwd, output=subprocess.PIPE if quiet else None) as process:
        try:
            output = process.communicate(timeout=seconds)[0] or ""
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"`{_named(command)}` took longer than {seconds:.0f} s and was ended.") from None
    if process.returncode:
        tail = "\n".join(output.strip().splitlines()[-_TAIL_LINES:])
        raise CommandFailed(
            f"`{_named(command)}` ended with status {process.returncode}.\n{tail}".rstrip(),
            status=process.returncode,
            output=output,
        )
    return output


@contextlib.contextmanager
def started(
    command: list[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT, output: IO[str] | int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a program, whose `output` goes where it says. At the end of the block nothing of it is left running."""
    # A session of its own: everything that the program started ends with it.
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                _end(process)


def _named(command: list[str]) -> str:
    return " ".join(Path(word).name if word.startswith("/") else word for word in command[:5])


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and everything in its session: politely first, then for good."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return
