"""What a builder is chosen by, as the bits of one number.

Lists and counts in the directory read this number instead of tables of services and languages: a search compares it
with a mask, and the counts beside it come from how often each number occurs.

    bits 0-9    a service in each category, in the order of `Service.Category`
    bit 10      verified
    bits 11-19  rated at least 1, 1.5, 2 … 5
    bits 20-23  builds stands of that size, see `SIZES`
    bits 24-    speaks the language, in the order of `LANGUAGES`
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from builders.models import Service
from builders.record import Record

SERVICES: Final = {category: 1 << bit for bit, category in enumerate(Service.Category.values)}
VERIFIED: Final = 1 << 10
RATINGS: Final = {Decimal(half) / 2: 1 << (9 + half) for half in range(2, 11)}
# Square metres, as fairs speak of stands: the bounds, both included, and None where there is none.
SIZES: Final[dict[str, tuple[int, int | None]]] = {
    "small": (0, 50),
    "medium": (51, 150),
    "large": (151, 500),
    "very-large": (501, None),
}
SIZE_BITS: Final = {name: 1 << (20 + bit) for bit, name in enumerate(SIZES)}
# Those that are offered to choose by. A builder may name any other, and it stands on its page.
LANGUAGES: Final = """
    en de fr es it nl pt pl tr ru ar zh ja ko cs da fi sv no hu ro el uk he hi th vi id
""".split()
LANGUAGE_BITS: Final = {code: 1 << (24 + bit) for bit, code in enumerate(LANGUAGES)}
ALL_BITS: Final = (
    *SERVICES.values(),
    VERIFIED,
    *RATINGS.values(),
    *SIZE_BITS.values(),
    *LANGUAGE_BITS.values(),
)


def traits_of(record: Record) -> int:
    traits = VERIFIED if record.is_verified else 0
    for service in record.services:
        traits |= SERVICES.get(service.category, 0)
    for language in record.languages:
        traits |= LANGUAGE_BITS.get(language, 0)
    if record.rating is not None:
        for least, bit in RATINGS.items():
            traits |= bit if record.rating >= least else 0
    return traits | _sizes(record.stand_min_m2, record.stand_max_m2)


def _sizes(least: int | None, greatest: int | None) -> int:
    """Return the sizes that the range touches. A range with one end is open at the other."""
    if least is None and greatest is None:
        return 0
    bits = 0
    for name, (low, high) in SIZES.items():
        begins_above = high is not None and least is not None and least > high
        ends_below = greatest is not None and greatest < low
        bits |= 0 if begins_above or ends_below else SIZE_BITS[name]
    return bits
