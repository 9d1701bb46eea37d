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

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django_countries import countries
from tqdm import tqdm

from builders.importing import lease, runner
from builders.importing.errors import FileRefused
from builders.importing.files import backup_of, check_at_sight, safe_name
from builders.importing.mapping import Mapping, Proposal, left_open
from builders.importing.presets import BUILDERS
from builders.importing.rejects import errors_csv
from builders.importing.sharing import Crew
from builders.models import ImportJob, ImportRow
from builders.services.imports import (
    FileNotRead,
    commit_import,
    confirm_mapping,
    create_import,
    proposal_of,
    stage,
)
from realtime.errors import ClientError

State = ImportJob.State
Outcome = ImportRow.Outcome
_LONGEST_SOURCE = 40
_INTERRUPTED = 130
_NAMED_COLUMNS = 8


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
        _check(options)
        jobs: list[ImportJob] = []
        try:
            with Crew() as crew:
                for path in options["files"]:
                    jobs.append(self._imported(path, crew, options))
                    for remark in _remarks(jobs[-1]):
                        self.stderr.write(f"{safe_name(path.name)}: {remark}")
        finally:
            _close(jobs, options)
        total: Counter[str] = Counter()
        for job in jobs:
            total["read"] += job.total
            total.update(job.counts)
        result = _result(total, time.monotonic() - started)
        self.stdout.write(json.dumps(result) if options["json"] else _sentence(result, options["dry_run"]))

    def _imported(self, path: Path, crew: Crew, options: dict[str, Any]) -> ImportJob:
        name = safe_name(path.name or str(path.absolute()))
        try:
            return _import(path, crew, options)
        except (FileRefused, FileNotRead) as error:
            backup = backup_of(path, name)
            if backup is None:
                raise CommandError(f"{name}: {error}") from error
            self.stderr.write(f"{name}: {error} Its backup is read instead.")
            return self._imported(backup, crew, options)
        except (ClientError, OSError) as error:
            raise CommandError(f"{name}: {_said(error)}") from error
        except KeyboardInterrupt:
            message = f"{name}: stopped. The same command goes on behind the last rows that were written."
            raise CommandError(message, returncode=_INTERRUPTED) from None


def _check(options: dict[str, Any]) -> None:
    """Refuse before anything is read what could only fail at the end."""
    if len(options["source"]) > _LONGEST_SOURCE or not options["source"].isprintable():
        raise CommandError(f"A source is a name of at most {_LONGEST_SOURCE} characters.")
    if options["region"] and options["region"].upper() not in countries:
        raise CommandError("A region is a country by its two letters, such as DE.")
    errors: Path | None = options["errors"]
    if errors is None:
        return
    try:
        if any(path.exists() and errors.exists() and errors.samefile(path) for path in options["files"]):
            raise CommandError("The file for the errors is one of those to be imported, and would be overwritten.")
        with errors.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise CommandError(f"The errors cannot be written to {safe_name(errors.name)}: {_said(error)}.") from error


def _said(error: Exception) -> str:
    """Return what an error says to people, without number and path."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _import(path: Path, crew: Crew, options: dict[str, Any]) -> ImportJob:
    check_at_sight(path, path.name)
    job = _unfinished(path, options) or _new(path, options)
    if job.state == State.STAGING:
        _run(job, "reading", crew)
    if job.state == State.STAGED and not options["dry_run"]:
        _begin_to_write(job)
    if job.state == State.COMMITTING:
        _run(job, "writing", crew)
    if job.state == State.FAILED:
        _leave(job, options)
        raise CommandError(f"{job.file_name}: {job.error_message}")
    expected = State.STAGED if options["dry_run"] else State.COMMITTED
    if job.state in lease.RUNNING:
        raise CommandError(f"{job.file_name}: the import was not finished. The same command goes on with it.")
    if job.state != expected:
        raise CommandError(f"{job.file_name}: the import is {job.get_state_display()}.")
    return job


def _new(path: Path, options: dict[str, Any]) -> ImportJob:
    with path.open("rb") as file:
        job = create_import(actor=None, file=file, name=path.name, source=options["source"], region=options["region"])
    question = _question(job)
    if question:
        _forget(job)
        raise CommandError(f"{job.file_name}: {question}")
    confirm_mapping(actor=None, job=job)
    stage(job, in_background=False)
    return job


def _begin_to_write(job: ImportJob) -> None:
    try:
        commit_import(actor=None, job=job, in_background=False)
    except ClientError:
        # Another import is being written: nothing is left of this one, and the same command makes it anew.
        _forget(job)
        raise


def _question(job: ImportJob) -> str:
    """Return what has to be said before anything can be imported, "" where nothing has."""
    mapping = _mapping(job)
    if mapping is not None and mapping.target != BUILDERS:
        return f"This table holds {mapping.target}, and no builders."
    if mapping is None or mapping.is_named:
        return ""
    asked = _asked(proposal_of(job))
    return (
        "It is not known which column holds the names of the firms. "
        f"Call it “Company Name”, or choose it in the admin site{f': it may be {asked}' if asked else ''}."
    )


def _asked(proposal: Proposal | None) -> str:
    questions = proposal.questions if proposal is not None else []
    likely = [column for column in questions if "name" in column.candidates] or questions
    return ", ".join(f"“{column.header}”" for column in likely[:_NAMED_COLUMNS])


def _mapping(job: ImportJob) -> Mapping | None:
    return msgspec.convert(job.mapping, Mapping) if job.mapping else None


def _remarks(job: ImportJob) -> list[str]:
    """Return what a person should know of a file beside the numbers."""
    remarks = [note["message"] for note in job.layout.get("notes", [])]
    others = [sheet for sheet in job.layout.get("sheets", []) if sheet != job.layout.get("sheet")]
    if others:
        remarks.append(f"only the sheet “{job.layout.get('sheet')}” was read, of {len(others) + 1}.")
    repairs = [repair["column"] for repair in job.layout.get("repairs", [])]
    if repairs:
        remarks.append(f"text seems to have been misread before: {_listed(repairs)}. The admin site can repair it.")
    mapping = _mapping(job)
    unknown = left_open(job.header, mapping) if mapping is not None else []
    if unknown:
        remarks.append(f"left out, because it is not certain what they hold: {_listed(unknown)}.")
    return remarks


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_COLUMNS} more" if len(names) > _NAMED_COLUMNS else ""
    return ", ".join(f"“{name}”" for name in names[:_NAMED_COLUMNS]) + more


def _close(jobs: list[ImportJob], options: dict[str, Any]) -> None:
    if options["errors"]:
        try:
            with options["errors"].open("w", encoding="utf-8", newline="") as file:
                file.writelines(errors_csv(*jobs))
        except OSError as error:
            raise CommandError(f"The errors could not be written: {_said(error)}.") from error
    if options["dry_run"]:
        for job in jobs:
            _forget(job)


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


def _run(job: ImportJob, what: str, crew: Crew) -> None:
    with tqdm(total=job.total, desc=what, unit=" rows", disable=not sys.stderr.isatty()) as bar:
        advance: Callable[[int], object] = bar.update
        runner.run(job.pk, advance, crew)
    job.refresh_from_db()


def _leave(job: ImportJob, options: dict[str, Any]) -> None:
    """Keep of an import that failed what it says, without its file; of a trial, nothing."""
    if options["dry_run"]:
        _forget(job)
    else:
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
