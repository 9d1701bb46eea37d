"""Items that come again while the database is away: answered as before, and kept once."""

from __future__ import annotations

import contextlib

import pytest

from realtime.errors import ClientError, Overloaded
from realtime.journal import Journal
from realtime.repeats import Repeats
from realtime.spool import Spool


def make_repeats(most: int = 100) -> Repeats[str, str]:
    """Items are `key:words`."""
    return Repeats(
        identify=lambda item: tuple(item.split(":")),
        again=lambda answer: f"again {answer}",
        conflict=lambda: ClientError("idempotency_conflict", "Other words."),
        most=most,
    )


@contextlib.asynccontextmanager
async def journals_in(folder, max_bytes=10_000):
    """Open the journal of the folder as a process does, and let go of it."""
    journal = Journal(
        Spool(folder, "node", max_bytes),
        dump=str.encode,
        load=bytes.decode,
        replay=lambda lines: None,
        answer=lambda item: f"kept {item}",
        repeats=make_repeats(),
    )
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


@pytest.fixture
async def journal(tmp_path):
    async with journals_in(tmp_path) as opened:
        yield opened


def test_repeat_is_answered_as_before():
    repeats = make_repeats()
    repeats.remember("a:hello", "first")
    assert repeats.answer("a:hello") == "again first"
    assert repeats.answer("b:hello") is None


def test_repeat_with_other_words_is_a_conflict():
    repeats = make_repeats()
    repeats.remember("a:hello", "first")
    assert repeats.answer("a:bye").code == "idempotency_conflict"


def test_first_answer_counts():
    repeats = make_repeats()
    repeats.remember("a:hello", "first")
    repeats.remember("a:hello", "second")
    assert repeats.answer("a:hello") == "again first"


def test_oldest_are_forgotten():
    repeats = make_repeats(most=3)
    for key in "abcde":
        repeats.remember(f"{key}:x", key)
    assert [repeats.answer(f"{key}:x") for key in "abcde"] == [None, None, "again c", "again d", "again e"]


async def test_journal_keeps_a_repeat_once(journal):
    assert await journal.keep(["a:hello", "b:x", "a:hello"]) == ["kept a:hello", "kept b:x", "again kept a:hello"]
    [again, other] = await journal.keep(["a:hello", "a:bye"])
    assert (again, other.code) == ("again kept a:hello", "idempotency_conflict")
    records, _ = await journal.read(0)
    assert (records, journal.pending) == ([b"a:hello", b"b:x"], 2)


async def test_journal_knows_a_repeat_after_it_was_stored(journal):
    await journal.keep(["a:hello"])
    await journal.clear()
    assert await journal.keep(["a:hello"]) == ["again kept a:hello"]
    assert journal.pending == 0


async def test_journal_knows_what_the_database_has_stored(journal):
    journal.remember(["a:hello", "b:x"], ["row 1", ClientError("muted", "No.")])
    assert await journal.keep(["a:hello", "b:x"]) == ["again row 1", "kept b:x"]


async def test_journal_of_an_earlier_start_knows_its_repeats(tmp_path):
    async with journals_in(tmp_path) as journal:
        await journal.keep(["a:hello"])
    async with journals_in(tmp_path) as journal:
        assert await journal.keep(["a:hello", "c:x"]) == ["again kept a:hello", "kept c:x"]
        assert journal.pending == 2


async def test_journal_that_is_full_forgets_what_it_refused(tmp_path):
    async with journals_in(tmp_path, max_bytes=60) as journal:
        assert await journal.keep(["a:hello"]) == ["kept a:hello"]
        refused = await journal.keep(["b:" + "x" * 100, "b:" + "x" * 100, "a:hello"])
        assert [isinstance(answer, Overloaded) for answer in refused] == [True, True, False]
        assert await journal.keep(["b:y"]) == ["kept b:y"]
