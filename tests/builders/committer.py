"""A process that works on one import of the test's database: `python -m tests.builders.committer NAME JOB CHUNK`."""

from __future__ import annotations

import os
import sys

import django


def main() -> None:
    database, job, chunk = sys.argv[1:]
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from django.db import connection

    connection.settings_dict["NAME"] = database
    from builders.importing import commit, runner

    commit.CHUNK = int(chunk)
    runner.run(int(job))


if __name__ == "__main__":
    main()
