"""The records in a JSON file, whatever is wrapped around them.

Read are: an array of records; `{"_metadata": {…}, "data": […]}` as the old stores are kept; `{"places": […]}`,
`{"results": […]}` and `{"result": {…}}` as Google answers, also several pages in an array or one after the other;
one record alone; and records one after the other, a line for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from builders.importing import limits
from builders.importing.errors import FileRefused
from builders.importing.javascript import string_hash, stringify
from builders.importing.json_stream import JsonStream
from builders.importing.layout import Note

METADATA: Final = "_metadata"
_DATA: Final = "data"
# Keys of a wrapper that hold records, and those that hold a single one.
_MANY: Final = (
    _DATA, "places", "results", "listings", "builders", "companies", "firms", "exhibitors", "suppliers", "items",
    "records", "rows", "entries",
)  # fmt: skip
_ONE: Final = (_DATA, "result")
# What a record has and a wrapper has not: a builder with a key `data` is one record.
_RECORD_KEYS: Final = frozenset("id name companyName company_name businessName displayName place_id email".split())
_WORD: Final = 0xFFFFFFFF


class Store:
    """One pass over a file: iterate `records` to the end, then ask for `notes`. `is_checked` says whether to verify."""

    def __init__(self, stream: JsonStream, *, is_checked: bool) -> None:
        self._stream = stream
        self._is_checked = is_checked
        self._metadata: Any = None
        self._sum: RunningChecksum | None = None
        self._others = 0

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each record with the key that it stood under, or "". What else is in a list is counted and left out."""
        while self._stream.peek():
            if self._stream.skip("["):
                yield from self._unfolded("", self._elements())
            elif self._stream.skip("{"):
                yield from self._object()
            else:
                raise FileRefused("malformed", "This file is no JSON: it begins with neither { nor [.")

    def notes(self) -> list[Note]:
        """Return what is to be said about the file, after all records were read."""
        found = []
        if self._others:
            found.append(Note("no_records", f"{self._others} values in the list are no records and were left out."))
        if self._sum is not None and isinstance(self._metadata, dict) and "checksum" in self._metadata:
            stated = self._metadata["checksum"]
            if stated != self._sum.text():
                message = (
                    f"The checksum is {self._sum.text()}, not {stated!r}: the file was changed after it was stored."
                )
                found.append(Note("checksum", message))
        return found

    def _elements(self) -> Iterator[Any]:
        if self._stream.skip("]"):
            return
        while True:
            yield self._stream.value()
            if self._stream.skip("]"):
                return
            self._stream.expect(",")

    def _unfolded(self, origin: str, values: Iterator[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for value in values:
            if not isinstance(value, dict):
                self._others += 1
                continue
            key = _wrapping_key(value)
            if key and origin in ("", _DATA):
                inner = value[key]
                yield from self._unfolded(key, iter(inner if isinstance(inner, list) else [inner]))
            else:
                yield origin, value

    def _object(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Read an object key by key, because one of them may hold half a million records."""
        rest: dict[str, Any] = {}
        size = 0
        is_wrapper = False
        while not self._stream.skip("}"):
            if rest or is_wrapper:
                self._stream.expect(",")
            key = self._stream.value()
            if not isinstance(key, str):
                raise FileRefused("malformed", "This file is no JSON: the name of a value is missing.")
            self._stream.expect(":")
            if key in _MANY and self._stream.peek() == "[" and not rest.keys() & _RECORD_KEYS:
                is_wrapper = True
                yield from self._unfolded(key, self._summed(key))
                continue
            start = self._stream.position
            rest[key] = self._stream.value()
            size += self._stream.position - start
            if size > limits.MAX_RECORD:
                raise FileRefused("row_too_long", "This JSON is one record of more than 4 million characters.")
        yield from self._left_over(rest, is_wrapper)

    def _left_over(self, rest: dict[str, Any], is_wrapper: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        self._metadata = rest.get(METADATA, self._metadata)
        if is_wrapper:
            return
        key = _wrapping_key(rest)
        if not key:
            if rest:
                yield "", rest
            return
        if key == _DATA and self._is_checked:
            self._sum = RunningChecksum()
            self._sum.add(stringify(rest[key]))
        yield from self._unfolded(key, iter([rest[key]]))

    def _summed(self, key: str) -> Iterator[Any]:
        """Read the elements of an array and add up their checksum on the way."""
        self._stream.expect("[")
        if key != _DATA or not self._is_checked:
            yield from self._elements()
            return
        self._sum = total = RunningChecksum()
        total.add("[")
        for number, value in enumerate(self._elements()):
            total.add(f",{stringify(value)}" if number else stringify(value))
            yield value
        total.add("]")


class RunningChecksum:
    """The checksum of a text that comes in pieces: h(a + b) = h(a) · 31^|b| + h(b) in 32 bits."""

    def __init__(self) -> None:
        self._value = 0

    def add(self, text: str) -> None:
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        self._value = (self._value * pow(31, units, 1 << 32) + int(string_hash(text), 16)) & _WORD

    def text(self) -> str:
        """Return it as the stores have it: hexadecimal, signed."""
        return format(self._value - (1 << 32) if self._value >> 31 else self._value, "x")


def _wrapping_key(value: dict[str, Any]) -> str:
    """Return the key that holds the records, if the object is a wrapper around them."""
    if value.keys() & _RECORD_KEYS:
        return ""
    for key in _MANY:
        inner = value.get(key)
        if isinstance(inner, list) and all(isinstance(part, dict) for part in inner):
            return key
    return next((key for key in _ONE if isinstance(value.get(key), dict)), "")
