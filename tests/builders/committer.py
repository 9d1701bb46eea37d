"""Processes that work on an import of the test's database: `python -m tests.builders.committer NAME JOB CHUNK`.

It starts Django once and then forks: a line on its input makes a process that works on the job, and whose id it prints.
That process has its own connection and can be killed like any other, without the second that a start would take.
"""

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
    from builders.importing import commit, runner, sharing, staging, undo

    commit.CHUNK = staging.CHUNK = undo.CHUNK = int(chunk)
    # As in a large import, but for the process beside, which writes nothing and takes a second to start.
    sharing.SEVERAL, sharing.LONG = 0, 1e9
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                runner.run(int(job))
            finally:
                os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
