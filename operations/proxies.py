"""Where a request comes from, when it comes through a proxy: pages, the API and sockets alike.

The headers in which proxies pass this on can be made up by anybody. They are believed from the addresses in
`TRUSTED_PROXIES` and from nobody else, and of the addresses that they list the right-most counts that is no proxy of
ours: what stands left of it was written by somebody we do not know.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FOR, _PROTO = b"x-forwarded-for", b"x-forwarded-proto"
# What a proxy may call the visitor's line, for a page and for a socket.
_SCHEMES = {
    "http": {"http": "http", "https": "https", "ws": "http", "wss": "https"},
    "websocket": {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"},
}
# A peer on a Unix socket has no address. Only programs of this machine reach one, so it counts as this machine.
_THIS_MACHINE = ("127.0.0.1", 0)


def behind_proxies(application: Application, trusted: Sequence[str]) -> Application:
    """Return `application` with `scope["client"]` and `scope["scheme"]` as the `trusted` networks report them.

    The headers are taken out once they are read. From everybody else they stay, and mean nothing.
    """
    if not trusted:
        return application
    networks = [ipaddress.ip_network(network) for network in trusted]

    def is_ours(address: Address | None) -> bool:
        return address is not None and any(address in network for network in networks)

    async def serve(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in _SCHEMES:
            client = tuple(scope.get("client") or _THIS_MACHINE)
            scope = {**scope, "client": client}
            if is_ours(_parsed(client[0])):
                scope = _as_reported(scope, is_ours)
        await application(scope, receive, send)

    return serve


def _as_reported(scope: Scope, is_ours: Callable[[Address | None], bool]) -> Scope:
    listed = [part for name, value in scope["headers"] if name == _FOR for part in value.decode("latin-1").split(",")]
    # A chain of proxies may append here, too; the last one is that of the peer itself.
    schemes = [
        part for name, value in scope["headers"] if name == _PROTO for part in value.decode("latin-1").split(",")
    ]
    scheme = _SCHEMES[scope["type"]].get(schemes[-1].strip().lower()) if schemes else None
    return {
        **scope,
        "client": _visitor(listed, is_ours) or scope["client"],
        "scheme": scheme or scope.get("scheme", "http"),
        "headers": [(name, value) for name, value in scope["headers"] if name not in (_FOR, _PROTO)],
    }


def _visitor(listed: list[str], is_ours: Callable[[Address | None], bool]) -> tuple[str, int] | None:
    """Return the right-most address that is no proxy of ours, or the left-most one when all are."""
    found = None
    for text in reversed(listed):
        address = _parsed(text)
        if address is None:
            # Something else than an address: whoever wrote it is unknown, and the proxy in front of it answers for it.
            break
        found = (str(address), 0)
        if not is_ours(address):
            break
    return found


def _parsed(text: str) -> Address | None:
    """Return the address in `text`, which may have a port (`1.2.3.4:5`, `[::1]:5`); None when there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket that takes both families writes IPv4 addresses as ::ffff:1.2.3.4.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
