"""The one figure that these tests compare."""

from __future__ import annotations

from collections.abc import Sequence


def p99(delays: Sequence[float]) -> float:
    """Return the delay that one in a hundred exceeds. There must be a hundred, or it means nothing."""
    assert len(delays) >= 100, f"Only {len(delays)} delays were measured."
    return sorted(delays)[int(len(delays) * 0.99)]
