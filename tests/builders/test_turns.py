"""Transactions that overlap are committed in order, and none of them after one that failed."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from builders.importing.turns import Overtaken, Turn, Unwritten, overlapping

pytestmark = pytest.mark.backend("sqlite")


class Ledger:
    """Writes numbers; `slow` ones are begun, and then wait until another one is begun, too."""

    def __init__(self, *, broken: int | None = None, slow: int | None = None) -> None:
        self.begun: list[int] = []
        self.committed: list[int] = []
        self.overtaken: list[int] = []
        self._broken, self._slow, self._another = broken, slow, threading.Event()

    def write(self, number: int, turn: Turn) -> None:
        self.begun.append(number)
        if self._slow is not None and number > self._slow:
            self._another.set()
        turn.let_next_begin()
        if number == self._slow:
            assert self._another.wait(10)
        if number == self._broken:
            raise ValueError(number)
        try:
            turn.wait_for_those_before()
        except Overtaken:
            self.overtaken.append(number)
            raise
        self.committed.append(number)


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "import-writer"]


def test_one_begins_before_the_last_is_committed_and_is_committed_behind_it():
    ledger = Ledger(slow=4)
    assert list(overlapping(ledger.write, range(10))) == list(range(10))
    assert ledger.begun == ledger.committed == list(range(10))
    assert writers() == []


def test_what_fails_takes_those_along_that_have_begun_and_nothing_is_left_out():
    ledger, numbers, written = Ledger(broken=4), iter(range(10)), []
    with pytest.raises(Unwritten) as failed:
        written += overlapping(ledger.write, numbers)
    with pytest.raises(ValueError, match="4"):
        raise failed.value.error
    assert ledger.committed == [0, 1, 2, 3]
    assert ledger.overtaken == failed.value.things[1:]
    assert [*ledger.committed, *failed.value.things, *numbers] == list(range(10))
    assert writers() == []


def test_what_fails_at_once_is_no_deadlock():
    def write(number: int, turn: Turn) -> None:
        raise ValueError(number)

    with pytest.raises(Unwritten) as failed:
        list(overlapping(write, range(10)))
    assert failed.value.things[0] == 0


def test_who_gives_up_has_nobody_write_on():
    ledger = Ledger()
    with closing(overlapping(ledger.write, iter(range(100)))) as written:
        assert next(written) == 0
    assert writers() == []
    assert ledger.committed == [0, 1]
