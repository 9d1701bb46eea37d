"""The table of jobs in the admin site, and its button."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from config.jobs import JOBS
from operations import jobs
from operations.jobs import Job
from operations.models import ActivityEvent, ScheduledRun

pytestmark = pytest.mark.django_db

LIST = "/admin/operations/scheduledrun/"


@pytest.fixture
def staff(db) -> User:
    """Somebody who may run jobs, and nothing else."""
    user = User.objects.create_user("chief@example.org", "x", is_staff=True)
    names = ("view_scheduledrun", "change_scheduledrun")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def onlooker(db) -> User:
    user = User.objects.create_user("eve@example.org", "x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_scheduledrun"))
    return user


@pytest.fixture
def job(monkeypatch) -> Job:
    """The only job, which does nothing and has not run."""
    made = Job("test.count", dt.timedelta(hours=1), lambda: "3 counted")
    monkeypatch.setattr("config.jobs.JOBS", (made,))
    ScheduledRun.objects.create(job=made.name, next_at=timezone.now())
    return made


def url(name: str) -> str:
    return reverse("admin:operations_scheduledrun_run", args=[name])


def press(client: Client, name: str) -> str:
    """Press the button of a job and return the message that follows."""
    answer = client.post(url(name), follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    return re.search(r'<ul class="messagelist">\s*<li[^>]*>(.*?)</li>', answer.content.decode(), re.DOTALL)[1].strip()


def test_jobs_are_listed_with_their_last_run(client, staff, job):
    client.force_login(staff)
    assert "not run yet" in client.get(LIST).content.decode()
    jobs.run_now(job)
    page = client.get(LIST).content.decode()
    assert "3 counted" in page
    assert re.search(r'field-duration">\d+\.\d\d s<', page)
    assert f'formaction="{url("test.count")}"' in page


def test_list_of_jobs_costs_the_same_however_many_there_are(client, staff, django_assert_max_num_queries):
    client.force_login(staff)
    jobs.run_due(JOBS)
    with django_assert_max_num_queries(8):
        client.get(LIST)


def test_button_runs_the_job_and_says_how_it_ended(client, staff, job):
    client.force_login(staff)
    assert re.fullmatch(r"Job test\.count: 3 counted \(\d+\.\d\d s\)", press(client, "test.count"))
    run = ScheduledRun.objects.get()
    assert (run.is_ok, run.result) == (True, "3 counted")
    event = ActivityEvent.objects.get()
    assert (event.kind, event.actor, event.target, event.data) == (
        "operations.job.run",
        staff,
        "test.count",
        {"is_ok": True},
    )


def test_job_that_fails_is_told_and_logged(client, staff, monkeypatch):
    def broken() -> str:
        raise ValueError("no disk")

    monkeypatch.setattr("config.jobs.JOBS", (Job("test.broken", dt.timedelta(hours=1), broken),))
    client.force_login(staff)
    assert "ValueError: no disk" in press(client, "test.broken")
    assert ActivityEvent.objects.get().data == {"is_ok": False}


def test_running_job_has_no_button_and_refuses(client, staff, job):
    ScheduledRun.objects.update(started_at=timezone.now(), finished_at=None)
    client.force_login(staff)
    page = client.get(LIST).content.decode()
    assert "running" in page
    assert "formaction" not in page
    assert press(client, "test.count") == "Job test.count: This job is running already."
    assert ActivityEvent.objects.get().kind == "operations.job.refused"


def test_run_that_was_cut_off_does_not_hold_the_job_up(client, staff, job):
    ScheduledRun.objects.update(started_at=timezone.now() - job.limit, finished_at=None)
    client.force_login(staff)
    assert "never finished" in client.get(LIST).content.decode()
    assert "3 counted" in press(client, "test.count")


def test_unknown_job_is_refused(client, staff, job):
    ScheduledRun.objects.create(job="test.gone", next_at=timezone.now())
    client.force_login(staff)
    assert "no longer part of this version" in client.get(LIST).content.decode()
    assert press(client, "test.gone") == "Job test.gone: This version has no such job."


def test_button_needs_the_right(client, onlooker, job):
    client.force_login(onlooker)
    assert "formaction" not in client.get(LIST).content.decode()
    assert client.post(url("test.count")).status_code == 403
    assert ScheduledRun.objects.get().started_at is None


def test_button_is_not_for_strangers(client, job):
    assert client.post(url("test.count")).status_code == 302
    assert ScheduledRun.objects.get().started_at is None


def test_button_works_by_post_with_a_token_alone(staff, job):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.get(url("test.count")).status_code == 405
    assert client.post(url("test.count")).status_code == 403
    token = re.search(r'id="run-job"[^>]*>\s*<input[^>]*value="(\w+)"', client.get(LIST).content.decode())[1]
    assert client.post(url("test.count"), {"csrfmiddlewaretoken": token}).status_code == 302
    assert ScheduledRun.objects.get().is_ok
