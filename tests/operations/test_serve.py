"""`manage.py serve` as processes of its own: what it refuses, where it listens, and how it stops."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.databases import PostgresServer
from tests.processes import wait_for
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.live


def refusal(server: LiveServer) -> str:
    """Wait for the server to end by itself with status 1, and return what it said."""
    assert server.process.popen.wait(30) == 1
    return server.log()


def open_socket(server: LiveServer) -> ClientConnection:
    request = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    request.request("POST", "/api/guests", json.dumps({"display_name": "Ada"}), {"Content-Type": "application/json"})
    answer = request.getresponse()
    assert answer.status == 201
    cookies = "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")
    request.close()
    return connect(server.ws_url, origin=server.origin, additional_headers={"Cookie": cookies})


def test_serve_says_where_it_answers(live_server_process: StartServer) -> None:
    server = live_server_process()
    assert f"answers on {server.origin}/\n" in server.log()


def test_serve_refuses_a_taken_port(live_server_process: StartServer) -> None:
    first = live_server_process()
    second = live_server_process({"PORT": str(first.port)}, migrate=False, wait=False)
    assert f"Port {first.port} on 127.0.0.1 is taken by another program" in refusal(second)


def test_serve_refuses_a_database_that_is_behind(live_server_process: StartServer) -> None:
    said = refusal(live_server_process(migrate=False, wait=False))
    assert "The database is behind this version" in said
    assert "manage.py migrate" in said


def test_serve_refuses_a_database_that_is_away(live_server_process: StartServer) -> None:
    url = "postgresql://nobody@127.0.0.1:9/none"
    assert "The database does not answer" in refusal(
        live_server_process({"DATABASE_URL": url}, migrate=False, wait=False)
    )


def test_serve_without_limits_stays_on_this_machine(live_server_process: StartServer) -> None:
    server = live_server_process({"RATE_LIMITS_ENABLED": "false"}, wait=False, arguments=["--host", "0.0.0.0"])
    assert "RATE_LIMITS_ENABLED=false is refused" in refusal(server)


def test_serve_fills_a_throw_away_database(live_server_process: StartServer) -> None:
    server = live_server_process({"PERSISTENCE_ENABLED": "false"}, migrate=False)
    assert "PERSISTENCE_ENABLED=false: everything is forgotten when this server stops." in server.log()
    assert "password: " in server.log()
    with open_socket(server) as ws:
        assert json.loads(ws.recv(5))["ev"] == "hello"


def test_throw_away_server_leaves_what_is_kept_alone(live_server_process: StartServer, tmp_path: Path) -> None:
    lasting = live_server_process(demo=True)
    lasting.terminate()
    spool = lasting.data_dir / "spool"
    spool.mkdir(exist_ok=True)
    # What a killed server left: the next lasting one stores it.
    (spool / "dead.journal").write_bytes(b"00000000 acknowledged\n")
    kept = {path: path.read_bytes() for path in lasting.data_dir.rglob("*") if path.is_file()}
    throw_away = {"PERSISTENCE_ENABLED": "false", "DATA_DIR": str(lasting.data_dir), "TMPDIR": str(tmp_path)}
    server = live_server_process(throw_away, migrate=False)
    assert len(list(tmp_path.iterdir())) == 1
    server.terminate()
    assert list(tmp_path.iterdir()) == []
    assert {path: path.read_bytes() for path in lasting.data_dir.rglob("*") if path.is_file()} == kept


def test_serve_listens_on_a_unix_socket(live_server_process: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    server = live_server_process({"TRUSTED_PROXIES": "127.0.0.1"}, wait=False, arguments=["--uds", str(path)])
    wait_for(lambda: "answers on" in server.log(), 30, "the server to start")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert server.terminate() == -signal.SIGTERM


def test_serve_takes_over_a_socket_by_its_number(live_server_process: StartServer, tmp_path: Path) -> None:
    server = live_server_process({}, wait=False, arguments=["--fd", "0"])
    # Its standard input is /dev/null: a number that is no listening socket is refused by name.
    assert "File descriptor 0" in refusal(server)


def test_stop_says_bye_to_every_socket(live_server_process: StartServer) -> None:
    server = live_server_process()
    with open_socket(server) as ws:
        assert json.loads(ws.recv(5))["ev"] == "hello"
        started = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        bye = json.loads(ws.recv(10))
        assert (bye["ev"], bye["d"]["code"], bye["d"]["reconnect"]) == ("bye", 4001, True)
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
    assert server.terminate() == -signal.SIGTERM
    assert time.monotonic() - started < 5
    assert "rror" not in server.log()


def test_stop_lets_a_request_under_way_end(live_server_process: StartServer) -> None:
    server = live_server_process()
    request = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    request.putrequest("POST", "/api/guests")
    body = json.dumps({"display_name": "Late"}).encode()
    request.putheader("Content-Type", "application/json")
    request.putheader("Content-Length", str(len(body)))
    request.endheaders()
    time.sleep(0.3)
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(0.5)
    request.send(body)
    assert request.getresponse().status == 201
    request.close()
    assert server.terminate() == -signal.SIGTERM


def test_frame_above_the_limit_closes_with_1009(live_server_process: StartServer) -> None:
    with open_socket(live_server_process()) as ws:
        ws.recv(5)
        ws.send("x" * 65537)
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


@pytest.mark.chaos
@pytest.mark.grown
def test_stop_with_a_frozen_database_ends_in_20_s(
    live_server_process: StartServer, postgres_server: PostgresServer
) -> None:
    server = live_server_process({"DATABASE_URL": postgres_server.create_database("frozen")})
    postgres_server.pause()
    try:
        started = time.monotonic()
        server.terminate(22)
        assert time.monotonic() - started < 20
    except subprocess.TimeoutExpired:
        pytest.fail(f"The server did not stop:\n{server.log()}")
    finally:
        postgres_server.resume()
