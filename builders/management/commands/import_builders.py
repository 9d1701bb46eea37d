"""`manage.py import_builders`: files into the directory, at once and with the progress shown."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from builders.importing import lease, runner
from builders.importing.rejects import errors_csv
from builders.models import ImportJob, ImportRow
from builders.services.imports import (
    commit_import,
    confirm_mapping,
    create_import,
    stage,
)
from realtime.errors import ClientError

State = ImportJob.State
Outcome = ImportRow.Outcome


class Command(BaseCommand):
    help = "Import builders from CSV, TSV, XLSX, ODS or JSON files. What has not changed since is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--source", default="", help="the name of the source; a known format has one of its own")
        parser.add_argument("--region", default="", help="country (ISO 3166) of phones in national form")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--json", action="store_true", help="print the numbers as JSON, for programs")
        parser.add_argument("--errors", type=Path, help="write the rows with errors to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        total: Counter[str] = Counter()
        rejected: list[str] = []
        for path in options["files"]:
            try:
                job = _import(path, options)
            except (ClientError, OSError) as error:
                raise CommandError(f"{path.name}: {error}") from error
            total["read"] += job.total
            total.update(job.counts)
            if options["errors"]:
                rejected += errors_csv(job)
            if options["dry_run"]:
                _forget(job)
        if options["errors"]:
            options["errors"].write_text("".join(rejected), encoding="utf-8")
        result = _result(total, time.monotonic() - started)
        self.stdout.write(json.dumps(result) if options["json"] else _sentence(result, options["dry_run"]))


def _import(path: Path, options: dict[str, Any]) -> ImportJob:
    job = _unfinished(path, options) or _new(path, options)
    if job.state == State.STAGING:
        _run(job, "reading")
    if job.state == State.STAGED and not options["dry_run"]:
        commit_import(actor=None, job=job, in_background=False)
    if job.state == State.COMMITTING:
        _run(job, "writing")
    if job.state == State.FAILED:
        _end(job)
        raise CommandError(f"{path.name}: {job.error_message}")
    expected = State.STAGED if options["dry_run"] else State.COMMITTED
    if job.state != expected:
        raise CommandError(f"{path.name}: the import is {job.get_state_display()}.")
    return job


def _new(path: Path, options: dict[str, Any]) -> ImportJob:
    with path.open("rb") as file:
        job = create_import(actor=None, file=file, name=path.name, source=options["source"], region=options["region"])
    confirm_mapping(actor=None, job=job)
    stage(job, in_background=False)
    return job


def _unfinished(path: Path, options: dict[str, Any]) -> ImportJob | None:
    """Return an import of this very file that was being read or written when its process died."""
    running = ImportJob.objects.filter(state__in=(State.STAGING, State.COMMITTING), created_by=None)
    if options["source"]:
        running = running.filter(source=options["source"])
    for job in running.filter(size=path.stat().st_size, region=options["region"].upper()):
        if lease.is_free(job) and job.sha256 == _digest(path):
            return job
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(job: ImportJob, what: str) -> None:
    with tqdm(total=job.total, desc=what, unit=" rows", disable=not sys.stderr.isatty()) as bar:
        advance: Callable[[int], object] = bar.update
        runner.run(job.pk, advance)
    job.refresh_from_db()


def _end(job: ImportJob) -> None:
    job.file.delete(save=False)


def _forget(job: ImportJob) -> None:
    job.file.delete(save=False)
    job.delete()


def _result(total: Counter[str], seconds: float) -> dict[str, Any]:
    return {
        "read": total["read"],
        "created": total[Outcome.CREATED],
        "updated": total[Outcome.UPDATED],
        "unchanged": total[Outcome.UNCHANGED],
        "duplicates": total[Outcome.DUPLICATE],
        # A builder that was changed between preview and commit waits for a person as well.
        "review": total[Outcome.REVIEW] + total[Outcome.CONFLICT],
        "errors": total[Outcome.ERROR],
        "seconds": round(seconds, 3),
    }


def _sentence(result: dict[str, Any], is_dry_run: bool) -> str:
    verb = "would be " if is_dry_run else ""
    return (
        f"{result['read']} rows read in {result['seconds']:.1f} s: {result['created']} builders {verb}created, "
        f"{result['updated']} {verb}updated, {result['unchanged']} unchanged, {result['duplicates']} come again, "
        f"{result['review']} to be looked at, {result['errors']} with errors."
    )
