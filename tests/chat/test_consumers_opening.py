"""`/ws/`: who gets a socket, and who does not."""

from __future__ import annotations

import pytest

from tests.rig import (
    PATIENCE_SECONDS,
    Socket,
    communicator,
    in_db,
    log_in,
)

pytestmark = pytest.mark.django_db(transaction=True)


async def test_hello_says_who_one_is_and_what_is_allowed(runtime, sit_down, bob):
    socket = Socket(await in_db(log_in, bob))
    hello = await socket.open()
    assert hello["protocol"] == 1
    assert hello["me"] == {"uid": bob.uid, "name": "Bob", "guest": True}
    assert hello["heartbeat_ms"] == 25_000
    assert hello["limits"]["text"] == 4000
    assert hello["limits"]["frame"] == 65_536
    assert {"rate_per_second", "burst"} <= hello["limits"].keys()
    await socket.leave()


@pytest.mark.parametrize("offered", [["pavilion.chat.v1"], ["other", "pavilion.chat.v1"]])
async def test_subprotocol_offered_is_taken(runtime, bob, offered):
    line = communicator(await in_db(log_in, bob), subprotocols=offered)
    assert await line.connect() == (True, "pavilion.chat.v1")
    await line.disconnect()


async def test_subprotocol_unknown_is_closed_with_4505(runtime, bob):
    socket = Socket(await in_db(log_in, bob), subprotocols=["pavilion.chat.v9"])
    await socket.communicator.connect(PATIENCE_SECONDS)
    assert await socket.closed() == 4505
    assert (socket.bye["reason"], socket.bye["reconnect"]) == ("unsupported_version", False)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "https://evil.example",
        "https://127.0.0.1:8000.evil.example",
        "http://127.0.0.1:9000",
        "file://127.0.0.1:8000",
        "http://[broken",
        "http://127.0.0.1:port",
    ],
)
async def test_origin_foreign_or_missing_is_refused_before_accept(runtime, bob, origin):
    line = communicator(await in_db(log_in, bob), origin=origin)
    connected, _ = await line.connect()
    assert not connected


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://LOCALHOST:8000", "http://localhost:8000"])
async def test_origin_of_our_own_is_let_in(runtime, bob, origin):
    host = origin.partition("//")[2].lower()
    line = communicator(await in_db(log_in, bob), origin=origin, host=host)
    connected, _ = await line.connect()
    assert connected
    await line.disconnect()


async def test_origin_of_an_unknown_host_is_refused_though_it_matches_the_host_header(runtime, bob):
    line = communicator(await in_db(log_in, bob), origin="http://rebound.example", host="rebound.example")
    assert (await line.connect())[0] is False


async def test_origin_missing_is_let_in_where_the_setting_allows_it(runtime, bob, settings):
    settings.WS_ALLOW_MISSING_ORIGIN = True
    line = communicator(await in_db(log_in, bob), origin=None)
    assert (await line.connect())[0] is True
    await line.disconnect()


async def test_path_without_a_socket_is_refused(runtime, bob):
    line = communicator(await in_db(log_in, bob), path="/ws/elsewhere/")
    assert (await line.connect())[0] is False


@pytest.mark.parametrize(
    "cookie",
    ["", "sessionid=unknown", "sessionid=", "other=1", "sessionid", ";;;", "sessionid=\x00", "sessionid=" + "x" * 3000],
)
async def test_nobody_is_closed_with_4501(runtime, cookie):
    socket = Socket(cookie=cookie)
    await socket.communicator.connect(PATIENCE_SECONDS)
    assert await socket.closed() == 4501
    assert (socket.bye["reason"], socket.bye["reconnect"]) == ("auth_required", False)


@pytest.mark.parametrize("before", ['prefs={"a":1}; ', "a[b]=c; ", 'x="unclosed; ', "=; ", "naïve=1; "])
async def test_session_is_found_behind_cookies_of_other_programs(runtime, bob, before):
    socket = Socket(cookie=f"{before}sessionid={await in_db(log_in, bob)}")
    assert (await socket.open())["me"]["uid"] == bob.uid
    await socket.leave()


async def test_disabled_person_is_closed_with_4501(runtime, ada):
    key = await in_db(log_in, ada)
    ada.is_active = False
    await in_db(ada.save)
    socket = Socket(key)
    await socket.communicator.connect(PATIENCE_SECONDS)
    assert await socket.closed() == 4501


async def test_connection_too_many_is_closed_with_4504(runtime, sit_down, bob, settings):
    settings.WS_CONNECTIONS_PER_USER = 2
    await sit_down(bob)
    await sit_down(bob)
    third = Socket(await in_db(log_in, bob))
    await third.communicator.connect(PATIENCE_SECONDS)
    assert await third.closed() == 4504
    assert third.bye["reconnect"] is False


async def test_connection_slot_is_free_again_after_leaving(runtime, sit_down, bob, settings):
    settings.WS_CONNECTIONS_PER_USER = 1
    first = await sit_down(bob)
    await first.leave()
    assert runtime.hub.connections_of(bob.pk) == 0
    await sit_down(bob)


async def test_socket_without_a_running_server_is_asked_to_come_back(bob):
    socket = Socket(await in_db(log_in, bob))
    await socket.communicator.connect(PATIENCE_SECONDS)
    assert await socket.closed() == 4000
    assert socket.bye["reconnect"] is True
    assert socket.bye["retry_after_ms"] > 0
