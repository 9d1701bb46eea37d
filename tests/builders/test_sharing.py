"""Work on a large import is shared with another process: the same comes of it, and nobody depends on that process."""

from __future__ import annotations

import csv
import os
import pickle
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from django.db import connection, transaction

from builders.importing import beside, commit, runner, sharing, staging
from builders.importing.judging import Judging, Piece
from builders.importing.sharing import Crew
from builders.importing.source import open_source
from builders.models import Builder, ImportJob
from builders.services import imports
from tests.builders.firms import HEADER, cells, everything

pytestmark = pytest.mark.django_db(transaction=True)
FILES = Path(__file__).parent / "files"
Answer = tuple[int | str, int, int]


def work(piece: int | str, *, broken: int = 0) -> Answer:
    """Return the piece, who did it, and how many builders there are."""
    if piece == broken:
        raise ValueError(piece)
    return piece, os.getpid(), Builder.objects.count()


def numbers(taken: list[int], *, broken_at: int | None = None) -> Iterator[int]:
    for number in range(1, 200):
        if number == broken_at:
            raise ValueError(number)
        taken.append(number)
        yield number


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("import-")]


def until_helped(crew: Crew, results: Iterator[Answer]) -> list[Answer]:
    """Return results until one is of the process beside."""
    found = [next(results)]
    while found[-1][1] == os.getpid():
        found.append(next(results))
    return found


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch):
    monkeypatch.setattr(sharing, "SEVERAL", 0)
    monkeypatch.setattr(sharing, "LONG", 0)
    monkeypatch.setattr(sharing, "_cores", lambda: 2)


@pytest.fixture
def patient(monkeypatch):
    """This process leaves every piece to the other one."""
    begin, is_up = sharing._Shift.begin, beside.Beside.is_up

    def begin_beside(shift, do):
        if getattr(do, "__qualname__", "").startswith("Crew."):
            begin(shift, do)

    def wait_until_up(process):
        deadline = time.monotonic() + 30
        while not is_up(process):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return True

    monkeypatch.setattr(sharing._Shift, "begin", begin_beside)
    monkeypatch.setattr(beside.Beside, "is_up", wait_until_up)


@pytest.fixture
def crew():
    with Crew() as crew:
        yield crew
    assert crew._beside is None or crew._beside._process.poll() is not None
    assert threads() == []


def test_results_come_in_order_from_both_and_from_one_database(crew):
    Builder.objects.create(name="Messebau", name_folded="messebau", slug="messebau")
    results = list(crew.results(work, iter(range(1, 400)), 400))
    assert [piece for piece, _, _ in results] == list(range(1, 400))
    assert {count for _, _, count in results} == {1}


@pytest.mark.backend("sqlite")
def test_process_stays_for_the_next_work(crew, patient):
    # Half a character can be in a cell, and in no encoding.
    first = list(crew.results(work, [1, 2, "\ud83d"], 3))
    second = list(crew.results(partial(work, broken=9), [1, 2, "\ud83d"], 3))
    assert first == second
    assert [piece for piece, _, _ in first] == [1, 2, "\ud83d"]
    [beside] = {who for _, who, _ in first}
    assert beside == crew._beside._process.pid != os.getpid()


@pytest.mark.backend("sqlite")
def test_process_that_is_killed_is_not_missed(crew, patient):
    with closing(crew.results(work, numbers([]), 200)) as results:
        first = until_helped(crew, results)
        os.kill(crew._beside._process.pid, signal.SIGKILL)
        rest = list(results)
    assert [piece for piece, _, _ in [*first, *rest]] == list(range(1, 200))
    assert rest[-1][1] == os.getpid()
    assert {who for _, who, _ in crew.results(work, [1, 2, 3], 3)} == {os.getpid()}


