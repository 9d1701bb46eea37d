"""Text that a spreadsheet would take for a formula: an apostrophe in front keeps it text, and comes off again here.

See https://owasp.org/www-community/attacks/CSV_Injection for the characters.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs. What begins with apostrophes and a formula gets one more."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return a cell as it was before `guarded`, exactly.

    >>> unguarded(guarded("=1+1")), unguarded(guarded("'=1+1")), unguarded("it's")
    ('=1+1', "'=1+1", "it's")
    """
    return cell[1:] if _GUARDED.match(cell) else cell
