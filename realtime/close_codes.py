"""Why the server closes a socket. 4000–4499 invite a reconnect, 4500–4999 are final."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    INTERNAL = 4000
    RESTART = 4001
    SLOW_CONSUMER = 4002
    HEARTBEAT_TIMEOUT = 4003
    SESSION_EXPIRED = 4005
    RATE_LIMITED = 4006
    PROTOCOL_ERROR = 4500
    AUTH_REQUIRED = 4501
    REVOKED = 4502
    BANNED = 4503
    TOO_MANY_CONNECTIONS = 4504
    UNSUPPORTED_VERSION = 4505

    @property
    def reason(self) -> str:
        return self.name.lower()
