"""Fixtures for the tests of chat: see `tests.rig`."""

from __future__ import annotations

import pytest

from tests.rig import (
    make_guest,
    make_member,
    only_limits_of_this_test,
    open_room,
    quick_hub,
    runtime,
    runtime_of,
    sit_down,
)

__all__ = ["quick_hub", "runtime", "runtime_of", "sit_down"]


@pytest.fixture(autouse=True)
def no_attempts_counted() -> None:
    """One test's attempts must not stop the next one's."""
    only_limits_of_this_test()


@pytest.fixture
def ada(transactional_db):
    return make_member("Ada")


@pytest.fixture
def bob(transactional_db):
    return make_guest("Bob")


@pytest.fixture
def room(ada, bob):
    """A room of Ada's with Bob in it."""
    return open_room(bob, owner=ada)
