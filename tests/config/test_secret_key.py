"""The generated key: one for all who start at once, whole whenever it can be seen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from config.secret_key import kept_key
from tests.servers import ROOT

# Waits for its standard input to close: all processes are started, and let go at one moment.
READ_KEY = """
import sys
from pathlib import Path
from config.secret_key import kept_key
print("here", flush=True)
sys.stdin.read()
print(kept_key(Path(sys.argv[1])))
"""


def test_key_is_made_once_for_its_owner_alone(tmp_path):
    key = kept_key(tmp_path)
    assert len(key) >= 32
    assert kept_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_key_is_the_same_for_many_processes_at_once(tmp_path):
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        started = [
            subprocess.Popen(
                [sys.executable, "-c", READ_KEY, str(folder)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(16)
        ]
        for process in started:
            assert process.stdout.readline() == "here\n"
        for process in started:
            process.stdin.close()
        keys = [process.stdout.read().strip() for process in started]
        for process in started:
            process.stdout.close()
            assert process.wait(20) == 0
        assert len(keys[0]) >= 32
        assert set(keys) == {keys[0]}
        assert [path.name for path in folder.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("content", ["", "  \n", "short"])
def test_key_file_without_a_key_is_named(tmp_path, content):
    (tmp_path / "secret_key").write_text(content)
    with pytest.raises(ValueError, match="secret_key holds no usable key"):
        kept_key(tmp_path)


def test_key_of_a_disk_that_is_full_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("config.secret_key.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        kept_key(tmp_path)
    assert list(tmp_path.iterdir()) == []
