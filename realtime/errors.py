"""The errors that a client is told about. Anything else that is raised is a bug, answered `internal`."""

from __future__ import annotations

from typing import Final

# The code on the wire and its HTTP status. `docs/protocol.md` explains each one.
HTTP_STATUS: Final[dict[str, int]] = {
    "bad_request": 400,
    "unsupported": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "muted": 403,
    "banned": 403,
    "not_found": 404,
    "conflict": 409,
    "room_closed": 410,
    "too_large": 413,
    "invalid": 422,
    "filtered": 422,
    "idempotency_conflict": 422,
    "room_paused": 423,
    "slow_mode": 429,
    "rate_limited": 429,
    "held": 202,
    "internal": 500,
    "overloaded": 503,
}


class ClientError(Exception):
    """A refusal with a code from `HTTP_STATUS` and a sentence that the person may read.

    `field` names the input that is wrong; `retry_after_ms` says when a repeat may succeed.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_ms = retry_after_ms

    @property
    def status(self) -> int:
        return HTTP_STATUS[self.code]


class NotFound(ClientError):
    """Also raised for what exists but may not be seen: the two must not be told apart."""

    def __init__(self, message: str = "There is nothing here.") -> None:
        super().__init__("not_found", message)


class Overloaded(ClientError):
    """The server cannot answer for this now, and the client should ask again.

    It does not say that nothing happened: a database that hangs may still do what it was asked. Whoever repeats a write
    has to make it the same one, as a message is by its `client_id`.
    """

    def __init__(self, message: str = "The server is busy. Try again shortly.", retry_after_ms: int = 2000) -> None:
        super().__init__("overloaded", message, retry_after_ms=retry_after_ms)
