"""New installations, each kind made once for all processes of a test run and then copied: to make one takes seconds."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psycopg

from tests.databases import PostgresServer, create_database

# The database in every `cluster()` that is copied for servers on PostgreSQL.
INSTALLED = "installed"


class Installable(Protocol):
    """What of a server is needed to install it."""

    env: dict[str, str]

    @property
    def data_dir(self) -> Path: ...

    def manage(self, *arguments: str) -> str: ...

    def remove(self) -> None: ...


class NewInstallations:
    """Makes what it is asked for in `folder`, which the processes of a run share."""

    def __init__(self, folder: Path, scratch: Callable[[dict[str, str]], Installable]) -> None:
        self._folder = folder
        self._scratch = scratch

    def cluster(self) -> Path:
        """Return the data of a PostgreSQL that was stopped in good order and has the database `INSTALLED`."""
        return self._once("cluster", self._make_cluster)

    def prepare(self, server: Installable, *, demo: bool) -> None:
        """Give `server` its data as `migrate` and, with `demo`, `setup_demo` make it."""
        url = server.env["DATABASE_URL"]
        if url or server.env["PERSISTENCE_ENABLED"]:
            _install(server, is_migrated=bool(url) and _copied(url), demo=demo)
            return

        def make(folder: Path) -> None:
            _install(server, demo=demo)
            shutil.copytree(server.data_dir, folder)

        made = self._once("demo" if demo else "plain", make)
        shutil.copytree(made, server.data_dir, dirs_exist_ok=True)

    def _make_cluster(self, folder: Path) -> None:
        postgres = PostgresServer()
        try:
            scratch = self._scratch({"DATABASE_URL": postgres.create_database(INSTALLED)})
            _install(scratch)
            scratch.remove()
            postgres.process.end(signal.SIGINT)
            # With its owner, whom PostgreSQL looks at.
            subprocess.run(["cp", "-a", str(postgres.data), str(folder)], check=True)
        finally:
            postgres.remove()

    def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        made, unfinished = self._folder / name, self._folder / f"{name}.new"
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished)
                unfinished.rename(made)
        return made


def _install(server: Installable, *, is_migrated: bool = False, demo: bool = False) -> None:
    if not is_migrated:
        server.manage("migrate", "--verbosity", "0")
    if demo:
        server.manage("setup_demo")


def _copied(url: str) -> bool:
    """Put a copy of `INSTALLED` in the place of the database, if there is one beside it."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        has_one = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [INSTALLED]).fetchone()
    if has_one is None:
        return False
    create_database(f"{server}/postgres", name, template=INSTALLED)
    return True
