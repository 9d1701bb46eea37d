"""Fixtures that start real servers: PostgreSQL, Redis, Pavilion itself and a browser.

What a machine cannot offer skips the test with the reason, unless CI_REQUIRE_SERVERS or CI_REQUIRE_BROWSER says that it
must be there: then the test fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest

from tests.backends import neutral_environment, suite_postgres_url, suite_redis_url, worker_name
from tests.databases import PostgresServer, RedisServer, create_database
from tests.installations import NewInstallations
from tests.processes import OwnedProcess, ServerUnavailable, free_port, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 40
STOP_SECONDS = 25
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class LiveServer:
    """A Pavilion server process with its own port, data folder and log; it can be killed and started again."""

    def __init__(self, env: dict[str, str], *, port: int | None = None, arguments: Sequence[str] = ()) -> None:
        self.port = port or free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}/ws/"
        self.folder = Path(tempfile.mkdtemp(prefix="pavilion-live-"))
        self.env = _server_environment(self.folder, self.port) | env
        self._command = [sys.executable, "manage.py", "serve", *arguments]
        self._log = self.folder / "server.log"
        self._process: OwnedProcess | None = None

    @property
    def data_dir(self) -> Path:
        return Path(self.env["DATA_DIR"])

    @property
    def process(self) -> OwnedProcess:
        assert self._process is not None, "The server was never started."
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def manage(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run a management command with this server's environment and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            check=False,
            cwd=ROOT,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *, wait: bool = True) -> None:
        """Start the process; with `wait`, return when GET /ready answers 200."""
        self._process = OwnedProcess(self._command, self._log, cwd=ROOT, env=self.env)
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        try:
            wait_for(self._is_ready, seconds, f"{self.origin}/ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\nThe server's log:\n{self.log()[-4000:]}") from None

    def _is_ready(self) -> bool:
        assert self.process.is_running, f"The server ended at once:\n{self.log()[-4000:]}"
        try:
            with urllib.request.urlopen(f"{self.origin}/ready", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def kill9(self) -> None:
        self.process.kill9()

    def terminate(self, seconds: float = STOP_SECONDS) -> int:
        """Send SIGTERM, wait for the end and return the exit status (-15 is an orderly stop by that signal)."""
        return self.process.end(signal.SIGTERM, seconds)

    def pause(self) -> None:
        """Freeze it, as an overloaded machine would."""
        self.process.send_all(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_all(signal.SIGCONT)

    def restart(self, *, wait: bool = True) -> None:
        """Start again on the same port and data, after `kill9` or `terminate`."""
        assert not self.process.is_running, "Stop the server before it is started again."
        self.start(wait=wait)

    def log(self) -> str:
        return self.process.log() if self._process is not None else ""

    def remove(self) -> None:
        if self._process is not None and self._process.is_running:
            self._process.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


def _server_environment(folder: Path, port: int) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **neutral_environment(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
        "SECRET_KEY": "a key for servers under test, long enough to be accepted",
        "LOG_LEVEL": "WARNING",
    }


StartServer = Callable[..., LiveServer]


@pytest.fixture(scope="session")
def new_installations(tmp_path_factory: pytest.TempPathFactory) -> NewInstallations:
    own = tmp_path_factory.getbasetemp()
    # pytest-xdist gives each of its processes a folder within that of the run.
    return NewInstallations(own if worker_name() == "main" else own.parent, LiveServer)


@pytest.fixture
def live_server_process(built_static: None, new_installations: NewInstallations) -> Iterator[StartServer]:
    """Return a function that starts a server: `start(env=None, migrate=True, demo=False, wait=True, arguments=())`.

    Without DATABASE_URL and REDIS_URL in `env` it runs on SQLite and in memory. `demo` adds what `setup_demo` makes.
    Several servers on one database make a cluster: give the later ones `migrate=False`. `arguments` go to
    `manage.py serve`.
    All end with the test.
    """
    servers: list[LiveServer] = []

    def start(
        env: dict[str, str] | None = None,
        *,
        migrate: bool = True,
        demo: bool = False,
        wait: bool = True,
        arguments: Sequence[str] = (),
    ) -> LiveServer:
        server = LiveServer(env or {}, arguments=arguments)
        servers.append(server)
        if migrate:
            new_installations.prepare(server, demo=demo)
        elif demo:
            server.manage("setup_demo")
        server.start(wait=wait)
        return server

    yield start
    for server in servers:
        server.remove()


@pytest.fixture(scope="session")
def built_static() -> None:
    """Build the front end and collect the static files, unless nothing changed since the last time."""
    command = [sys.executable, "-m", "scripts.bootstrap", "static"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"The front end could not be built:\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def postgres_server(new_installations: NewInstallations) -> Iterator[PostgresServer]:
    """A PostgreSQL of this module's own, durable as in production, that a test may stop, freeze and kill."""
    server = _available(lambda: PostgresServer(cluster=new_installations.cluster()))
    yield server
    server.remove()


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this module's own that a test may stop, freeze, flush and kill."""
    server = _available(RedisServer)
    yield server
    server.remove()


@pytest.fixture
def postgres_url() -> str:
    """The URL of an empty database on the run's shared PostgreSQL, which tests leave alone."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    server_url = _available(suite_postgres_url)
    create_database(server_url, name)
    return f"{server_url.rsplit('/', 1)[0]}/{name}"


@pytest.fixture
def redis_url() -> str:
    """The URL of the run's shared Redis, which tests leave running."""
    return _available(suite_redis_url)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright. Open a context per person: `chromium.new_context()`."""
    from playwright.sync_api import sync_playwright

    binary = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if binary is None:
        _refuse(
            "CI_REQUIRE_BROWSER", "There is no Chromium: install the package chromium, or set CHROMIUM to its path."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def _available(make: Callable[[], T]) -> T:
    try:
        return make()
    except ServerUnavailable as reason:
        _refuse("CI_REQUIRE_SERVERS", str(reason))


def _refuse(switch: str, reason: str) -> NoReturn:
    if os.environ.get(switch) == "1":
        pytest.fail(reason)
    pytest.skip(reason)
