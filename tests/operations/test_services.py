"""Jobs, heartbeats, the activity log, limits and idempotency keys."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction
from django.test import RequestFactory
from django.utils import timezone

from operations import jobs, nodes, ratelimit
from operations.activity import record
from operations.background import Background
from operations.idempotency import answer_once, sweep_keys
from operations.jobs import Job
from operations.models import ActivityEvent, IdempotencyKey, ScheduledRun, ServerNode
from operations.ratelimit import RateLimited
from realtime.errors import ClientError
from tests.rig import in_db, make_guest, only_limits_of_this_test, until

pytestmark = pytest.mark.django_db


# --- activity ---------------------------------------------------------------------------------------------------


def test_activity_keeps_who_did_what(db):
    bob = make_guest("Bob")
    record("chat.room.closed", actor=bob, target="abc", data={"n": 1})
    bob.delete()
    event = ActivityEvent.objects.get()
    assert (event.kind, event.actor, event.actor_name, event.target, event.data) == (
        "chat.room.closed",
        None,
        "Bob",
        "abc",
        {"n": 1},
    )


@pytest.mark.parametrize("kind", ["", "closed", "room.closed", "chat.room.closed.again", "Chat.room.closed", "a.b.c d"])
def test_activity_of_another_form_is_an_error(kind):
    with pytest.raises(ValueError, match="three parts"):
        record(kind)


def test_activity_of_an_act_that_is_undone_leaves_no_entry():
    with transaction.atomic():
        record("chat.room.closed")
        transaction.set_rollback(True)
    assert not ActivityEvent.objects.exists()


# --- jobs -------------------------------------------------------------------------------------------------------


def counting(name: str = "test.count", every: int = 60) -> tuple[Job, list[int]]:
    runs: list[int] = []

    def run() -> str:
        runs.append(1)
        return f"run {len(runs)}"

    return Job(name, dt.timedelta(seconds=every), run), runs


def test_job_runs_when_it_is_due_and_not_before():
    job, runs = counting()
    assert jobs.run_due([job]) == ["test.count"]
    assert jobs.run_due([job]) == []
    ScheduledRun.objects.update(next_at=timezone.now())
    assert jobs.run_due([job]) == ["test.count"]
    assert len(runs) == 2
    run = ScheduledRun.objects.get()
    assert (run.result, run.is_ok, run.finished_at >= run.started_at) == ("run 2", True, True)


def test_job_that_fails_is_recorded_and_the_next_one_runs():
    def broken() -> str:
        raise ValueError("no disk")

    job, runs = counting()
    assert jobs.run_due([Job("test.broken", dt.timedelta(hours=1), broken), job]) == ["test.broken", "test.count"]
    run = ScheduledRun.objects.get(job="test.broken")
    assert (run.is_ok, run.result) == (False, "ValueError: no disk")
    assert len(runs) == 1


def test_job_runs_now_when_asked():
    job, runs = counting()
    assert jobs.run_now(job).result == "run 1"
    assert jobs.run_due([job]) == []
    assert jobs.run_now(job).result == "run 2"
    assert len(runs) == 2


def test_job_that_is_running_is_left_alone():
    job, runs = counting(every=0)
    ScheduledRun.objects.create(job=job.name, next_at=timezone.now(), started_at=timezone.now())
    assert jobs.run_due([job]) == []
    with pytest.raises(jobs.JobRunning):
        jobs.run_now(job)
    ScheduledRun.objects.update(started_at=timezone.now() - job.limit)
    assert jobs.run_due([job]) == [job.name]
    assert len(runs) == 1


@pytest.mark.django_db(transaction=True)
def test_job_runs_once_however_many_processes_look():
    job, runs = counting()
    barrier = threading.Barrier(4)

    def look() -> None:
        try:
            barrier.wait(10)
            jobs.run_due([job])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(runs) == 1


def test_jobs_of_the_product_all_run():
    from config.jobs import JOBS

    assert set(jobs.run_due(JOBS)) == {job.name for job in JOBS}
    assert set(ScheduledRun.objects.values_list("is_ok", flat=True)) == {True}


# --- nodes ------------------------------------------------------------------------------------------------------


def test_node_is_listed_while_it_lives():
    for connections_open in (1, 2):
        nodes.beat(name="a", started_at=timezone.now(), connections=connections_open, spool_pending=3)
    node = ServerNode.objects.get()
    assert (node.name, node.connections, node.spool_pending) == ("a", 2, 3)
    nodes.say_goodbye("a")
    assert not ServerNode.objects.exists()


def test_node_that_was_silent_for_a_day_is_forgotten():
    now = timezone.now()
    for name, age in (("new", 1), ("old", 25)):
        nodes.beat(name=name, started_at=now, connections=0, spool_pending=0)
        ServerNode.objects.filter(name=name).update(seen_at=now - dt.timedelta(hours=age))
    assert nodes.sweep_silent() == "1 silent servers forgotten"
    assert ServerNode.objects.get().name == "new"


def test_node_name_is_that_of_the_setting_and_the_process(settings):
    settings.NODE_NAME = "east"
    assert nodes.node_name().startswith("east-")
    settings.NODE_NAME = "x" * 200
    assert len(nodes.node_name()) == 80


@pytest.mark.django_db(transaction=True)
async def test_background_beats_runs_jobs_and_goes_on_after_failures(runtime, monkeypatch):
    monkeypatch.setattr("operations.background._BEAT_SECONDS", 0.02)
    job, runs = counting(every=0)
    failures = iter([OperationalError("away"), RuntimeError("a bug")])

    def every_beat() -> None:
        failure = next(failures, None)
        if failure:
            raise failure

    background = Background(runtime, [job], every_beat)
    await background.start()
    await until(lambda: len(runs) >= 2)
    assert await in_db(ServerNode.objects.filter(name="here").exists)
    await background.stop()
    assert not await in_db(ServerNode.objects.exists)


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh_limits():
    only_limits_of_this_test()


def test_limit_counts_by_scope_and_identity(fresh_limits):
    for _ in range(2):
        ratelimit.hit("door", "ada", "2/minute")
    with pytest.raises(RateLimited) as refusal:
        ratelimit.hit("door", "ada", "2/minute")
    assert (refusal.value.code, 0 < refusal.value.retry_after_ms <= 60_000) == ("rate_limited", True)
    ratelimit.hit("door", "bob", "2/minute")
    ratelimit.hit("window", "ada", "2/minute")


def test_limit_is_asked_without_counting(fresh_limits):
    for _ in range(5):
        ratelimit.refuse_if_spent("door", "ada", "1/minute")
    ratelimit.hit("door", "ada", "1/minute")
    with pytest.raises(RateLimited):
        ratelimit.refuse_if_spent("door", "ada", "1/minute")


def test_first_attempts_at_once_are_counted_together(fresh_limits):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for number in range(20):
            only_limits_of_this_test()
            with ThreadPoolExecutor(8) as threads:
                asked = [threads.submit(ratelimit.hit, "door", str(number), "5/minute") for _ in range(8)]
            assert sum(attempt.exception() is None for attempt in asked) == 5
    finally:
        sys.setswitchinterval(interval)


def test_limits_can_be_switched_off(fresh_limits, settings):
    settings.RATE_LIMITS_ENABLED = False
    for _ in range(5):
        ratelimit.hit("door", "ada", "1/minute")


# --- idempotency ------------------------------------------------------------------------------------------------


def request(person, key: str = "", body: str = "{}"):
    headers = {"Idempotency-Key": key} if key else {}
    found = RequestFactory().post("/api/things", body, content_type="application/json", headers=headers)
    found.user = person
    return found


def test_answer_without_a_key_is_made_each_time(db):
    bob, made = make_guest(), []
    for _ in range(2):
        answer_once(request(bob), lambda: (made.append(1), (201, {"n": len(made)}))[1])
    assert len(made) == 2


def test_answer_is_made_once_for_a_key(db):
    bob, made = make_guest(), []

    def create():
        made.append(1)
        return 201, {"n": len(made)}

    assert [answer_once(request(bob, "k"), create) for _ in range(3)] == [(201, {"n": 1})] * 3
    with pytest.raises(ClientError, match="another request"):
        answer_once(request(bob, "k", '{"a":1}'), create)
    assert answer_once(request(make_guest(), "k"), create) == (201, {"n": 2})


def test_answer_that_failed_is_not_kept(db):
    bob = make_guest()

    def broken():
        raise ClientError("invalid", "No.")

    with pytest.raises(ClientError):
        answer_once(request(bob, "k"), broken)
    assert answer_once(request(bob, "k"), lambda: (201, {})) == (201, {})


def test_answer_of_the_other_of_two_at_once_is_given(db):
    """Both look and find nothing; the other one is first."""
    bob = make_guest()

    def create():
        answer_once(request(bob, "k"), lambda: (201, {"by": "the other"}))
        return 201, {"by": "me"}

    # Within one connection the other's transaction lies inside ours, so its answer is undone with ours.
    with pytest.raises(IntegrityError):
        answer_once(request(bob, "k"), create)
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_answers_at_once_create_one_thing():
    bob = await in_db(make_guest)

    def create():
        return 201, {"thing": record("chat.room.closed").pk}

    answers = await asyncio.gather(*(in_db(answer_once, request(bob, "k"), create) for _ in range(4)))
    assert len({json.dumps(answer) for answer in answers}) == 1
    assert await in_db(ActivityEvent.objects.count) == 1


def test_keys_are_kept_for_a_day(db):
    bob = make_guest()
    for key, hours in (("new", 23), ("old", 25)):
        answer_once(request(bob, key), lambda: (201, {}))
        IdempotencyKey.objects.filter(key=key).update(created_at=timezone.now() - dt.timedelta(hours=hours))
    assert sweep_keys() == "1 keys deleted"
    assert IdempotencyKey.objects.get().key == "new"
