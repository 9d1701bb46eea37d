"""Pieces that are made in advance arrive in order, fail where the caller is, and nobody makes them for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import connection

from builders.importing.ahead import ahead

pytestmark = pytest.mark.django_db(transaction=True)


def numbers(made: list[int], *, broken_at: int | None = None) -> Iterator[int]:
    for number in range(100):
        if number == broken_at:
            raise ValueError(number)
        made.append(number)
        yield number


def makers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "import-ahead"]


def test_pieces_arrive_in_order_through_several_makers():
    assert list(ahead(ahead(numbers([])))) == list(range(100))
    assert makers() == []


def test_what_goes_wrong_is_raised_where_the_pieces_are_taken():
    taken = []
    with pytest.raises(ValueError, match="3"):
        taken += ahead(ahead(numbers([], broken_at=3)))
    assert makers() == []


def test_who_gives_up_has_nobody_work_on():
    made: list[int] = []
    with closing(ahead(ahead(numbers(made)))) as pieces:
        assert next(pieces) == 0
    assert makers() == []
    # One waits in each maker, and one is in each maker's hand.
    assert len(made) <= (5 if connection.vendor == "postgresql" else 1)
