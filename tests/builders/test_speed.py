"""What an import sets for the whole process is as before when the last one is through."""

from __future__ import annotations

import gc
import sys

import pytest

from builders.importing.speed import at_full_speed

pytestmark = pytest.mark.backend("sqlite")


def test_last_import_puts_everything_back():
    before = gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()
    first, second = at_full_speed(), at_full_speed()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold()[0] > before[0][0]
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() < before[1]
    second.__exit__(None, None, None)
    assert (gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()) == before


def test_failure_puts_everything_back():
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="invalid literal"), at_full_speed():
        int("no number")
    assert gc.get_threshold() == before


def test_what_the_server_has_frozen_stays_so():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with at_full_speed():
            pass
        # A few of the frozen objects are gone meanwhile.
        assert 0 < gc.get_freeze_count() <= frozen
    finally:
        gc.unfreeze()
