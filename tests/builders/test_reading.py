"""Rows of large files are read by a process beside the importing one: the same as here, and never in need of it."""

from __future__ import annotations

import os
import time

import pytest

from builders.importing import reading
from builders.importing.mapping import Mapping
from builders.importing.values import Reader
from tests.builders.firms import HEADER, Rows, cells

FIELDS = "external_key name email phone website address_full locality country services team_size".split()


class Source(Rows):
    """A source whose reader another process can have; its size is said to be large."""

    def __init__(self, rows: list[list[str]]) -> None:
        super().__init__(rows)
        self.read = Reader(Mapping(fields=FIELDS), HEADER, "DE").read
        self.total = reading.FEWEST_ROWS


@pytest.fixture
def rows() -> list[tuple[int, list[str]]]:
    return [(n, cells(n, name="" if n % 7 == 0 else f"Stände {n}")) for n in range(2, 50)]


@pytest.fixture
def started(monkeypatch, rows):
    """What reads with a process that is up."""
    monkeypatch.setattr(reading, "FEWEST_NEW_ROWS", 0)
    monkeypatch.setattr(reading, "_cores", lambda: 2)
    with reading.reading(Source([])) as reader:
        deadline = time.monotonic() + 30
        while reader._pipes() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield reader


@pytest.mark.backend("sqlite")
def test_rows_are_understood_as_in_this_process(started, rows):
    here = reading.Reading(Source([]).read)(rows)
    assert [record.key for record, _ in here] == [f"F-{n}" for n in range(2, 50)]
    assert [number for number, (_, problems) in zip(range(2, 50), here, strict=True) if problems] == [*range(7, 50, 7)]
    # Another process than this one, which would say so itself.
    started._read = None
    assert started.begin(rows)() == here
    assert started.begin(rows[:3])() == here[:3]


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("is_asked", [True, False], ids=["while it reads", "before"])
def test_process_that_dies_is_not_missed(started, rows, is_asked):
    here = reading.Reading(Source([]).read)(rows)
    if is_asked:
        results = started.begin(rows)
    os.kill(started._process.pid, 9)
    started._process.wait()
    if not is_asked:
        results = started.begin(rows)
    assert results() == here
    assert started.begin(rows)() == here


@pytest.mark.backend("sqlite")
def test_text_that_no_message_takes_is_read_here(started, rows):
    broken = [(2, cells(2, name="half a \ud83d")), *rows]
    assert started.begin(broken)() == reading.Reading(Source([]).read)(broken)
    assert started.begin(rows)() == reading.Reading(Source([]).read)(rows)


@pytest.mark.backend("sqlite")
def test_small_file_needs_no_other_process():
    source = Source([])
    source.total = reading.FEWEST_ROWS - 1
    with reading.reading(source) as reader:
        assert type(reader) is reading.Reading


@pytest.mark.backend("sqlite")
def test_process_ends_with_the_reading(started, rows):
    process = started._process
    started.close()
    assert process.poll() is not None
