"""The key that signs sessions and links, where nobody has set one."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

FEWEST_CHARACTERS = 32


def kept_key(folder: Path) -> str:
    """Return the key kept in `folder`, made on first use: a new one at each start would log everybody out.

    Any number of processes may start at once: they all get the same key. Raises `OSError`, and `ValueError` when the
    file holds no usable key.
    """
    path = folder / "secret_key"
    if not path.exists():
        _make(path)
    key = path.read_text(encoding="ascii").strip()
    if len(key) < FEWEST_CHARACTERS:
        raise ValueError(
            f"{path} holds no usable key. Delete the file, and a new key is made; all are logged out then."
        )
    return key


def _make(path: Path) -> None:
    # Written in full beside its place and then linked there: whoever finds the file finds a whole key in it, and of
    # several processes one alone creates the name. `mkstemp` makes the file for its owner alone.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # The name, too, must survive a power cut: sessions signed with a key that is gone are worth nothing.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
