"""An append-only journal on disk for what must not be lost while the database is away.

A record is one line: eight hexadecimal digits of CRC-32, a blank, and the payload, which holds no newline. `append`
returns after `fsync`, so a returned record survives `kill -9` and a power cut. A line that was cut off by a crash
fails its checksum; it was never acknowledged, and reading passes over it.

The file is locked while a process owns it. The lock dies with the process, so `adopt_orphans` finds exactly the
journals whose writers are gone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

logger = logging.getLogger(__name__)

SUFFIX = ".journal"


class SpoolFull(Exception):
    """The journal has reached its limit, or the disk has: nothing was written."""


class Spool:
    """One process's journal. Its methods block on the disk: call them in a thread. It is not thread-safe."""

    def __init__(self, directory: Path, name: str, max_bytes: int) -> None:
        self.path = directory / f"{name}{SUFFIX}"
        self._max_bytes = max_bytes
        self._file: FileIO | None = None
        self.pending = 0

    def open(self) -> None:
        """Create the file and lock it for this process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _locked(self.path)
        _cut_torn_tail(self._file)
        _sync_folder(self.path.parent)
        self.pending = sum(1 for _ in _records(self.path))

    def append(self, payloads: list[bytes]) -> None:
        """Write all of `payloads` or none, and return when they are on the disk. Raises `SpoolFull`."""
        file = self._opened()
        before = file.seek(0, os.SEEK_END)
        data = b"".join(_line(payload) for payload in payloads)
        if before + len(data) > self._max_bytes:
            raise SpoolFull(f"The journal would pass {self._max_bytes} bytes.")
        try:
            _write(file, data)
            os.fsync(file.fileno())
        except OSError as error:
            # Half a batch must not stay: its senders are told that nothing was kept.
            file.truncate(before)
            raise SpoolFull(str(error)) from error
        self.pending += len(payloads)

    def read(self) -> list[bytes]:
        """Return all records, oldest first."""
        return list(_records(self.path))

    def read_from(self, place: int, most: int | None = None) -> tuple[list[bytes], int]:
        """Return the records from a place in the file on, no more than `most`, and the place behind them.

        A long journal is stored in pieces: counted from its beginning each time, it would be read over and over.
        """
        payloads: list[bytes] = []
        with self.path.open("rb") as file:
            file.seek(place)
            while (most is None or len(payloads) < most) and (line := file.readline()):
                place += len(line)
                payload = _payload(line)
                if payload is not None:
                    payloads.append(payload)
        return payloads, place

    def clear(self) -> None:
        """Forget all records: they are in the database now."""
        file = self._opened()
        file.truncate(0)
        os.fsync(file.fileno())
        self.pending = 0

    def close(self) -> None:
        """Release the lock; an empty journal is removed."""
        if self._file is None:
            return
        if self.pending == 0:
            self.path.unlink(missing_ok=True)
        self._file.close()
        self._file = None

    def _opened(self) -> FileIO:
        if self._file is None:
            raise RuntimeError("The journal is not open.")
        return self._file


def adopt_orphans(directory: Path) -> Iterator[tuple[Path, list[bytes]]]:
    """Yield the journals whose writers are dead, each locked while the caller works on it.

    The caller deletes the path once the records are stored; what it leaves is found again next time.
    """
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            with path.open("rb", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_still_at(path, file):
                    yield path, list(_records(path))
        except BlockingIOError:
            continue  # its writer lives
        except FileNotFoundError:
            continue  # another process has just stored it


def _locked(path: Path) -> FileIO:
    """Return the file, made if needed and locked, unbuffered: what could not be written must not be written later."""
    while True:
        file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still_at(path, file):
                return file
        except OSError:
            file.close()
            raise
        # Between the making and the locking another process took it for an orphan, and removed it.
        file.close()


def _is_still_at(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _cut_torn_tail(file: FileIO) -> None:
    """Remove the line that a crash cut off, which was never acknowledged: the next record would run into it."""
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        file.truncate(whole)


def _sync_folder(folder: Path) -> None:
    # A new file survives a power cut only when its folder's entry is on the disk, too.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(file: FileIO, data: bytes) -> None:
    while data:
        # On a disk that fills up a write takes a part, and the next one raises.
        data = data[file.write(data) :]


def _line(payload: bytes) -> bytes:
    if b"\n" in payload:
        raise ValueError("A journal record holds no newline.")
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            payload = _payload(line)
            if payload is not None:
                yield payload
            else:
                logger.warning("journal %s: line %d was cut off and is passed over", path.name, number)


def _payload(line: bytes) -> bytes | None:
    """Return what the line holds, or None when a crash has cut it off."""
    checksum, _, payload = line.rstrip(b"\n").partition(b" ")
    return payload if line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(payload) else None
