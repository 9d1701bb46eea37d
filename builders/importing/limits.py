"""How much of a file is held or unpacked at once. Together they bound the memory of an import, whatever the file.

Lengths of text are in characters, of files in bytes.
"""

from __future__ import annotations

from typing import Final

# How deep JSON may be nested: the stores of old go to six.
MAX_DEPTH: Final = 64
# What is taken over the web: half a million rows of a usual table. Larger files are imported by the command.
MAX_UPLOAD: Final = 100 << 20
# What is looked at to find out how a text is written: more than a thousand rows of most tables.
SAMPLE: Final = 1 << 18
START: Final = 1 << 16
SAMPLE_ROWS: Final = 1000
# A profile with all its attributes has about 300 columns; a table of thousands is no list of firms.
MAX_COLUMNS: Final = 1000
# One cell, one line of text, one record with line breaks in its cells, one JSON record.
MAX_CELL: Final = 1 << 20
MAX_LINE: Final = 1 << 21
MAX_RECORD: Final = 1 << 22
# A spreadsheet of half a million rows and twelve columns unpacks to about 300 MiB.
MAX_UNPACKED: Final = 1 << 30
MAX_ENTRIES: Final = 2000
# Spreadsheets pack to a tenth or a twentieth, a bomb to a thousandth. Small parts may be as repetitive as they like.
MAX_RATIO: Final = 200
RATIO_COUNTS_FROM: Final = 1 << 24
# What the process that reads a spreadsheet may take: its library holds a whole sheet.
SHEET_MEMORY: Final = 3 << 29
SHEET_SECONDS: Final = 600
SHEET_OUTPUT: Final = 1 << 32
