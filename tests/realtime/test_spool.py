"""The journal on disk: what was appended is read again, whatever happened in between."""

from __future__ import annotations

import fcntl
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.spool import Spool, SpoolFull, adopt_orphans


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path, "node", 10_000)
    spool.open()
    yield spool
    spool.close()


def line(payload: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def test_append_is_read_in_order(spool):
    spool.append([b"one", b"two"])
    spool.append([b"three"])
    assert spool.read() == [b"one", b"two", b"three"]
    found, place = spool.read_from(0, 1)
    assert (found, spool.read_from(place, 1)[0], spool.read_from(place)[0]) == ([b"one"], [b"two"], [b"two", b"three"])
    _, end = spool.read_from(place)
    assert spool.read_from(end) == ([], end)
    assert spool.pending == 3


@given(st.lists(st.binary(max_size=50).map(lambda data: data.replace(b"\n", b"")), max_size=20))
def test_append_keeps_any_bytes(tmp_path_factory, payloads):
    spool = Spool(tmp_path_factory.mktemp("spool"), "node", 10_000)
    spool.open()
    spool.append(payloads)
    spool.close()
    again = Spool(spool.path.parent, "node", 10_000)
    again.open()
    assert (again.read(), again.pending) == (payloads, len(payloads))
    again.close()


def test_append_of_a_newline_is_refused_and_nothing_is_written(spool):
    with pytest.raises(ValueError, match="newline"):
        spool.append([b"good", b"b\nad"])
    assert spool.read() == []


def test_append_past_the_limit_keeps_all_or_nothing(spool):
    spool.append([b"x" * 5000])
    with pytest.raises(SpoolFull):
        spool.append([b"small", b"y" * 6000])
    assert spool.read() == [b"x" * 5000]
    spool.append([b"small"])
    assert spool.pending == 2


def test_append_to_a_full_disk_keeps_all_or_nothing_and_recovers(tmp_path):
    spool = Spool(tmp_path, "node", 10**9)
    spool.open()
    spool.append([b"before"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SpoolFull):
            spool.append([b"x" * 600, b"y" * 600])
        assert spool.read() == [b"before"]
        spool.append([b"small"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    spool.append([b"x" * 600, b"y" * 600])
    assert spool.read() == [b"before", b"small", b"x" * 600, b"y" * 600]
    assert spool.pending == 4
    spool.close()


def test_append_before_open_is_an_error(tmp_path):
    with pytest.raises(RuntimeError):
        Spool(tmp_path, "node", 100).append([b"x"])


def test_record_cut_off_is_passed_over(spool):
    spool.append([b"whole"])
    with spool.path.open("ab") as file:
        file.write(line(b"torn")[:-3])
    assert spool.read() == [b"whole"]


@pytest.mark.parametrize("damage", [b"\n", b"no checksum\n", b"00000000 wrong\n", b"\xff\xfe\n", b" \n"])
def test_record_damaged_is_passed_over_and_the_next_is_read(spool, damage):
    spool.append([b"before"])
    with spool.path.open("ab") as file:
        file.write(damage)
    spool.append([b"after"])
    assert spool.read() == [b"before", b"after"]


@pytest.mark.parametrize("cut", range(1, 13))
def test_record_after_a_torn_tail_is_whole(tmp_path, cut):
    """The process died in the middle of a line, and its successor of the same name goes on in the same file."""
    path = tmp_path / "node.journal"
    path.write_bytes(line(b"whole") + line(b"torn")[:-cut])
    spool = Spool(tmp_path, "node", 10_000)
    spool.open()
    assert spool.pending == 1
    spool.append([b"acknowledged"])
    assert spool.read() == [b"whole", b"acknowledged"]
    spool.close()


def test_clear_forgets_all_and_goes_on(spool):
    spool.append([b"one"])
    spool.clear()
    assert (spool.read(), spool.pending) == ([], 0)
    spool.append([b"two"])
    assert spool.read() == [b"two"]


def test_close_removes_an_empty_journal_and_keeps_a_full_one(tmp_path):
    empty, full = Spool(tmp_path, "empty", 100), Spool(tmp_path, "full", 100)
    for spool in (empty, full):
        spool.open()
    full.append([b"x"])
    for spool in (empty, full):
        spool.close()
        spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["full.journal"]


def test_open_twice_is_refused(spool, tmp_path):
    with pytest.raises(BlockingIOError):
        Spool(tmp_path, "node", 100).open()


def test_open_never_keeps_a_file_that_was_removed_meanwhile(tmp_path, monkeypatch):
    """Another process took the new, still unlocked file for an orphan, and deleted it."""
    lock = fcntl.flock

    def lock_too_late(file, how):
        monkeypatch.setattr(fcntl, "flock", lock)
        (tmp_path / "node.journal").unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_too_late)
    spool = Spool(tmp_path, "node", 100)
    spool.open()
    spool.append([b"acknowledged"])
    assert line(b"acknowledged") == (tmp_path / "node.journal").read_bytes()
    spool.close()


def test_orphans_are_those_whose_writer_is_dead(tmp_path, spool):
    (tmp_path / "dead.journal").write_bytes(line(b"left behind"))
    (tmp_path / "notes.txt").write_bytes(b"not a journal")
    spool.append([b"alive"])
    assert list(adopt_orphans(tmp_path)) == [(tmp_path / "dead.journal", [b"left behind"])]


def test_orphan_is_locked_while_it_is_stored(tmp_path):
    (tmp_path / "dead.journal").write_bytes(line(b"left behind"))
    for path, records in adopt_orphans(tmp_path):
        assert records == [b"left behind"]
        assert list(adopt_orphans(tmp_path)) == []
        path.unlink()
    assert list(adopt_orphans(tmp_path)) == []


def test_orphan_that_was_removed_before_the_lock_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "dead.journal").write_bytes(line(b"stored by another"))
    lock = fcntl.flock

    def lock_too_late(file, how):
        (tmp_path / "dead.journal").unlink(missing_ok=True)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_too_late)
    assert list(adopt_orphans(tmp_path)) == []


def test_orphan_of_a_killed_process_is_found(tmp_path):
    program = (
        "import os, signal, sys, pathlib\n"
        "from realtime.spool import Spool\n"
        "spool = Spool(pathlib.Path(sys.argv[1]), 'killed', 1000)\n"
        "spool.open()\n"
        "spool.append([b'acknowledged'])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, cwd=root, timeout=60)
    assert [records for _, records in adopt_orphans(tmp_path)] == [[b"acknowledged"]]
