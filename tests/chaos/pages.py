"""What a browser asks for over HTTP."""

from __future__ import annotations

import httpx

from tests.chaos.people import Person
from tests.servers import LiveServer


def page_of(server: LiveServer, person: Person, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """Return a client that posts as one of our own pages does, in the session of `person`.

    It comes from `address`: all of 127/8 is this machine.
    """
    name, _, key = person.cookie.partition("=")
    token = "t" * 32
    return httpx.AsyncClient(
        base_url=server.origin,
        transport=line_from(address),
        cookies={name: key, "csrftoken": token},
        headers={"X-CSRFToken": token},
        timeout=20,
    )


def line_from(address: str) -> httpx.AsyncHTTPTransport:
    # A line of its own for each request: the server hangs up on one that was idle, and that may meet the next request.
    return httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits(max_keepalive_connections=0))
