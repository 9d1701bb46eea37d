"""Fixtures for the tests of the live library: see `tests.rig`."""

from tests.rig import quick_hub, runtime, runtime_of, sit_down

__all__ = ["quick_hub", "runtime", "runtime_of", "sit_down"]
