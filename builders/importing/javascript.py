"""JSON as JavaScript writes it, and the checksum that the old stores carry.

The checksum was made in JavaScript over `JSON.stringify(data)`, so it is only the same if every number, key and
character is printed as there. The rules are those of ECMA-262: Number::toString, QuoteJSONString and the order of
property keys.
"""

from __future__ import annotations

import json
import math
import operator
import re
import sys
from decimal import Decimal

_BLOCK = 4096
_WORD = 0xFFFFFFFF
# 31 to the power of 4095 … 0: a block is hashed in one multiplication of lists, not character by character.
_POWERS = [pow(31, exponent, 1 << 32) for exponent in range(_BLOCK - 1, -1, -1)]
_SAFE_INTEGER = 1 << 53
# Where JavaScript begins to write 1e+21 and 1e-7.
_LARGEST_PLAIN = 21
_SMALLEST_PLAIN = -6
_LARGEST_INDEX = (1 << 32) - 2
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def checksum(data: object) -> str:
    """Return the checksum of a store's `data` as its metadata has it: hexadecimal, with a minus sign if negative."""
    return string_hash(stringify(data))


def string_hash(text: str) -> str:
    """Return h = 31·h + unit over the UTF-16 code units of `text`, as a signed 32-bit number in hexadecimal."""
    units = memoryview(text.encode(f"utf-16-{sys.byteorder[0]}e", "surrogatepass")).cast("H")
    value = 0
    for start in range(0, len(units), _BLOCK):
        block = units[start : start + _BLOCK]
        raised = value * pow(31, len(block), 1 << 32)
        value = (raised + sum(map(operator.mul, block, _POWERS[_BLOCK - len(block) :]))) & _WORD
    return format(value - (1 << 32) if value >> 31 else value, "x")


def stringify(value: object) -> str:
    """Return what `JSON.stringify` gives for a value that came from JSON."""
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return f"[{','.join(map(stringify, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_string(key)}:{stringify(value[key])}' for key in _ordered(value))}}}"
    raise TypeError(f"JSON has no {type(value).__name__}.")


def number(value: float) -> str:
    """Return a number as JavaScript prints it: 1, not 1.0; 1e-7, not 1e-07; 123456789012345680000 for a long one."""
    if isinstance(value, int) and -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        return str(value)
    try:
        value = float(value)
    except OverflowError:
        return "null"
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    return ("-" if value < 0 else "") + _positive(abs(value))


def _positive(value: float) -> str:
    # Both languages print the fewest digits that mean this number; only where the point stands differs.
    parts = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, parts.digits))
    point = len(digits) + int(parts.exponent)
    if len(digits) <= point <= _LARGEST_PLAIN:
        return digits.ljust(point, "0")
    if 0 < point <= _LARGEST_PLAIN:
        return f"{digits[:point]}.{digits[point:]}"
    if _SMALLEST_PLAIN < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def _string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if text.isascii():
        return quoted
    # Half of a pair cannot be written in UTF-8, and JavaScript escapes it.
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _ordered(value: dict[str, object]) -> list[str]:
    """Return the keys as JavaScript keeps them: array indexes first, by size, then the others as they came."""
    indexes = [key for key in value if _is_index(key)]
    if not indexes:
        return list(value)
    return [*sorted(indexes, key=int), *(key for key in value if not _is_index(key))]


def _is_index(key: str) -> bool:
    if not (key.isascii() and key.isdigit()):
        return False
    return len(key) <= 10 and str(int(key)) == key and int(key) <= _LARGEST_INDEX
