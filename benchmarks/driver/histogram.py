"""Counts of times in log-linear buckets: constant memory, and an error below 1 % at any size."""

from __future__ import annotations

from collections.abc import Iterable

# 128 buckets to each doubling keep the error of any value below 1/128. 40 doublings of a microsecond are 12 days.
_BITS = 7
_DOUBLINGS = 40


def bucket_of(value: int) -> int:
    """Return the bucket of a value. Values below 256 have one each."""
    shift = value.bit_length() - (_BITS + 1)
    return value if shift <= 0 else (shift << _BITS) + (value >> shift)


def highest_of(bucket: int) -> int:
    """Return the largest value that falls into the bucket."""
    if bucket < 2 << _BITS:
        return bucket
    shift = (bucket >> _BITS) - 1
    return (((bucket - (shift << _BITS)) + 1) << shift) - 1


class Histogram:
    """Times in microseconds."""

    def __init__(self) -> None:
        self.counts = [0] * ((_DOUBLINGS + 1) << _BITS)
        self.largest = 0

    @property
    def total(self) -> int:
        return sum(self.counts)

    def record(self, micros: int) -> None:
        """Count one time; a negative one, possible only with a stamp that lies ahead, counts as 0."""
        micros = max(0, micros)
        self.counts[bucket_of(micros)] += 1
        self.largest = max(self.largest, micros)

    def record_since(self, now_ns: int, stamps_ns: Iterable[int]) -> None:
        """Count the time from each stamp to `now_ns`. Written out: it runs once for every sampled delivery."""
        counts = self.counts
        for stamp in stamps_ns:
            micros = (now_ns - stamp) // 1000
            shift = micros.bit_length() - (_BITS + 1)
            counts[micros if shift <= 0 else (shift << _BITS) + (micros >> shift)] += 1
            if micros > self.largest:
                self.largest = micros

    def percentile(self, percent: float) -> int:
        """Return the time that `percent` of all times do not exceed; 0 when nothing was counted."""
        wanted = self.total * percent / 100
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return min(highest_of(bucket), self.largest)
        return 0

    def summary_ms(self) -> dict[str, float]:
        """Return `{"count", "p50", "p99", "max"}`, the times in milliseconds."""
        return {
            "count": self.total,
            "p50": self.percentile(50) / 1000,
            "p99": self.percentile(99) / 1000,
            "max": self.largest / 1000,
        }
