"""The server's side of a WebSocket, with one shortcut: a text that goes to many connections is framed once."""

from __future__ import annotations

from functools import lru_cache

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State


class FanOutProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which builds each frame anew for each connection; here those of a flush share one.

    Frames from the server carry no mask, and without extensions nothing in them depends on the connection. Whatever is
    not a plain text on an open connection that takes it at once goes the way it went before.
    """

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.send" and self._takes_texts():
            text = message.get("text")
            if text is not None:
                self.transport.write(text_frame(text))
                return
        await super().send(message)

    def _takes_texts(self) -> bool:
        conn = self.conn
        return (
            self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and conn.state is State.OPEN
            and not conn.extensions
            and self.writable.is_set()
        )


# A flush sends few different texts, one after another; more would only keep large frames alive.
@lru_cache(maxsize=4)
def text_frame(text: str) -> bytes:
    """Return `text` as an unmasked, final WebSocket frame (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
