"""The buckets lose less than 1 %, and nothing at all below 256."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.driver.histogram import Histogram, bucket_of, highest_of


@given(st.integers(min_value=0, max_value=2**40))
def test_bucket_holds_its_value_within_one_percent(value: int) -> None:
    highest = highest_of(bucket_of(value))
    assert value <= highest <= value * 1.01


@given(st.integers(min_value=0, max_value=2**40))
def test_buckets_keep_the_order_of_values(value: int) -> None:
    assert bucket_of(value) <= bucket_of(value + 1) <= bucket_of(value) + 1


def test_percentiles_of_a_thousand_even_times() -> None:
    histogram = Histogram()
    for micros in range(1, 1001):
        histogram.record(micros)
    assert histogram.percentile(50) == pytest.approx(500, rel=0.01)
    assert histogram.percentile(99) == pytest.approx(990, rel=0.01)
    assert histogram.percentile(100) == 1000


def test_percentile_never_passes_the_largest_time() -> None:
    histogram = Histogram()
    histogram.record(1_000_001)
    assert histogram.percentile(99) == histogram.largest == 1_000_001


def test_empty_histogram_is_all_zero() -> None:
    assert Histogram().summary_ms() == {"count": 0, "p50": 0, "p99": 0, "max": 0}


def test_record_since_counts_like_record() -> None:
    one, other = Histogram(), Histogram()
    now, stamps = 10_000_000_000, [9_999_999_000, 9_990_000_000, 1_000_000_000]
    one.record_since(now, stamps)
    for stamp in stamps:
        other.record((now - stamp) // 1000)
    assert one.counts == other.counts
    assert one.largest == other.largest == 9_000_000


def test_time_before_its_stamp_counts_as_zero() -> None:
    histogram = Histogram()
    histogram.record(-5)
    assert histogram.counts[0] == 1
