"""A process beside this one that is given work, and then pieces to do it to. When either dies, the other notices."""

from __future__ import annotations

import logging
import pickle
import selectors
import subprocess
import sys
from typing import IO, Any, NamedTuple

from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

# Ctrl-C reaches every process of a terminal; this one ends with the one that has started it. There are fewer objects in
# two chunks than it makes before it looks for circles: of these there are next to none.
_PROGRAM = """
import gc, signal, sys
from argparse import Namespace
import django
from django.core.management import handle_default_options
signal.signal(signal.SIGINT, signal.SIG_IGN)
handle_default_options(Namespace(settings=sys.argv[1], pythonpath=None))
gc.disable()
django.setup()
from builders.importing import beside
gc.freeze()
gc.enable()
gc.set_threshold(500_000, 10, 10)
beside.serve()
"""
_SIZE = 4  # bytes that say how long a message is


class _Work(NamedTuple):
    database: Any
    pickled: bytes


class Gone(Exception):
    """The process is not there any more, or could not do what it was given."""


class Beside:
    """The process. One thread at a time may ask it."""

    def __init__(self) -> None:
        # Not a fork: this process has threads and connections.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, settings.SETTINGS_MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
        )
        self._database: Any = connection.settings_dict["NAME"]
        self._is_up = False

    def is_up(self) -> bool:
        """Tell whether it can be asked at once. Raises `Gone`."""
        back = self._process.stdout
        if not self._is_up and back is not None and _has_something(back):
            self._received(back)
            self._is_up = True
        return self._is_up

    def begin(self, work: bytes) -> None:
        """Give it pickled work, for all pieces to come. Raises `Gone`."""
        self._asked(pickle.dumps(_Work(self._database, work)))

    def do(self, piece: Any) -> Any:
        """Return what the work makes of a piece. Raises `Gone`."""
        return self._asked(pickle.dumps(piece))

    def close(self) -> None:
        self._process.kill()
        # Closes the pipes, and waits.
        self._process.communicate()

    def _asked(self, message: bytes) -> Any:
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise Gone("the process beside has no pipes")
        try:
            _send(to, message)
        except OSError as error:
            raise Gone("the process beside is gone") from error
        return self._received(back)

    def _received(self, back: IO[bytes]) -> Any:
        try:
            is_done, answer = pickle.loads(_receive(back))  # noqa: S301 -- from a process of ours
        except (OSError, EOFError) as error:
            raise Gone("the process beside is gone") from error
        if not is_done:
            raise Gone(f"the process beside failed: {answer}")
        return answer


def serve() -> None:
    """Do what the process at the other end of the pipes asks for until it hangs up."""
    to, back = sys.stdin.buffer, sys.stdout.buffer
    work: Any = None
    try:
        _send(back, pickle.dumps((True, "up")))
        while True:
            message = pickle.loads(_receive(to))  # noqa: S301 -- from the process that has started this one
            try:
                if isinstance(message, _Work):
                    _connect_to(message.database)
                    work, result = pickle.loads(message.pickled), None  # noqa: S301
                else:
                    result = work(message)
                answer = pickle.dumps((True, result))
            except Exception as error:
                logger.exception("import: a piece failed beside the importing process")
                answer = pickle.dumps((False, f"{type(error).__name__}: {error}"))
            _send(back, answer)
    except (EOFError, OSError):
        return


def _has_something(pipe: IO[bytes]) -> bool:
    # Not `select.select`, which takes no descriptor beyond 1023: a server with as many visitors has no other to give.
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(timeout=0))


def _connect_to(database: Any) -> None:
    """Have this process know the database of the other one, which in tests is not that of the settings."""
    connection.settings_dict["NAME"] = database
    options = connection.settings_dict["OPTIONS"]
    if "pool" in options:
        options["pool"] = {**options["pool"], "min_size": 1}


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(_SIZE))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    return _exactly(pipe, int.from_bytes(_exactly(pipe, _SIZE)))


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found
