"""Spreadsheets: XLSX and ODS, read by a process of their own into a file of rows without a name."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from builders.importing import limits
from builders.importing.errors import FileRefused
from builders.importing.sheet_reader import REFUSED, Head, Refusal

logger = logging.getLogger(__name__)

_ROOT: Final = Path(__file__).resolve().parents[2]
_ROW: Final = msgspec.json.Decoder(tuple[int, list[str]])
_LONGEST_COMPLAINT: Final = 2000


class SheetFile:
    """The rows of one sheet. They lie on disk while this is open, so that the memory of the server stays flat."""

    def __init__(self, path: Path, sheet: str = "") -> None:
        self._rows: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `close`
        try:
            self.total = 0
            self.head = self._convert(path, sheet)
        except BaseException:
            self._rows.close()
            raise

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield number and cells of each row that is not blank."""
        # Position and not the shared file: two readers may be at different rows.
        at = self._start
        while True:
            self._rows.seek(at)
            lines = self._rows.readlines(limits.SAMPLE)
            if not lines:
                return
            at = self._rows.tell()
            yield from map(_ROW.decode, lines)

    def close(self) -> None:
        self._rows.close()

    def _convert(self, path: Path, sheet: str) -> Head:
        command = [sys.executable, "-m", "builders.importing.sheet_reader", str(path.resolve()), sheet]
        try:
            done = subprocess.run(
                command,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=self._rows,
                stderr=subprocess.PIPE,
                timeout=limits.SHEET_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise FileRefused("too_large", _too_large("time")) from error
        if done.returncode:
            raise _refusal(done)
        self._rows.seek(0)
        head = msgspec.json.decode(self._rows.readline(), type=Head)
        self._start = self._rows.tell()
        self.total = sum(1 for _ in self._rows)
        return head


def _refusal(done: subprocess.CompletedProcess[bytes]) -> FileRefused:
    if done.returncode == REFUSED:
        refusal = msgspec.json.decode(done.stderr, type=Refusal)
        return FileRefused(refusal.code, refusal.message)
    complaint = done.stderr[-_LONGEST_COMPLAINT:].decode(errors="replace")
    if done.returncode < 0 or "MemoryError" in complaint:
        # The system ended it, or there was no memory left to go on with.
        logger.info("A spreadsheet was too large to read: %s", complaint.strip()[-200:])
        return FileRefused("too_large", _too_large("memory"))
    logger.warning("A spreadsheet broke its reader: %s", complaint)
    return FileRefused(
        "damaged", "This spreadsheet cannot be read. Open it in a spreadsheet program and save it again."
    )


def _too_large(what: str) -> str:
    return f"This spreadsheet needs too much {what} to read. Save the sheet as CSV, which may have any length."
