"""Imports whose processes are killed: nothing is lost, nothing doubled, and what was read is not read again."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from builders.importing import lease, runner, staging
from builders.importing.sharing import Crew
from builders.models import (
    Builder,
    ContactPoint,
    ImportChange,
    ImportJob,
    ImportRow,
    Listing,
    Location,
    Service,
    SourceKey,
)
from builders.services import imports
from builders.services.builders import update_builder
from builders.services.tables import fetch
from tests.builders.firms import HEADER, Rows, cells, everything, new_job, staged, write

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = 10_000
KILLS = 20
# Small, so that a kill meets every part of one, and a chunk that was lost is not most of the work.
CHUNK = 250
State = ImportJob.State


@contextmanager
def killed_workers(job: ImportJob) -> Iterator[Callable[[int], None]]:
    """Yield a function that lets a process work on the job until some chunks are done, and kills it soon after."""
    command = [sys.executable, "-m", "tests.builders.committer", str(connection.settings_dict["NAME"])]
    with subprocess.Popen(
        [*command, str(job.pk), str(CHUNK)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        line, out = parent.stdin, parent.stdout

        def work_until_killed(chunks: int) -> None:
            before, target = ImportJob.objects.get(pk=job.pk), job.progress + chunks * CHUNK
            line.write("\n")
            line.flush()
            pid = int(out.readline())
            deadline, now = time.monotonic() + 20, before
            while now.worker == before.worker or now.progress < target:
                assert time.monotonic() < deadline
                time.sleep(0.002)
                now = ImportJob.objects.get(pk=job.pk)
            time.sleep(random.uniform(0, 0.05))
            os.kill(pid, signal.SIGKILL)
            assert out.readline() == "gone\n"
            wait_for_its_connections()
            job.refresh_from_db()

        yield work_until_killed
        line.close()


def wait_for_its_connections() -> None:
    """Wait until PostgreSQL is through with what the process has sent before it died, such as a COMMIT."""
    if connection.vendor != "postgresql":
        return
    deadline = time.monotonic() + 20
    while fetch(_STILL_AT_WORK, []) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.002)


_STILL_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
"""


def test_commit_killed_at_any_moment_loses_and_doubles_nothing():
    rows = [cells(n) for n in range(ROWS)]
    job = staged(rows)
    imports.commit_import(actor=None, job=job, in_background=False)
    with killed_workers(job) as work_until_killed:
        for number in range(KILLS):
            work_until_killed(chunks=number % 3 == 0)
            written = max(0, job.progress - 1)
            assert Builder.objects.count() == SourceKey.objects.count() == written
            assert ImportChange.objects.filter(job=job).count() == Listing.objects.count() == written
    assert job.state == State.COMMITTING, "it was through before it was killed often enough"
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.counts) == (State.COMMITTED, {"created": ROWS})
    assert Builder.objects.count() == SourceKey.objects.count() == Location.objects.count() == ROWS
    assert ContactPoint.objects.count() == Service.objects.count() == 2 * ROWS
    assert list(SourceKey.objects.order_by("builder").values_list("key", flat=True)) == [f"F-{n}" for n in range(ROWS)]
    assert staged(rows).counts == {"unchanged": ROWS}


def test_undo_killed_at_any_moment_restores_all_but_what_was_edited_since():
    count = 1500
    write(staged([cells(n) for n in range(count)]))
    before = everything()
    job = write(staged([cells(n, phone=f"+4940{2000000 + n}", name=f"Neu {n}") for n in range(count + 500)]))
    edited = Builder.objects.get(name="Neu 7").pk
    update_builder(actor=None, builder=edited, values={"description": "meanwhile"})
    imports.undo_import(actor=None, job=job, in_background=False)
    with killed_workers(job) as work_until_killed:
        for _ in range(4):
            work_until_killed(chunks=1)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.counts["left"]) == (State.UNDONE, 1)
    after = everything()
    assert after.pop(edited)["record"]["description"] == "meanwhile"
    assert after == {pk: builder for pk, builder in before.items() if pk != edited}


def test_reading_killed_at_any_moment_goes_on_and_reads_each_row_once(tmp_path):
    path = tmp_path / "firms.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *(cells(n) for n in range(4000))])
    with path.open("rb") as upload:
        job = imports.create_import(actor=None, file=upload, name="firms.csv", source="fair")
    imports.stage(job, in_background=False)
    reached = []
    with killed_workers(job) as work_until_killed:
        for number in range(6):
            work_until_killed(chunks=number % 2)
            reached.append(job.progress)
            assert ImportRow.objects.filter(job=job).count() == max(0, job.progress - 1) == sum(job.counts.values())
    assert reached == sorted(reached)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.total, job.counts) == (State.STAGED, 4000, {"created": 4000})
    assert list(ImportRow.objects.order_by("number").values_list("number", flat=True)) == list(range(2, 4002))


def test_reading_begins_behind_what_was_read(monkeypatch):
    monkeypatch.setattr(staging, "CHUNK", 10)
    write(staged([cells(n) for n in range(5)]))
    # Some that are unchanged, some new ones, and all of them once more in the part that is read afterwards.
    rows = [*(cells(n) for n in range(20)), *(cells(n, city="Wien") for n in range(20))]
    job, first, second = new_job(), Rows(rows), Rows(rows)

    def die(read: int) -> None:
        raise KeyboardInterrupt

    claimed = lease.claim(job.pk, "one")
    with pytest.raises(KeyboardInterrupt):
        staging.stage(claimed, first, "one", Crew(), die)
    assert ImportJob.objects.get(pk=job.pk).progress == 11
    ImportJob.objects.update(lease_until=None)
    staging.stage(lease.claim(job.pk, "two"), second, "two", Crew())
    assert second.reads == 30
    job.refresh_from_db()
    assert job.counts == {"unchanged": 5, "created": 15, "duplicate": 20}
