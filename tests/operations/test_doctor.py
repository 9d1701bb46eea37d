from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from operations.diagnosis import Finding, Level, diagnose, worst
from operations.diagnosis.configuration import configuration_findings
from operations.diagnosis.database import database_findings
from operations.diagnosis.host import host_findings
from operations.diagnosis.services import service_findings
from operations.models import ServerNode
from realtime.spool import Spool
from tests.processes import free_port
from tests.servers import ROOT, StartServer


def found(findings: Any, area: str) -> list[Finding]:
    return [finding for finding in findings if finding.area == area]


def only(findings: Any, area: str) -> Finding:
    (finding,) = found(findings, area)
    return finding


def test_worst_of_nothing_is_ok() -> None:
    assert worst([]) is Level.OK
    assert worst([Finding("a", Level.PROBLEM, ""), Finding("b", Level.WARNING, "")]) is Level.PROBLEM


# --- configuration ----------------------------------------------------------------------------------------------


def test_debug_is_a_problem_on_a_public_address(settings: Any) -> None:
    settings.DEBUG = True
    assert only(configuration_findings(), "debug").level is Level.WARNING
    settings.PUBLIC_ORIGIN, settings.ALLOWED_HOSTS = "https://fair.example", ["fair.example"]
    assert only(configuration_findings(), "debug").level is Level.PROBLEM


def test_origin_outside_allowed_hosts_is_a_problem(settings: Any) -> None:
    settings.PUBLIC_ORIGIN, settings.ALLOWED_HOSTS = "https://fair.example", ["other.example"]
    finding = only(configuration_findings(), "public origin")
    assert finding.level is Level.PROBLEM
    assert "fair.example" in finding.advice


def test_origin_within_allowed_hosts_is_fine(settings: Any) -> None:
    settings.PUBLIC_ORIGIN, settings.ALLOWED_HOSTS = "https://fair.example", [".fair.example"]
    assert only(configuration_findings(), "public origin").level is Level.OK


def test_public_origin_without_encryption_is_a_warning(settings: Any) -> None:
    settings.PUBLIC_ORIGIN, settings.ALLOWED_HOSTS = "http://fair.example", ["fair.example"]
    assert only(configuration_findings(), "public origin").level is Level.WARNING


@pytest.mark.parametrize(
    ("proxies", "level"), [([], Level.WARNING), (["0.0.0.0/0"], Level.PROBLEM), (["127.0.0.1"], Level.OK)]
)
def test_https_wants_a_named_proxy(settings: Any, proxies: list[str], level: Level) -> None:
    settings.PUBLIC_ORIGIN, settings.ALLOWED_HOSTS = "https://fair.example", ["fair.example"]
    settings.TRUSTED_PROXIES = proxies
    assert only(configuration_findings(), "proxy").level is level


