"""The network address that a request counts under when attempts are limited."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address; an IPv6 address stands for its /64, which one household or phone owns whole.

    `X-Forwarded-For` is not read here: `operations.proxies` has already put the visitor's address in the place of a
    trusted proxy's, and nobody else's header may be believed.
    """
    remote: str = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        # A Unix socket has no address; all who come through it share one count.
        return "local"
    if address.version == 4:
        return remote
    return str(ipaddress.ip_network(f"{remote}/64", strict=False).network_address)
