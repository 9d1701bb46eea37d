"""Fixtures for the tests of operations: see `tests.rig`."""

from tests.rig import runtime, runtime_of

__all__ = ["runtime", "runtime_of"]
