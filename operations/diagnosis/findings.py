"""One thing the doctor found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what is, `advice` what to do about it; `area` groups the lines."""

    area: str
    level: Level
    text: str
    advice: str = ""


def ok(area: str, text: str) -> Finding:
    return Finding(area, Level.OK, text)


def warning(area: str, text: str, advice: str = "") -> Finding:
    return Finding(area, Level.WARNING, text, advice)


def problem(area: str, text: str, advice: str = "") -> Finding:
    return Finding(area, Level.PROBLEM, text, advice)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level among `findings`, `ok` when there are none."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
