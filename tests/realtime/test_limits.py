"""The token bucket."""

from __future__ import annotations

import time_machine

from realtime.limits import TokenBucket


def clock(monkeypatch, start: float = 100.0):
    now = [start]
    monkeypatch.setattr("realtime.limits.time.monotonic", lambda: now[0])
    return now


def test_burst_passes_and_then_the_rate_counts(monkeypatch):
    now = clock(monkeypatch)
    bucket = TokenBucket(rate=10.0, burst=3.0)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take() == 0.1
    now[0] += 0.05
    assert 0.0499 < bucket.take() < 0.0501
    now[0] += 0.06
    assert bucket.take() == 0.0


def test_burst_is_all_that_gathers(monkeypatch):
    now = clock(monkeypatch)
    bucket = TokenBucket(rate=10.0, burst=2.0)
    now[0] += 3600
    assert [bool(bucket.take()) for _ in range(3)] == [False, False, True]


def test_refusal_takes_no_token(monkeypatch):
    now = clock(monkeypatch)
    bucket = TokenBucket(rate=1.0, burst=1.0)
    bucket.take()
    for _ in range(10):
        assert bucket.take() > 0
    now[0] += 1.0
    assert bucket.take() == 0.0


def test_wall_clock_does_not_matter():
    bucket = TokenBucket(rate=1.0, burst=1.0)
    bucket.take()
    with time_machine.travel("2099-01-01"):
        assert bucket.take() > 0.9
