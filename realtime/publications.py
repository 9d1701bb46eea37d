"""Publishing from a writer's batch is held until its senders are answered.

Answers before the fan-out: while hundreds of sockets are written to, the senders already work on their next
message, and it arrives in time for the next batch. The other way round the senders of a busy room split into two
halves that take turns, and every fan-out carries half as much.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Publication = Callable[[], None]

_local = threading.local()


@contextmanager
def held() -> Iterator[list[Publication]]:
    """Collect what this thread publishes inside the block; the caller makes the calls, in the event loop."""
    collected: list[Publication] = []
    _local.collected = collected
    try:
        yield collected
    finally:
        _local.collected = None


def hold(publication: Publication) -> bool:
    """Keep the publication if this thread holds them back, and return whether it does."""
    collected = getattr(_local, "collected", None)
    if collected is None:
        return False
    collected.append(publication)
    return True
