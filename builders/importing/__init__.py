"""From a file of any shape to the directory.

```
files      bytes -> tables of cells          (encoding, dialect, sheet, header)
mapping    header and cells -> which column is which field
values     cells -> a `Record` and problems  (nothing is invented)
judging    records -> verdicts               (found among the builders, compared)
staging    verdicts -> ImportRow             (what comes again in the file, counted)
drafts     ImportRow -> rows of the database
commit     drafts -> builders                (in chunks, resumable, one import at a time)
undo       back, but for what was edited since
```

`sharing` has a second process judge and draft, `turns` two transactions write.

The first three know no database.
"""
