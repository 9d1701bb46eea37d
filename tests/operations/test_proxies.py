"""Who a request comes from: the headers of proxies are believed from those in TRUSTED_PROXIES, and from nobody else."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from operations.proxies import behind_proxies
from tests.servers import LiveServer, StartServer

LOCAL = ("127.0.0.1", 5)


async def seen(
    trusted: list[str],
    *,
    client: tuple[str, int] | None = LOCAL,
    forwarded: str | list[str] = "",
    proto: str = "",
    kind: str = "http",
) -> tuple[str, str]:
    """Return the address and the scheme that the application sees."""
    scopes = []

    async def application(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    lines = [forwarded] if isinstance(forwarded, str) else forwarded
    headers = [(b"host", b"fair.example")] + [(b"x-forwarded-for", line.encode("latin-1")) for line in lines if line]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    scheme = "http" if kind == "http" else "ws"
    scope = {"type": kind, "scheme": scheme, "headers": headers, "client": client}
    await behind_proxies(application, trusted)(scope, None, None)
    (found,) = scopes
    return (found["client"] or ("",))[0], found["scheme"]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (["127.0.0.1"], "203.0.113.9", "203.0.113.9"),
        (["127.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
        # What the visitor made up stands on the left of what the proxy saw.
        (["127.0.0.1"], "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (["127.0.0.1"], "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        (["127.0.0.1"], ["198.51.100.7", "203.0.113.9"], "203.0.113.9"),
        # Two proxies of ours, one behind the other.
        (["127.0.0.1", "10.0.0.0/8"], "198.51.100.7, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        (["127.0.0.1", "10.0.0.0/8"], "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        # No addresses: the last one that is known counts.
        (["127.0.0.1", "10.0.0.0/8"], "203.0.113.9, unknown, 10.1.2.3", "10.1.2.3"),
        (["127.0.0.1"], "unknown", "127.0.0.1"),
        (["127.0.0.1"], "203.0.113.9, ", "127.0.0.1"),
        (["127.0.0.1"], "é" * 3000, "127.0.0.1"),
        # With ports, and IPv4 written as IPv6.
        (["127.0.0.1"], "203.0.113.9:4711", "203.0.113.9"),
        (["127.0.0.1"], "[2001:db8::7]:4711", "2001:db8::7"),
        (["127.0.0.1"], "::ffff:203.0.113.9", "203.0.113.9"),
        (["192.0.2.1"], "203.0.113.9", "127.0.0.1"),
        ([], "203.0.113.9", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_address_is_the_rightmost_that_no_proxy_of_ours_has(kind, trusted, forwarded, address):
    assert (await seen(trusted, forwarded=forwarded, kind=kind))[0] == address


@pytest.mark.parametrize(
    ("kind", "proto", "scheme"),
    [
        ("http", "https", "https"),
        ("http", "wss", "https"),
        ("http", "HTTPS", "https"),
        ("http", "http, https", "https"),
        ("http", "gopher", "http"),
        ("websocket", "https", "wss"),
        ("websocket", "http", "ws"),
        ("websocket", "gopher", "ws"),
    ],
)
async def test_scheme_is_that_of_the_visitors_line(kind, proto, scheme):
    assert (await seen(["127.0.0.1"], proto=proto, kind=kind))[1] == scheme


async def test_headers_of_others_are_not_believed():
    stranger = ("192.0.2.4", 5)
    answer = await seen(["127.0.0.1"], client=stranger, forwarded="127.0.0.1", proto="https")
    assert answer == ("192.0.2.4", "http")


async def test_proxy_that_writes_an_ipv4_address_as_ipv6_is_known():
    assert (await seen(["10.0.0.0/8"], client=("::ffff:10.1.2.3", 5), forwarded="203.0.113.9"))[0] == "203.0.113.9"


async def test_unix_socket_counts_as_this_machine():
    assert (await seen(["127.0.0.1"], client=None, forwarded="203.0.113.9"))[0] == "203.0.113.9"
    assert (await seen(["10.0.0.1"], client=None, forwarded="203.0.113.9"))[0] == "127.0.0.1"


# --- the server as a whole --------------------------------------------------------------------------------------


def come_in(server: LiveServer, **headers: str) -> http.client.HTTPResponse:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    line.request(
        "POST", "/api/guests", json.dumps({"display_name": "Ada"}), {**headers, "Content-Type": "application/json"}
    )
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer


def arrivals(server: LiveServer, count: int, addresses: list[str]) -> int:
    """Return how many of `count` guests were refused for coming too fast."""
    made = (come_in(server, **{"X-Forwarded-For": addresses[n % len(addresses)]}) for n in range(count))
    return sum(answer.status == 429 for answer in made)


@pytest.mark.live
def test_people_behind_a_proxy_have_limits_of_their_own(live_server_process: StartServer) -> None:
    server = live_server_process({"TRUSTED_PROXIES": "127.0.0.1"})
    one, other = "203.0.113.9", "198.51.100.7"
    assert arrivals(server, 121, [one]) == 1
    assert arrivals(server, 1, [other]) == 0
    # A made-up address in front of the own one changes nothing.
    assert arrivals(server, 3, [f"192.0.2.{n}, {one}" for n in range(3)]) == 3


@pytest.mark.live
def test_made_up_addresses_do_not_help_against_limits(live_server_process: StartServer) -> None:
    server = live_server_process()
    assert arrivals(server, 121, [f"203.0.113.{n}" for n in range(100)]) == 1


@pytest.mark.live
def test_encrypted_line_in_front_makes_cookies_and_origins_secure(live_server_process: StartServer) -> None:
    origin, host = "https://fair.example", "fair.example"
    server = live_server_process({"PUBLIC_ORIGIN": origin, "TRUSTED_PROXIES": "127.0.0.1"})
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    answer = come_in(server, Host=host, Origin=origin, **forwarded)
    assert answer.status == 201
    cookie = next(value for name, value in answer.getheaders() if name.lower() == "set-cookie" and "sessionid" in value)
    assert "Secure" in cookie
    headers = {"Cookie": cookie.split(";")[0], **forwarded}
    with connect(server.ws_url, origin=origin, additional_headers=headers) as ws:  # type: ignore[arg-type]
        assert json.loads(ws.recv(5))["ev"] == "hello"
    with pytest.raises(InvalidStatus, match="403"):
        connect(server.ws_url, origin="https://evil.example", additional_headers=headers)  # type: ignore[arg-type]
