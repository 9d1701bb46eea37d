"""Rows of cells as records that fit the directory; of large files in a process beside this one.

Python runs one thread at a time, and to understand a row takes as long as all else that a preview does with it.
"""

from __future__ import annotations

import logging
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import msgspec
from django.conf import settings

from builders.comparing import fitted, misfits
from builders.importing.matching import identity_key
from builders.importing.source import Cells, Source, Understood
from builders.record import Problem, Record

logger = logging.getLogger(__name__)

Rows = Sequence[tuple[int, Cells]]
Results = Callable[[], list[Understood]]
# A process takes a second to start, in which this one reads 10,000 rows; and of many files next to nothing is new.
FEWEST_ROWS, FEWEST_NEW_ROWS = 20_000, 2000
_CHILD = """
import gc, sys
from argparse import Namespace
import django
from django.core.management import handle_default_options
handle_default_options(Namespace(settings=sys.argv[1], pythonpath=None))
gc.disable()
django.setup()
gc.freeze()
gc.enable()
from builders.importing import reading
reading.serve()
"""
_SIZE = 4  # bytes that say how long a message is
_encode = msgspec.msgpack.encode
_rows = msgspec.msgpack.Decoder(list[tuple[int, Any]])
_understood = msgspec.msgpack.Decoder(list[Understood])


class Reading:
    """Understands rows, in whatever process it is called."""

    def __init__(self, read: Callable[[Any], Understood]) -> None:
        self._read = read

    def __call__(self, rows: Rows) -> list[Understood]:
        return [self._one(number, cells) for number, cells in rows]

    def begin(self, rows: Rows) -> Results:
        """Begin with some rows and return what waits for the records. One at a time: ask for those before first."""
        return lambda: self(rows)

    def _one(self, number: int, cells: Cells) -> Understood:
        try:
            record, problems = self._read(cells)
        except Exception:  # one row must not stop the others; the trace tells us what to mend
            logger.exception("import: row %s cannot be read", number)
            problem = Problem(column="", code="unreadable", message="This row cannot be read.", is_error=True)
            return Record(), [problem]
        record = fitted(record)
        if not any(problem.is_error for problem in problems):
            problems = [*problems, *misfits(record)]
        if not record.key:
            record.key = identity_key(record)
        return record, problems


class _Beside(Reading):
    """The same with a process beside this one, as soon as it is up and as long as it lives."""

    def __init__(self, read: Callable[[Any], Understood], pickled: bytes) -> None:
        super().__init__(read)
        self._pickled = pickled
        self._asked, self._is_up, self._is_gone = 0, False, False
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, rows: Rows) -> Results:
        self._asked += len(rows)
        try:
            pipes = self._pipes()
            if pipes is not None:
                _send(pipes[0], _encode(rows))
                return lambda: self._results(pipes[1], rows)
        except (OSError, EOFError):
            self._note_that_it_is_gone()
        except UnicodeError:
            # Half a character stands in a text, which no message takes.
            logger.info("import: some rows are read in this process")
        return lambda: self(rows)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            # Closes the pipes, and waits.
            self._process.communicate()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]] | None:
        """Return where rows go and where records come from; None as long as nobody is there."""
        if self._process is None and self._asked >= FEWEST_NEW_ROWS:
            self._process = self._started()
        if self._is_gone or self._process is None or self._process.stdin is None or self._process.stdout is None:
            return None
        pipes = self._process.stdin, self._process.stdout
        if not self._is_up and select.select([pipes[1]], [], [], 0)[0]:
            _receive(pipes[1])
            self._is_up = True
        return pipes if self._is_up else None

    def _started(self) -> subprocess.Popen[bytes]:
        # Not a fork: this process has threads and connections. When either dies, the other one sees its pipe close.
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, settings.SETTINGS_MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
        )
        if process.stdin is not None:
            _send(process.stdin, self._pickled)
        return process

    def _results(self, back: IO[bytes], rows: Rows) -> list[Understood]:
        try:
            return _understood.decode(_receive(back))
        except (OSError, EOFError):
            self._note_that_it_is_gone()
            return self(rows)

    def _note_that_it_is_gone(self) -> None:
        logger.warning("import: the process that reads rows is gone; this one goes on alone")
        self._is_gone = True


@contextmanager
def reading(source: Source) -> Iterator[Reading]:
    """Yield what understands the rows of a source."""
    try:
        pickled = pickle.dumps(source.read) if source.total >= FEWEST_ROWS and _cores() > 1 else b""
    except (pickle.PicklingError, AttributeError, TypeError):
        # Records of JSON files are read by functions that only this process has.
        pickled = b""
    if not pickled:
        yield Reading(source.read)
        return
    beside = _Beside(source.read, pickled)
    try:
        yield beside
    finally:
        beside.close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(_SIZE))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    size = int.from_bytes(_exactly(pipe, _SIZE))
    return _exactly(pipe, size)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


def serve() -> None:
    """Read rows for the process at the other end of the pipes until it hangs up."""
    to, back = sys.stdin.buffer, sys.stdout.buffer
    # The reader is ours: it was pickled by the process that started this one.
    understand = Reading(pickle.loads(_receive(to)))  # noqa: S301
    _send(back, b"up")
    while True:
        try:
            _send(back, _encode(understand(_rows.decode(_receive(to)))))
        except (EOFError, OSError):
            return
