"""Set up, run, test and check Pavilion with nothing but Python 3.11 and its standard library.

    python3.11 -m scripts.bootstrap COMMAND [ARGUMENTS…]

The Makefile calls it; `make help` lists the commands. Every step says what it does, is skipped when nothing changed
since the last time, has a time limit, and ends in one clear sentence when it fails.
"""

from __future__ import annotations

import os
import sys

# Before the other imports: they need the version that this sentence asks for.
if sys.version_info[:2] != (3, 11):
    sys.exit(
        f"Pavilion needs Python 3.11, and {sys.executable} is {sys.version.split()[0]}. "
        "Install python3.11, or name it: make run PYTHON=/path/to/python3.11"
    )

from collections.abc import Callable

from scripts import lock, preflight, steps, suite
from scripts.console import ROOT, CommandFailed, SetupError, explain, run, say


def serve_after_setup(arguments: list[str]) -> None:
    """Set everything up and start the server: the page answers when this says so."""
    place = preflight.place()
    preflight.check_port(place)
    preflight.check_writable(place.data_dir)
    steps.prepare_libraries()
    steps.prepare_static()
    if place.is_persistent:
        steps.prepare_database()
    serve(arguments)


def serve(arguments: list[str]) -> None:
    """Start the server alone, without any set-up."""
    preflight.check_port(preflight.place())
    steps.require_libraries()
    # The server takes this process's place: signals reach it directly, and no Python waits beside it.
    os.chdir(ROOT)
    os.execv(steps.PYTHON, [str(steps.PYTHON), "manage.py", "serve", *arguments])  # noqa: S606 -- our own program


def prepare_static(arguments: list[str]) -> None:
    """Build the front end and collect the static files with the libraries that are there."""
    steps.prepare_static(*arguments)


def build(arguments: list[str]) -> None:
    """Install the libraries, build the front end and collect the static files."""
    steps.prepare_libraries()
    steps.prepare_static(*arguments)


def test(arguments: list[str]) -> None:
    """Run all tests on SQLite and on PostgreSQL with Redis; arguments go to pytest instead of the whole plan."""
    build([])
    suite.run_all(arguments)


def lint(arguments: list[str]) -> None:
    """Check style, formatting and types of the Python and TypeScript sources."""
    build([])
    python = [str(steps.PYTHON), "-m"]
    checks: dict[str, Callable[[], object]] = {
        "Style": lambda: run([*python, "ruff", "check", "."], seconds=120),
        "Formatting": lambda: run([*python, "ruff", "format", "--check", "."], seconds=120),
        "Types": lambda: run([*python, "mypy"], seconds=600),
        "Front end": lambda: steps.npm("run", "check", seconds=300, quiet=False),
    }
    # All of them, whatever the first says: one round shows everything that is to be mended.
    failed = [title for title, check in checks.items() if not _passes(title, check)]
    if failed:
        raise SetupError(f"To be mended: {', '.join(failed)}.")


def _passes(title: str, check: Callable[[], object]) -> bool:
    say(f"{title}:")
    try:
        check()
    except CommandFailed as error:
        say(str(error), to=sys.stderr)
        return False
    return True


def bench(arguments: list[str]) -> None:
    """Measure against the peers and print the table of ratios."""
    build([])
    run([str(steps.PYTHON), "-m", "benchmarks", *arguments], seconds=3600)


def screenshots(arguments: list[str]) -> None:
    """Take the pictures in docs/img/ again."""
    build([])
    run([str(steps.PYTHON), "-m", "scripts.screenshots", *arguments], seconds=900)


def relock(arguments: list[str]) -> None:
    """Lock the newest allowed versions of the libraries into requirements.txt and requirements/production.txt."""
    lock.write_locks(arguments)


def clean(arguments: list[str]) -> None:
    """Delete everything that was built or installed here; the data folder stays."""
    steps.remove_built()


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": serve_after_setup,
    "serve": serve,
    "test": test,
    "lint": lint,
    "build": build,
    "bench": bench,
    "screenshots": screenshots,
    "lock": relock,
    "clean": clean,
    "static": prepare_static,
}


def print_help() -> None:
    for name, command in COMMANDS.items():
        say(f"  make {name:<12} {(command.__doc__ or '').strip()}")
    say("\n  HOST, PORT, DATA_DIR, DATABASE_URL and REDIS_URL are taken from the environment or from .env.")
    say("  ARGS passes arguments on: make test ARGS='tests/chat -k join'")


def main(words: list[str]) -> int:
    """Run the command named first in `words` and return the exit status."""
    if not words or words[0] not in COMMANDS:
        print_help()
        return 0 if words in ([], ["help"]) else 2
    try:
        COMMANDS[words[0]](words[1:])
    except SetupError as error:
        say(f"\nStopped: {error}", to=sys.stderr)
        return 1
    except OSError as error:
        say(f"\nStopped: {explain(error)}", to=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.", to=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
