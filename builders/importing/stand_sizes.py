"""Sizes of stands as people write them."""

from __future__ import annotations

import re

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_SQUARE_METRES = re.compile(rf"{_NUMBER}\s*(?:m²|m2|sqm|sq\.?\s*m|qm|square\s*met(?:er|re)s?)(?![a-z])", re.IGNORECASE)
_SQUARE_FEET = re.compile(rf"{_NUMBER}\s*(?:ft²|ft2|sqft|sq\.?\s*ft|square\s*f(?:ee|oo)t)", re.IGNORECASE)
_SIDES = re.compile(rf"{_NUMBER}\s*(m|ft|feet|')?\s*[x×*]\s*{_NUMBER}\s*(m|ft|feet|')?(?![a-z])", re.IGNORECASE)
_BARE = re.compile(_NUMBER)
_FOOT = 0.3048
# The largest halls have some 30,000 m².
_LARGEST = 100_000


def square_metres(value: object) -> int | None:
    """Return a stand's size in whole square metres; None where none is named.

    >>> square_metres("36 sqm (6x6m)"), square_metres("20x20 ft"), square_metres(48), square_metres("Standard")
    (36, 37, 48, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    area = _area(str(value).strip())
    return round(area) if area and 1 <= area <= _LARGEST else None


def _area(text: str) -> float | None:
    if match := _SQUARE_METRES.search(text):
        return _read(match[1])
    if match := _SQUARE_FEET.search(text):
        return _read(match[1]) * _FOOT**2
    if match := _SIDES.search(text):
        area = _read(match[1]) * _read(match[3])
        # Metres, unless a unit says otherwise.
        unit = (match[4] or match[2] or "m").lower()
        return area if unit == "m" else area * _FOOT**2
    return _read(text) if _BARE.fullmatch(text) else None


def _read(number: str) -> float:
    return float(number.replace(",", "."))
