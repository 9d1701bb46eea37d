"""Fixtures for the tests of chat: see `tests.rig`."""

from __future__ import annotations

import pytest

from tests.rig import only_limits_of_this_test, quick_hub, runtime, runtime_of, sit_down

__all__ = ["quick_hub", "runtime", "runtime_of", "sit_down"]


@pytest.fixture(autouse=True)
def no_attempts_counted() -> None:
    """One test's attempts must not stop the next one's."""
    only_limits_of_this_test()
