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
        bool: lambda value: "t" if value else "f",
        int: str,
        float: repr,
        Decimal: str,
        dt.datetime: _moment,
        dt.date: dt.date.isoformat,
        NoneType: lambda value: "\\N",
    }
)


def copy_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    forms = _FORMS
    lines = [
        "\t".join(
            [
                # Most values are plain text, for which a call would take as long as all else.
                value
                if value.__class__ is str and value.isprintable() and "\\" not in value
                else forms[value.__class__](value)
                for value in row
            ]
        )
        for row in rows
    ]
    return "\n".join([*lines, ""]).encode()
