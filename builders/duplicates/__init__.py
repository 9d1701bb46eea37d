"""Whether two records are about one firm: pure rules, without a database.

```
traits     a record -> what of it is compared
blocks     traits -> the keys under which records meet that may be one firm
names      two names -> the same, alike, or others
rules      two traits -> link, review or distinct, with a score and the reasons
```

`builders.services.duplicates` asks them for what is in the directory.
"""
