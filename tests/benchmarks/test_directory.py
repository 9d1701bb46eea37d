"""The workload of the directory says what it means to say."""

from __future__ import annotations

import pytest

from benchmarks.directory import SEARCHES, records, searches

# No database is asked: one backend is enough.
pytestmark = pytest.mark.backend("sqlite")


def test_firms_are_the_same_every_time_and_have_what_is_searched_by():
    firms = list(records(300))
    assert firms == list(records(300))
    assert all(firm.name and firm.services and firm.headquarters.city for firm in firms)
    assert {firm.is_verified for firm in firms} == {True, False}
    assert any(firm.rating is None for firm in firms)


def test_searches_are_a_mix():
    found = searches()
    assert len(found) == SEARCHES
    for has in (lambda f: f.q, lambda f: f.city, lambda f: f.bits, lambda f: f.page > 1, lambda f: not f.q):
        assert any(map(has, found))
