"""Sets of small numbers as the bits of one large integer.

A set of 100,000 numbers is 12 kB, two of them are cut in 2 µs and counted in 5: that is what lets the directory count
every value of every filter for every search.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

_ONE = ord("1")
# From each byte to the digit of one of its bits.
_DIGITS = [bytes(_ONE if byte >> bit & 1 else ord("0") for byte in range(256)) for bit in range(8)]


def from_numbers(numbers: Iterable[int], size: int) -> int:
    """Return the set of these numbers, which are all below `size`."""
    digits = bytearray(b"0") * size
    for number in numbers:
        digits[-1 - number] = _ONE
    return int(digits or b"0", 2)


def columns(values: array[int], bits: Iterable[int]) -> dict[int, int]:
    """Return for each bit the set of the places in `values`, of eight bytes each, at which that bit is set."""
    packed, found = values.tobytes(), {}
    for bit in bits:
        byte, rest = divmod(bit.bit_length() - 1, 8)
        # The last value first, because a number is written with its highest digit first.
        column = packed[byte :: values.itemsize][::-1]
        found[bit] = int(column.translate(_DIGITS[rest]) or b"0", 2)
    return found


def numbers_in(members: int, start: int = 0) -> Iterator[int]:
    """Yield the numbers of a set in ascending order, from `start` on."""
    members >>= start
    for place, byte in enumerate(members.to_bytes((members.bit_length() + 7) // 8, "little")):
        while byte:
            low = byte & -byte
            yield start + place * 8 + low.bit_length() - 1
            byte ^= low


class Few:
    """A set of few numbers among many: as a list it is smaller than its bits, and as fast to count."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: array[int]) -> None:
        self.numbers = numbers

    def count(self, members: bytes) -> int:
        """Return how many of the numbers are in a set, given as its bytes, the lowest first."""
        return sum(members[number >> 3] >> (number & 7) & 1 for number in self.numbers)
