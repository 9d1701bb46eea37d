"""From a file of any shape to the directory.

```
files      bytes -> tables of cells          (encoding, dialect, sheet, header)
mapping    header and cells -> which column is which field
values     cells -> a `Record` and problems  (nothing is invented)
staging    records -> ImportRow              (found among the builders, compared, counted)
commit     ImportRow -> builders             (in chunks, resumable, one import at a time)
undo       back, but for what was edited since
```

The first three know no database.
"""
