"""JSON read one value at a time, so that a file of any length needs no more memory than its largest record."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any, Final, NoReturn, TextIO

from builders.importing import limits
from builders.importing.errors import FileRefused

_BLOCK: Final = 1 << 16
_SPACE: Final = re.compile(r"[ \t\r\n]*")
# A number may be longer, but is whole wherever it is cut.
_LONGEST_ATOM: Final = 16


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON.")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(limits.MAX_DEPTH):
        inner = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = list(chain.from_iterable(inner))
        if not level:
            return False
    return True


class JsonStream:
    """A text with JSON values in it. Every method raises `FileRefused` where the text is not JSON."""

    def __init__(self, text: TextIO) -> None:
        self._stream = text
        self._text = ""
        self._at = 0
        self._is_over = False
        self._lines = 1
        self._dropped = 0

    @property
    def position(self) -> int:
        """How many characters have been read so far."""
        return self._dropped + self._at

    def peek(self) -> str:
        """Return the next character that is no space, or "" at the end."""
        while True:
            # The pattern matches nothing as well, so there is always a match.
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if self._is_over:
                return ""
            self._fill(_BLOCK)

    def skip(self, wanted: str) -> bool:
        """Step over the character if it is the next one, and return whether it was."""
        if self.peek() != wanted:
            return False
        self._at += 1
        return True

    def expect(self, wanted: str) -> None:
        if not self.skip(wanted):
            self._refuse(f"{wanted!r} is missing", is_cut=not self.peek())

    def value(self) -> Any:
        """Read one whole value."""
        self.peek()
        wanted = _BLOCK
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise FileRefused("too_deep", f"The JSON near line {self._line()} is nested too deeply.") from error
            except json.JSONDecodeError as error:
                if self._is_over or not self._may_go_on(error):
                    self._refuse(error.msg, is_cut=self._is_over and self._is_cut(error))
            except ValueError as error:
                # NaN, or a number of thousands of digits: more text would not help.
                self._refuse(str(error).partition(":")[0], is_cut=False)
            else:
                # At the very end of what is read so far, a number may go on.
                if end < len(self._text) or self._is_over:
                    self._refuse_length(end)
                    self._refuse_depth(found, end)
                    self._at = end
                    return found
            self._refuse_length(len(self._text))
            self._fill(wanted)
            wanted *= 2

    def _refuse_length(self, end: int) -> None:
        if end - self._at > limits.MAX_RECORD:
            message = f"A JSON value near line {self._line()} is longer than 4 million characters."
            raise FileRefused("row_too_long", message)

    def _refuse_depth(self, found: Any, end: int) -> None:
        """What is nested too deeply to be stored or compared is refused here, before it breaks something further on."""
        opened = self._text.count("[", self._at, end) + self._text.count("{", self._at, end)
        if opened > limits.MAX_DEPTH and _is_deep(found):
            raise FileRefused("too_deep", f"The JSON near line {self._line()} is nested too deeply.")

    def _fill(self, wanted: int) -> None:
        self._lines += self._text.count("\n", 0, self._at)
        try:
            more = self._stream.read(wanted)
        except UnicodeError as error:
            raise FileRefused("encoding", "The file is damaged, or cut off: it is no UTF-8 or UTF-16 text.") from error
        self._dropped += self._at
        self._text = self._text[self._at :] + more
        self._at = 0
        self._is_over = not more

    def _line(self) -> int:
        return self._lines + self._text.count("\n", 0, self._at)

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Return whether more text could make a value of it: what is wrong is an end, or cut in two there."""
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _LONGEST_ATOM

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text.rstrip())

    def _refuse(self, what: str, *, is_cut: bool) -> NoReturn:
        if is_cut:
            raise FileRefused("truncated", f"The JSON ends in the middle, after line {self._line()}: it is cut off.")
        raise FileRefused("malformed", f"Line {self._line()} is no JSON: {what}.")
