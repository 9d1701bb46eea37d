"""What all clients of a run count together."""

from __future__ import annotations

from collections import Counter

from benchmarks.driver.histogram import Histogram


class Meter:
    """Times are recorded only while `is_recording`; faults are counted from the first frame to the last."""

    def __init__(self) -> None:
        self.is_recording = False
        self.delivery = Histogram()
        self.ack = Histogram()
        self.acknowledged = 0
        # All messages ever sent, by the outcome the writer saw: stored, journaled, echoed, unanswered or an error code.
        self.outcomes: Counter[str] = Counter()
        # gap, double, unordered: positions that a connection lacked, had twice, or that were mixed up in one frame.
        self.faults: Counter[str] = Counter()
        # Connections that ended although nobody asked for it, by close code.
        self.closes: Counter[str] = Counter()

    def check_position(self, first: int, last: int, wanted: int, *, is_dense: bool) -> None:
        """Count a fault unless the positions `first` to `last` are the ones that come next."""
        if not is_dense:
            self.faults["unordered"] += 1
        if first > wanted:
            self.faults["gap"] += 1
        elif first < wanted:
            self.faults["double"] += 1
