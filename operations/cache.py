"""The cache that all processes share: Redis, and this process's own memory while Redis does not answer.

What is cached can be lost at any time, and nothing waits for it: django-allauth counts log-ins here, and a festival
whose staff cannot log in because Redis is away is worse off than one whose limits count by process for a while.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)

# A Redis that hangs costs one request the time-outs of its connection, and then nobody for a while.
_REST_SECONDS = 10.0


@dataclass(slots=True)
class _Rest:
    # Redis is not asked before this time of the monotonic clock.
    until: float = 0.0


# Django makes a cache object for each thread; all rest together.
_rest = _Rest()


class SharedCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._local = LocMemCache("while Redis is away", {})

    def _ask(self, method: str, *arguments: Any) -> Any:
        if time.monotonic() >= _rest.until:
            try:
                return getattr(super(), method)(*arguments)
            except (RedisError, OSError):
                _rest.until = time.monotonic() + _REST_SECONDS
                logger.warning("cache: Redis does not answer, using the memory of this process", exc_info=True)
        return getattr(self._local, method)(*arguments)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        return self._ask("add", key, value, timeout, version)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return self._ask("get", key, default, version)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        return self._ask("set", key, value, timeout, version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        return self._ask("touch", key, timeout, version)

    def delete(self, key: Any, version: Any = None) -> Any:
        return self._ask("delete", key, version)

    def get_many(self, keys: Any, version: Any = None) -> Any:
        return self._ask("get_many", keys, version)

    def has_key(self, key: Any, version: Any = None) -> Any:
        return self._ask("has_key", key, version)

    def incr(self, key: Any, delta: Any = 1, version: Any = None) -> Any:
        return self._ask("incr", key, delta, version)

    def set_many(self, data: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        return self._ask("set_many", data, timeout, version)

    def delete_many(self, keys: Any, version: Any = None) -> Any:
        return self._ask("delete_many", keys, version)

    def clear(self) -> Any:
        return self._ask("clear")
