"""Limits on how often something may be tried, shared by all processes when Redis is there.

The limiter fails over, not shut: when Redis does not answer, each process counts for itself until it does,
because a festival that cannot log in is worse than a limit that is a few times too generous for a minute.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from realtime.errors import ClientError

logger = logging.getLogger(__name__)

# A healthy Redis answers within milliseconds. One that hangs costs a request this much, and then nobody for a while.
_STORE_SECONDS = 0.5
_REST_SECONDS = 10.0
# The first attempts after a start come at once, from many threads. Without it each would make a store, and count alone.
_making = threading.Lock()


class RateLimited(ClientError):
    def __init__(self, retry_after_ms: int) -> None:
        super().__init__("rate_limited", "Too many attempts. Wait a moment.", retry_after_ms=retry_after_ms)


@dataclass(slots=True)
class _SharedStore:
    storage: Storage
    # Not asked before this time of the monotonic clock.
    rests_until: float = 0.0

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < self.rests_until


@functools.cache
def _shared() -> _SharedStore | None:
    if not settings.REDIS_URL:
        return None
    options = {"socket_timeout": _STORE_SECONDS, "socket_connect_timeout": _STORE_SECONDS}
    return _SharedStore(cast(Storage, storage_from_string(settings.REDIS_URL, wrap_exceptions=True, **options)))


@functools.cache
def _local() -> MemoryStorage:
    return MemoryStorage()


@functools.cache
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)


def hit(scope: str, identity: str, limit: str) -> None:
    """Count one attempt of `identity` in `scope`; raise `RateLimited` past `limit`, such as `"30/minute"`."""
    _ask(MovingWindowRateLimiter.hit, scope, identity, limit)


def refuse_if_spent(scope: str, identity: str, limit: str) -> None:
    """Raise `RateLimited` where `hit` would, without counting: for limits on failures alone."""
    _ask(MovingWindowRateLimiter.test, scope, identity, limit)


def _ask(question: Callable[..., bool], scope: str, identity: str, limit: str) -> None:
    if not settings.RATE_LIMITS_ENABLED:
        return
    item = _parsed(limit)
    with _making:
        shared, local = _shared(), _local()
    if shared is not None and not shared.is_resting:
        try:
            _answer(question, shared.storage, item, scope, identity)
            return
        except RateLimited:
            raise
        except Exception:  # whatever the store raised: counting locally is the answer to all of it
            shared.rests_until = time.monotonic() + _REST_SECONDS
            logger.warning("rate limits: the shared store does not answer, counting in this process", exc_info=True)
    _answer(question, local, item, scope, identity)


def _answer(question: Callable[..., bool], storage: Storage, item: RateLimitItem, scope: str, identity: str) -> None:
    limiter = MovingWindowRateLimiter(storage)
    if question(limiter, item, scope, identity):
        return
    reset_at = limiter.get_window_stats(item, scope, identity).reset_time
    raise RateLimited(max(1000, int((reset_at - time.time()) * 1000)))
