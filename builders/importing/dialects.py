"""How a text table is delimited, found out from its first rows."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from typing import Final

import msgspec

from builders.importing import limits

_DELIMITERS: Final = ",;\t|"
_ROWS: Final = 200


class Dialect(msgspec.Struct, frozen=True):
    """`is_spaced`: a quotation may begin behind a space. `escape` is what keeps a quote from ending a cell, or ""."""

    delimiter: str = ","
    quote: str = '"'
    is_spaced: bool = False
    escape: str = ""

    def for_csv(self) -> type[csv.Dialect]:
        """Return the dialect in the form that the standard library takes. A doubled quote stands for one."""

        class Chosen(csv.excel):
            delimiter = self.delimiter
            quotechar = self.quote
            skipinitialspace = self.is_spaced
            escapechar = self.escape or None

        return Chosen


def sniff(sample: str, *, is_whole: bool) -> Dialect:
    """Return the delimiter that cuts the sample into rows that are the most alike, and the most columns."""
    quote = _quote(sample)
    scores = {delimiter: _score(sample, Dialect(delimiter, quote), is_whole) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: scores[delimiter])
    return Dialect(best if scores[best] else ",", quote)


def refined(sample: str, dialect: Dialect, *, is_whole: bool) -> Dialect:
    """Return the dialect as a program with habits of its own has written it, where only that makes an even table."""
    delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
    variants = [dialect]
    if re.search(rf"{delimiter} +{quote}", sample):
        variants.append(msgspec.structs.replace(dialect, is_spaced=True))
    if re.search(rf"\\{quote}(?!{delimiter}|[\r\n]|$)", sample):
        variants += [msgspec.structs.replace(variant, escape="\\") for variant in tuple(variants)]
    if len(variants) == 1:
        return dialect
    # Of equal ones the first: what is usual.
    return max(variants, key=lambda variant: _score(sample, variant, is_whole))


def _quote(sample: str) -> str:
    """Apostrophes quote only where they wrap whole cells and nothing else does: in names they are letters."""
    if '"' in sample:
        return '"'
    wrapped = re.findall(r"(?:^|[,;\t|])'[^'\r\n]*'(?=[,;\t|\r\n]|$)", sample, re.MULTILINE)
    return "'" if len(wrapped) > 1 and len(wrapped) * 4 > sample.count("'") else '"'


def _score(sample: str, dialect: Dialect, is_whole: bool) -> float:
    widths = _widths(sample, dialect, is_whole)
    counts = Counter(width for width in widths if width > 1)
    if not counts:
        return 0.0
    # Of widths that are equally frequent the larger one: a title above the table is narrow.
    width, count = max(counts.items(), key=lambda item: (item[1], item[0]))
    # Rows that agree count more than many columns: a comma in every address makes two columns as well.
    return (count / len(widths)) ** 2 * math.log2(width)


def _widths(sample: str, dialect: Dialect, is_whole: bool) -> list[int]:
    csv.field_size_limit(limits.MAX_CELL)
    widths = []
    try:
        for cells in csv.reader(io.StringIO(sample, newline=""), dialect.for_csv()):
            if any(cells):
                widths.append(len(cells))
            if len(widths) == _ROWS:
                return widths
    except csv.Error:
        # A quotation without end under this delimiter: what was read so far is compared.
        return widths
    return widths if is_whole or len(widths) < 2 else widths[:-1]
