from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest

from operations.listener import (
    USER_TIMEOUT_MS,
    ListenError,
    address_of,
    adopt_listener,
    listen_tcp,
    listen_unix,
    raise_file_limit,
)

SHOWN = {"127.0.0.1": "http://127.0.0.1:{}/", "0.0.0.0": "http://127.0.0.1:{}/"}


def has_ipv6() -> bool:
    try:
        listen_tcp("::1", 0).close()
    except ListenError:
        return False
    return True


if has_ipv6():  # containers often come without it
    SHOWN["::1"] = "http://[::1]:{}/"


def test_listen_tcp_drops_peers_that_stopped_reading() -> None:
    with listen_tcp("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            # The accepted socket has it from the listener: nobody needs to set it per connection.
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS


def test_listen_tcp_names_a_taken_port() -> None:
    with listen_tcp("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError, match=rf"Port {port} on 127.0.0.1 is taken .* PORT={port + 1}"):
            listen_tcp("127.0.0.1", port)


def test_listen_tcp_refuses_a_foreign_address() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.1 is no address of this machine"):
        listen_tcp("192.0.2.1", 0)


def test_listen_tcp_can_be_had_again_at_once() -> None:
    with listen_tcp("127.0.0.1", 0) as first:
        address = first.getsockname()
        with socket.create_connection(address):
            accepted, _ = first.accept()
            accepted.close()
    listen_tcp(*address).close()


def test_listen_unix_is_for_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with listen_unix(path) as listener:
        assert path.stat().st_mode & 0o777 == 0o660
        assert address_of(listener) == f"unix:{path}"


def test_listen_unix_replaces_what_an_ended_server_left(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    listen_unix(path).close()
    assert path.exists()
    listen_unix(path).close()


def test_listen_unix_refuses_a_socket_in_use(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with listen_unix(path), pytest.raises(ListenError, match="another server listens there"):
        listen_unix(path)


def test_listen_unix_refuses_to_delete_a_file(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("keep me")
    with pytest.raises(ListenError, match="no socket is in the way"):
        listen_unix(path)
    assert path.read_text() == "keep me"


def test_adopt_listener_takes_over_a_listening_socket() -> None:
    with listen_tcp("127.0.0.1", 0) as opened, adopt_listener(os.dup(opened.fileno())) as adopted:
        assert adopted.getsockname() == opened.getsockname()


def test_adopt_listener_refuses_what_does_not_listen(tmp_path: Path) -> None:
    with socket.socket() as idle, pytest.raises(ListenError, match="does not listen"):
        adopt_listener(idle.fileno())
    with (tmp_path / "file").open("w") as file, pytest.raises(ListenError, match="is no socket"):
        adopt_listener(file.fileno())


@pytest.mark.parametrize(("host", "shown"), SHOWN.items())
def test_address_of_can_be_opened_in_a_browser(host: str, shown: str) -> None:
    with listen_tcp(host, 0) as listener:
        assert address_of(listener) == shown.format(listener.getsockname()[1])


def test_raise_file_limit_goes_up_to_the_hard_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
    assert raise_file_limit() == (min(soft, hard - 1), hard)
    assert raise_file_limit() == (hard, hard)
