"""Which characters the bytes of a text file stand for.

A byte order mark decides. Without one, text that is UTF-8 from end to end is UTF-8: other encodings look like it only
by an accident that hardly survives ten umlauts. What remains is older: see `code_pages`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec

from builders.importing import limits
from builders.importing.code_pages import guess_code_page
from builders.importing.errors import FileRefused
from builders.importing.layout import Note

_BLOCK = 1 << 20
# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters that no table has. NUL is left out: some programs pad their cells with it.
_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_HIGH_CHARACTER = re.compile(r"[^\x00-\x7f\ufffd]")
_REPLACED = "\ufffd"
# So many good characters of several bytes for each bad byte make a damaged UTF-8 file rather than an older encoding.
_GOOD_PER_BAD = 5
# Enough lines with letters beyond ASCII to know a language.
_LINES_TO_JUDGE = 2000


class Encoding(msgspec.Struct, frozen=True):
    name: str
    notes: list[Note] = []


def open_text(path: Path, encoding: str, *, is_strict: bool = False) -> TextIO:
    """Open a text with its line ends as they are. What the encoding cannot read becomes U+FFFD; `sniff` has noted it.

    UTF-16 is always strict: after one bad unit everything else may be out of step.
    """
    name = codecs.lookup(encoding).name
    is_wide = name.startswith(("utf-16", "utf-32"))
    errors = "strict" if is_strict or is_wide else "replace"
    return path.open(encoding="utf-8-sig" if name == "utf-8" else name, errors=errors, newline="")


def check_encoding(name: str) -> None:
    """Raise `FileRefused` for an encoding that does not exist or makes no text."""
    try:
        is_text = codecs.lookup(name)._is_text_encoding
    except LookupError:
        is_text = False
    if not is_text:
        raise FileRefused("encoding", f"There is no encoding called {name[:40]!r}.")


def marked(start: bytes) -> str:
    """Return the encoding that the first bytes of a text give away, by a mark or by their zeros, or ""."""
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    return _wide_without_mark(start)


def sniff(path: Path) -> Encoding:
    """Find the encoding of a text file; reads all of it, a block at a time."""
    with path.open("rb") as file:
        start = file.read(limits.START)
    name = marked(start)
    if name:
        return Encoding(name)
    _refuse_binary(start)
    if _is_utf8(path):
        return Encoding("utf-8")
    bad, good = _quality(path, "utf-8")
    if good >= bad * _GOOD_PER_BAD:
        return Encoding("utf-8", [_bad_bytes(bad, "UTF-8")])
    return _older(path)


def _older(path: Path) -> Encoding:
    name, is_sure = guess_code_page(b"".join(_lines_beyond_ascii(path)))
    notes = []
    if not is_sure:
        message = f"The letters beyond ASCII could not be told for certain and are read as {name}."
        notes.append(Note("encoding_unsure", message))
    bad, _ = _quality(path, name)
    if bad:
        notes.append(_bad_bytes(bad, name))
    return Encoding(name, notes)


def _bad_bytes(count: int, name: str) -> Note:
    return Note("bad_bytes", f"{count} bytes mean nothing in {name} and are shown as {_REPLACED}.")


def _wide_without_mark(start: bytes) -> str:
    """Recognise UTF-16 by its zeros: in most scripts every second byte of the commas and line ends is one."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    share = len(start) // 2 // 5
    if odd > share and even * 20 <= odd:
        return "utf-16-le"
    if even > share and odd * 20 <= even:
        return "utf-16-be"
    return ""


def _refuse_binary(start: bytes) -> None:
    if len(_CONTROLS.findall(start)) * 50 > len(start):
        raise FileRefused("not_a_table", "This is no text, spreadsheet or JSON file.")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _quality(path: Path, encoding: str) -> tuple[int, int]:
    """Return how many bytes or characters the encoding cannot read, and how many beyond ASCII it can."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    bad = good = 0
    for block in _blocks(path):
        text = decoder.decode(block)
        if not text.isascii():
            bad += text.count(_REPLACED)
            good += len(_HIGH_CHARACTER.findall(text))
    return bad + decoder.decode(b"", final=True).count(_REPLACED), good


def _lines_beyond_ascii(path: Path) -> Iterator[bytes]:
    found = 0
    with path.open("rb") as file:
        # A limit, because a line may be as long as the file.
        while found < _LINES_TO_JUDGE and (line := file.readline(4096)):
            if _HIGH.search(line):
                found += 1
                yield line
