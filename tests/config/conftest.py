"""Fixtures for the tests of the wiring: see `tests.rig`."""

from tests.rig import runtime, runtime_of, sit_down

__all__ = ["runtime", "runtime_of", "sit_down"]