def test_key_that_others_can_read_is_a_problem(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    key = tmp_path / "secret_key"
    key.write_text(settings.SECRET_KEY)
    key.chmod(0o644)
    assert only(configuration_findings(), "secret key").level is Level.PROBLEM
    key.chmod(0o600)
    assert only(configuration_findings(), "secret key").level is Level.OK


@pytest.mark.parametrize(
    ("origin", "required", "level"),
    [
        ("https://fair.example", False, Level.WARNING),
        ("https://fair.example", True, Level.OK),
        ("http://127.0.0.1:8000", False, Level.OK),
    ],
)
def test_staff_of_a_public_server_want_a_second_factor(
    settings: Any, origin: str, required: bool, level: Level
) -> None:
    settings.PUBLIC_ORIGIN, settings.STAFF_MFA_REQUIRED = origin, required
    assert only(configuration_findings(), "second factor").level is level


def test_missing_limits_are_a_warning(settings: Any) -> None:
    settings.RATE_LIMITS_ENABLED = False
    assert only(configuration_findings(), "rate limits").level is Level.WARNING


# --- database ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_database_is_described() -> None:
    findings = list(database_findings())
    assert only(findings, "database").level is Level.OK
    assert only(findings, "migrations").level is Level.OK
    assert only(findings, "servers").text == "running: none"


@pytest.mark.backend("sqlite")
@pytest.mark.django_db(transaction=True)
def test_sqlite_that_may_lose_messages_is_a_problem() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
    assert only(database_findings(), "durability").level is Level.PROBLEM


@pytest.mark.django_db(transaction=True)
def test_several_processes_without_redis_are_a_problem(settings: Any) -> None:
    now = timezone.now()
    for number in range(2):
        ServerNode.objects.create(name=f"n{number}", pid=number, version="1", started_at=now, seen_at=now)
    settings.REDIS_URL = ""
    assert only(database_findings(), "servers").level is Level.PROBLEM
    settings.REDIS_URL = "redis://127.0.0.1"
    assert only(database_findings(), "servers").text == "running: n0, n1"


@pytest.mark.django_db(transaction=True)
def test_server_seen_in_the_future_is_a_warning() -> None:
    later = timezone.now() + timedelta(minutes=5)
    ServerNode.objects.create(name="ahead", pid=1, version="1", started_at=later, seen_at=later)
    assert any(
        finding.level is Level.WARNING and "ahead" in finding.text for finding in found(database_findings(), "clock")
    )


@pytest.mark.live
def test_database_that_is_away_is_a_problem_with_its_reason(live_server_process: StartServer) -> None:
    env = {"DATABASE_URL": f"postgresql://ada:hunter2@127.0.0.1:{free_port()}/fair"}
    server = live_server_process(env, migrate=False, wait=False)
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    (finding,) = (found for found in json.loads(done.stdout)["findings"] if found["area"] == "database")
    assert finding["level"] == "problem"
    assert "Connection refused" in finding["text"]
    assert "hunter2" not in done.stdout
    # The server says the same in one line, and no more.
    assert server.process.popen.wait(30) == 1
    (line,) = server.log().splitlines()
    assert line.startswith("CommandError: The database does not answer: ")
    assert "Connection refused" in line


@pytest.mark.django_db(transaction=True)
def test_pending_migrations_are_a_problem() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'chat'")
    try:
        finding = only(database_findings(), "migrations")
    finally:
        call_command("migrate", "chat", "--fake", "--verbosity", "0")
    assert finding.level is Level.PROBLEM
    assert "manage.py migrate" in finding.advice


@pytest.mark.django_db(transaction=True)
@pytest.mark.backend("postgres")
@pytest.mark.parametrize(("seconds", "level"), [(0, Level.OK), (60, Level.WARNING)])
def test_clock_is_compared_with_the_databases(monkeypatch: pytest.MonkeyPatch, seconds: int, level: Level) -> None:
    later = timezone.now() + timedelta(seconds=seconds)
    monkeypatch.setattr("operations.diagnosis.database.timezone.now", lambda: later)
    assert only(database_findings(), "clock").level is level


# --- services ---------------------------------------------------------------------------------------------------


def test_redis_that_is_away_is_a_problem_and_hides_the_password(settings: Any) -> None:
    settings.REDIS_URL = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    finding = only(service_findings(), "redis")
    assert finding.level is Level.PROBLEM
    assert "hunter2" not in finding.text


def test_redis_names_its_version(settings: Any, redis_url: str) -> None:
    settings.REDIS_URL = redis_url
    assert only(service_findings(), "redis").text.startswith("version ")


def test_mail_server_that_is_away_is_a_problem(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    assert only(service_findings(), "e-mail").level is Level.PROBLEM


# --- machine ----------------------------------------------------------------------------------------------------


def test_folder_that_cannot_be_written_is_a_problem(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.DATA_DIR = tmp_path / "file" / "data"
    assert only(host_findings(), "data folder").level is Level.PROBLEM


@pytest.mark.parametrize(
    ("free_mb", "level"), [(50_000, Level.OK), (500, Level.WARNING), (50, Level.PROBLEM)], ids=["roomy", "low", "full"]
)
def test_disk_is_measured(settings: Any, tmp_path: Path, monkeypatch: Any, free_mb: int, level: Level) -> None:
    settings.DATA_DIR = tmp_path
    usage = shutil.disk_usage("/")._replace(free=free_mb * 2**20)
    monkeypatch.setattr("operations.diagnosis.host.shutil.disk_usage", lambda _: usage)
    assert only(host_findings(), "data folder").level is level


@pytest.mark.parametrize(
    ("hard", "level"), [(resource.RLIM_INFINITY, Level.OK), (65_536, Level.OK), (1024, Level.WARNING)]
)
def test_open_files_are_counted(monkeypatch: Any, hard: int, level: Level) -> None:
    monkeypatch.setattr("operations.diagnosis.host.resource.getrlimit", lambda _: (256, hard))
    finding = only(host_findings(), "open files")
    assert finding.level is level
    assert ("LimitNOFILE=65536" in finding.advice) == (level is Level.WARNING)


def test_empty_journal_is_fine(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path / "spool"
    assert only(host_findings(), "journal").level is Level.OK


def test_journal_that_cannot_be_written_is_a_problem(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    assert only(host_findings(), "journal").level is Level.PROBLEM


def test_journal_that_is_full_is_a_problem(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR, settings.SPOOL_MAX_BYTES = tmp_path, 1024
    (tmp_path / "web.journal").write_bytes(b"x" * 1000)
    assert only(host_findings(), "journal").level is Level.PROBLEM


def test_journal_without_room_on_the_disk_is_a_warning(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR, settings.SPOOL_MAX_BYTES = tmp_path, 10**18
    finding = only(host_findings(), "journal")
    assert finding.level is Level.WARNING
    assert "SPOOL_MAX_BYTES" in finding.advice


def test_journal_of_a_dead_server_is_told_from_a_living_one(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path
    spool = Spool(tmp_path, "web", 10_000)
    spool.open()
    spool.append([b"draft"])
    assert "owns them" in only(host_findings(), "journal").advice
    spool.close()
    assert "next server to start" in only(host_findings(), "journal").advice


def test_missing_static_files_are_a_problem(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path / "collected", [tmp_path / "static"]
    findings = list(host_findings())
    assert only(findings, "front end").level is Level.PROBLEM
    assert only(findings, "static files").level is Level.PROBLEM


def test_built_and_collected_files_are_fine(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path / "collected", [tmp_path / "static"]
    script = tmp_path / "static" / "dist" / "room.js"
    script.parent.mkdir(parents=True)
    script.write_text("")
    (tmp_path / "collected").mkdir()
    manifest = tmp_path / "collected" / "staticfiles.json"
    manifest.write_text("{}")
    assert {only(host_findings(), area).level for area in ("front end", "static files")} == {Level.OK}
    os.utime(manifest, (1, 1))
    assert only(host_findings(), "static files").level is Level.WARNING


# --- the command ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_doctor_prints_a_line_for_each_finding_and_fails_on_problems(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    output = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("doctor", stdout=output)
    assert end.value.code == 1
    assert "problem  static files" in output.getvalue()


@pytest.mark.django_db(transaction=True)
def test_doctor_speaks_json(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    output = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=output)
    answer = json.loads(output.getvalue())
    assert answer["status"] == "problem"
    assert {finding["area"] for finding in answer["findings"]} == {finding.area for finding in diagnose()}