@pytest.mark.backend("sqlite")
def test_what_goes_wrong_is_raised_in_its_place(crew, patient):
    results = crew.results(partial(work, broken=3), numbers([]), 200)
    assert [next(results)[0], next(results)[0]] == [1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
    results = crew.results(work, numbers([], broken_at=3), 200)
    assert [next(results)[0], next(results)[0]] == [1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)


@pytest.mark.backend("sqlite")
def test_who_gives_up_has_nobody_work_on(crew, patient):
    taken: list[int] = []
    with closing(crew.results(work, numbers(taken), 200)) as results:
        next(results)
        next(results)
    assert threads() == []
    assert len(taken) <= 2 + sharing._AHEAD


@pytest.mark.backend("sqlite")
def test_server_with_thousands_of_visitors_is_helped_too(crew, patient):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard > 1200
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    # All of the lower ones are in use.
    taken = [os.dup(0) for _ in range(1100)]
    try:
        assert {who for _, who, _ in crew.results(work, [1, 2, 3], 3)} == {crew._beside._process.pid}
        assert crew._beside._process.stdout.fileno() > 1023
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.backend("sqlite")
def test_work_that_no_message_takes_is_done_here(crew):
    local = [1, 2, 3]
    assert list(crew.results(lambda piece: (piece, local.pop(), os.getpid()), [1, 2, 3], 3)) == [
        (piece, 4 - piece, os.getpid()) for piece in (1, 2, 3)
    ]
    assert crew._beside is None


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    "name", ["eb_a.csv", "eb_export.csv", "google_places_new.json", "eb_listings.json", "eb_builders.json"]
)
def test_every_kind_of_file_can_be_shared(name):
    with (FILES / name).open("rb") as upload:
        job = imports.create_import(actor=None, file=upload, name=name)
    with open_source(Path(job.file.path), name, layout=job.layout, mapping=job.mapping, region="", policy={}) as source:
        rows = list(source.rows())
        piece = Piece(rows, [source.fingerprint(cells) for _, cells in rows])
        judging = Judging(job, source)
        assert pickle.loads(pickle.dumps(judging))(piece) == judging(piece)


@pytest.mark.backend("sqlite")
def test_inside_a_transaction_nobody_else_sees_what_this_thread_sees(crew):
    with transaction.atomic():
        Builder.objects.create(name="Messebau", name_folded="messebau", slug="messebau")
        assert list(crew.results(work, [1, 2, 3], 3)) == [(piece, os.getpid(), 1) for piece in (1, 2, 3)]
        assert threads() == []


@pytest.mark.backend("postgres")
def test_connections_are_left_for_others(crew, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": {"max_size": sharing._LEAST_POOL - 1}})
    assert not sharing.may_share()
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": {"max_size": sharing._LEAST_POOL}})
    assert sharing.may_share()


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(("least", "many"), [("SEVERAL", 201), ("LONG", 100)], ids=["a thread", "a process"])
def test_short_work_is_not_worth_more(crew, monkeypatch, least, many):
    monkeypatch.setattr(sharing, least, many)
    assert [who for _, who, _ in crew.results(work, numbers([]), 200)] == [os.getpid()] * 199
    assert crew._beside is None


def test_import_that_is_shared_comes_to_the_same(tmp_path, monkeypatch, patient):
    for module in (staging, commit):
        monkeypatch.setattr(module, "CHUNK", 40)
    # New ones and changed ones, namesakes in different chunks, errors, and rows that come again much later.
    first = [cells(n) for n in range(300)]
    second = [
        cells(n, phone=f"+4940{2000000 + n}", **({"name": "Stände GmbH"} if n % 50 == 0 else {})) for n in range(500)
    ]
    second += [cells(n, name="") for n in range(600, 605)] + [cells(n, city="Wien") for n in range(0, 500, 100)]
    here = directory_after(tmp_path, first, second, monkeypatch, is_shared=False)
    Builder.objects.all().delete()
    ImportJob.objects.all().delete()
    assert directory_after(tmp_path, first, second, monkeypatch, is_shared=True) == here
    assert threads() == []


def directory_after(tmp_path, first, second, monkeypatch, *, is_shared):
    """Import two files. Return the counts of the second one, and the directory without what is by chance."""
    monkeypatch.setattr(sharing, "SEVERAL", 0 if is_shared else 1e9)
    for rows in (first, second):
        path = tmp_path / "firms.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        with path.open("rb") as upload:
            job = imports.create_import(actor=None, file=upload, name="firms.csv", source="fair")
        with Crew() as crew:
            imports.stage(job, in_background=False)
            runner.run(job.pk, crew=crew)
            imports.commit_import(actor=None, job=job, in_background=False)
            runner.run(job.pk, crew=crew)
            assert (crew._beside is not None) == is_shared
        job.refresh_from_db()
        assert job.state == ImportJob.State.COMMITTED
    found = {}
    for builder in everything().values():
        for name in ("id", "uid", "created_at", "updated_at", "provenance"):
            builder.pop(name, None)
        for key in builder["keys"]:
            key.pop("seen_at")
        found[builder["keys"][0]["key"]] = builder | {"slug": builder["slug"].rpartition("-")[0]}
    assert len({builder["slug"] for builder in everything().values()}) == len(found)
    return job.counts, found
