"""`manage.py` with a wrong setting: one line that names the variable, for whichever command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.backends import neutral_environment
from tests.servers import ROOT


def manage(tmp_path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**neutral_environment(), "PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path / "data"), **variables}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("serve", "PORT", "http"),
        ("migrate", "DATABASE_URL", "postgresql://ada:secret@host:port/name"),
        ("check", "TIME_ZONE", "Mars/Olympus"),
        ("doctor", "TRUSTED_PROXIES", "*"),
        ("help", "DATA_DIR", "/dev/null/data"),
    ],
)
def test_wrong_setting_ends_with_one_line(tmp_path, command, name, value):
    done = manage(tmp_path, command, **{name: value})
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Wrong setting: ")
    assert name in line
    assert "secret" not in line


def test_settings_that_exclude_each_other_end_with_one_line(tmp_path):
    done = manage(tmp_path, "serve", PERSISTENCE_ENABLED="false", DATABASE_URL="sqlite:////tmp/x.sqlite3")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["Wrong setting: PERSISTENCE_ENABLED=false and DATABASE_URL exclude each other."]


def test_right_settings_let_the_command_run(tmp_path):
    done = manage(tmp_path, "check")
    assert (done.returncode, done.stderr) == (0, "")
