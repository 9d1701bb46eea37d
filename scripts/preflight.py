"""What can be found out before anything is installed: where the server will run, and whether that place is free."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from scripts.console import ROOT, SetupError, explain

_FALSE = ("false", "0", "no", "off")


@dataclass(frozen=True)
class Place:
    """Where the server listens and keeps its data, by the same rules as `config.environment`."""

    host: str
    port: int
    data_dir: Path
    is_persistent: bool


def place() -> Place:
    """Read HOST, PORT, DATA_DIR and PERSISTENCE_ENABLED from the environment, then from `.env`. Raises `SetupError`."""
    values = {**_env_file(ROOT / ".env"), **os.environ}
    port = values.get("PORT", "").strip() or "8000"
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise SetupError(f"PORT must be a whole number from 1 to 65535, not {port!r}.")
    return Place(
        host=values.get("HOST", "").strip() or "127.0.0.1",
        port=int(port),
        data_dir=ROOT / Path(values.get("DATA_DIR", "").strip() or "var").expanduser(),
        is_persistent=values.get("PERSISTENCE_ENABLED", "").strip().lower() not in _FALSE,
    )


def _env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            pairs[name.strip()] = value.strip().strip("'\"")
    return pairs


def check_port(where: Place) -> None:
    """Raise `SetupError` when the server could not listen there: better now than after a long installation."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # Listening, not binding, is what fails when another program shares the port's reuse option.
            probe.listen(1)
    except socket.gaierror as error:
        raise SetupError(f"HOST={where.host} is no address of this machine.") from error
    except OSError as error:
        raise SetupError(_refusal(where, error)) from error


def _refusal(where: Place, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = where.port + 1 if where.port < 65535 else 8000
        return f"Port {where.port} is taken by another program. Choose another: make run PORT={other}"
    if error.errno == errno.EACCES:
        return f"Port {where.port} needs more rights. Choose one above 1023: make run PORT=8000"
    return f"Cannot listen on {where.host}:{where.port}: {error.strerror}."


def check_writable(folder: Path) -> None:
    """Make the data folder and write a file into it. Raises `SetupError`."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise SetupError(f"DATA_DIR={folder}: {explain(error)}") from error


def check_space(folder: Path, needed_mb: int, what: str) -> None:
    """Raise `SetupError` when the disk of `folder` has less than `needed_mb` left."""
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < needed_mb:
        raise SetupError(f"{what} needs {needed_mb} MB, and the disk has {free_mb} MB left. Free some space first.")
