"""The interpreter set up for millions of objects and two busy threads, as long as an import runs in this process."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS_BEFORE_A_LOOK = 200_000
_SECONDS_BEFORE_A_SWITCH = 0.0005


class _Setting:
    """What belongs to the whole process: the first import changes it, the last one puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._imports = 0
        self._has_frozen = False
        self._thresholds, self._interval = gc.get_threshold(), sys.getswitchinterval()

    def enter(self) -> None:
        with self._lock:
            self._imports += 1
            if self._imports > 1:
                return
            self._thresholds, self._interval = gc.get_threshold(), sys.getswitchinterval()
            # A server has done so by itself, and goes on wanting it: there is no way to give back a part of it.
            self._has_frozen = not gc.get_freeze_count()
            if self._has_frozen:
                gc.freeze()
            gc.set_threshold(_OBJECTS_BEFORE_A_LOOK, *self._thresholds[1:])
            sys.setswitchinterval(_SECONDS_BEFORE_A_SWITCH)

    def leave(self) -> None:
        with self._lock:
            self._imports -= 1
            if self._imports:
                return
            sys.setswitchinterval(self._interval)
            gc.set_threshold(*self._thresholds)
            if self._has_frozen:
                gc.unfreeze()


_setting = _Setting()


@contextmanager
def at_full_speed() -> Iterator[None]:
    """Collect garbage seldom and let threads take turns often.

    Next to none of the objects of an import is part of a circle, and each full look for circles goes through everything
    that the process has ever imported: all of them together took a fifth of the time. And a thread that has something
    for PostgreSQL is not to wait 5 ms each time until the other one lets it; nor is the server around it.
    """
    _setting.enter()
    try:
        yield
    finally:
        _setting.leave()
