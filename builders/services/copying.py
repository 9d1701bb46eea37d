"""Rows as PostgreSQL's COPY reads them, made beforehand: what writes them then only passes bytes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any


def _text(value: str) -> str:
    # Each of these is a search for one character, and most find none: `translate` would look at every character.
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


# All rows of a chunk have the same moment, many times over.
@lru_cache(maxsize=64)
def _moment(value: dt.datetime) -> str:
    return value.isoformat()


class _Forms(dict[type, Callable[[Any], str]]):
    """How a value of each type is written. A subclass is written as what it derives from."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        self[kind] = form = next(self[base] for base in kind.__mro__[1:] if base in self)
        return form


_FORMS = _Forms(
    {
        str: _text,
        bool: {True: "t", False: "f"}.__getitem__,
        int: int.__repr__,
        float: repr,
        Decimal: str,
        dt.datetime: _moment,
        dt.date: dt.date.isoformat,
        NoneType: {None: "\\N"}.__getitem__,
    }
)


def copy_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    # By columns: nearly all of one is of one type and plain, which is found out for all of it at once.
    columns = map(_written, zip(*rows, strict=True))
    lines = map("\t".join, zip(*columns, strict=True))
    # One by one: a single character beyond ASCII would make all of them wide.
    return b"\n".join([*map(str.encode, lines), b""])


def _written(column: Sequence[Any]) -> Iterable[str]:
    forms, types = _FORMS, set(map(type, column))
    if len(types) > 1:
        return [forms[value.__class__](value) for value in column]
    if types == {str} and _is_plain("".join(column)):
        return column
    return map(forms[types.pop()], column)


def _is_plain(text: str) -> bool:
    return "\\" not in text and "\n" not in text and "\r" not in text and "\t" not in text
