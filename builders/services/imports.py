"""Imports as staff see them: a file arrives, its columns are confirmed, it is looked at, written, and taken back.

These services check, note what is to be done, and return; `builders.importing.runner` does it. `in_background=False`
leaves the running to the caller, who has a terminal to show progress on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec
from django.core.files import File
from django.db import IntegrityError, transaction

from accounts.models import User
from builders.comparing import FIELDS, POLICIES
from builders.importing import google, runner
from builders.importing.errors import FileRefused
from builders.importing.files import open_table, safe_name
from builders.importing.json_shapes import LISTING, PLACES_CLASSIC, PLACES_NEW
from builders.importing.layout import Layout
from builders.importing.mapping import Proposal, propose
from builders.importing.rejects import errors_csv
from builders.importing.tables import Table
from builders.importing.values import Reader
from builders.models import Builder, ImportChange, ImportJob, ImportRow, Rank
from builders.permissions import can_import
from builders.record import Record
from builders.services.provenance import difference
from builders.services.stored import frozen, load
from operations.activity import record
from realtime.errors import ClientError

State = ImportJob.State
Outcome = ImportRow.Outcome
_GOOGLE = (PLACES_NEW, PLACES_CLASSIC, LISTING)
_COPIED_AT_ONCE = 1 << 20


class FileNotRead(ClientError):
    """`reason` is the code of the `FileRefused` behind it."""

    def __init__(self, error: FileRefused) -> None:
        super().__init__("invalid", error.message, field="file")
        self.reason = error.code


def create_import(
    *, actor: User | None, file: IO[bytes], name: str, source: str = "", region: str = "", layout: Layout | None = None
) -> ImportJob:
    """Keep a file and find out what it is. The job has a mapping, as far as nothing has to be asked: see `proposal_of`.

    Raises `FileNotRead` where it is no table; then nothing is kept.
    """
    _require_right(actor)
    job = ImportJob(file_name=safe_name(name), region=region.upper(), created_by=actor)
    job.file.save(job.file_name, File(file), save=False)
    try:
        _describe(job, source, layout or Layout())
        with transaction.atomic():
            job.save()
            record(
                "builders.import.created", actor=actor, target=job.uid, data={"source": job.source, "size": job.size}
            )
    except FileRefused as error:
        job.file.delete(save=False)
        raise FileNotRead(error) from error
    except BaseException:
        job.file.delete(save=False)
        raise
    return job


def _describe(job: ImportJob, source: str, layout: Layout) -> None:
    job.sha256, job.size = _digest(Path(job.file.path))
    with open_table(Path(job.file.path), job.file_name, layout=layout) as table:
        job.layout, job.total = msgspec.to_builtins(table.layout), table.total
        proposal = _proposal(table)
    if proposal is None:
        job.source = source or (google.SOURCE if table.layout.shape in _GOOGLE else "legacy")
        job.rank = Rank.OPEN_DATA if table.layout.shape in _GOOGLE else Rank.REGISTER
    else:
        job.source, job.rank = source or proposal.source, proposal.rank
        job.mapping = msgspec.to_builtins(proposal.mapping())


def _digest(path: Path) -> tuple[str, int]:
    hasher, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_COPIED_AT_ONCE):
            hasher.update(block)
            size += len(block)
    return hasher.hexdigest(), size


def proposal_of(job: ImportJob) -> Proposal | None:
    """Return what the columns of the file seem to be; None for records of a known format, which have no columns.

    Raises `FileNotRead` where the file is no longer what it was.
    """
    with _opened(job) as table:
        return _proposal(table)


def errors_of(job: ImportJob) -> Iterator[str]:
    """Yield the rows with errors as the lines of a CSV file. Raises `FileNotRead` as `proposal_of` does."""
    try:
        yield from errors_csv(job)
    except FileRefused as error:
        raise FileNotRead(error) from error


@contextmanager
def _opened(job: ImportJob) -> Iterator[Table]:
    if not job.file:
        raise FileNotRead(FileRefused("missing", "The file of this import has been removed."))
    try:
        with open_table(Path(job.file.path), job.file_name, layout=msgspec.convert(job.layout, Layout)) as table:
            yield table
    except FileRefused as error:
        raise FileNotRead(error) from error


def _proposal(table: Table) -> Proposal | None:
    return None if table.kind == "records" else propose(table.header, table.sample())


@transaction.atomic
def confirm_mapping(
    *,
    actor: User | None,
    job: ImportJob,
    mapping: Mapping[str, Any] | None = None,
    policy: Mapping[str, str] | None = None,
    rank: int | None = None,
    source: str = "",
    region: str | None = None,
) -> None:
    """Say which column is which, and what happens to fields that have a value. What is None or "" stays as it is."""
    _require_right(actor)
    _require_state(job, State.UPLOADED, State.STAGED, State.FAILED)
    wrong = {f"{name}: {what}" for name, what in (policy or {}).items() if name not in FIELDS or what not in POLICIES}
    if wrong:
        raise ClientError("invalid", f"There is no such policy: {', '.join(sorted(wrong))}.", field="policy")
    if mapping is not None:
        _check_mapping(job, mapping)
        job.mapping = dict(mapping)
    job.policy = job.policy if policy is None else dict(policy)
    job.rank = job.rank if rank is None else Rank(rank)
    job.source, job.region = source or job.source, job.region if region is None else region.upper()
    job.state = State.UPLOADED
    job.save(update_fields=["mapping", "policy", "rank", "source", "region", "state"])
    record("builders.import.mapped", actor=actor, target=job.uid)


@transaction.atomic
def change_layout(*, actor: User | None, job: ImportJob, layout: Layout) -> None:
    """Read the file in another way, such as another sheet or encoding; its columns are proposed anew.

    Raises `FileNotRead` where it is no table that way; then everything stays as it was.
    """
    _require_right(actor)
    _require_state(job, State.UPLOADED, State.STAGED, State.FAILED)
    try:
        _describe(job, job.source, layout)
    except FileRefused as error:
        raise FileNotRead(error) from error
    job.state, job.staged_at = State.UPLOADED, None
    job.save(update_fields=["layout", "total", "mapping", "source", "rank", "state", "staged_at", "sha256", "size"])
    record("builders.import.relaid", actor=actor, target=job.uid)


def _check_mapping(job: ImportJob, mapping: Mapping[str, Any]) -> None:
    with _opened(job) as table:
        if table.kind == "records":
            return
        try:
            Reader(dict(mapping), table.header, job.region)
        except ValueError as error:  # msgspec's errors are some, too
            raise ClientError("invalid", str(error), field="mapping") from error


@transaction.atomic
def stage(job: ImportJob, *, in_background: bool = True) -> None:
    """Read the file into a preview."""
    _require_state(job, State.UPLOADED, State.STAGED, State.FAILED)
    if ImportChange.objects.filter(job=job, is_undone=False).exists():
        raise ClientError("conflict", "A part of this import is written: undo it first.")
    _begin(job, State.STAGING, in_background=in_background)


@transaction.atomic
def commit_import(*, actor: User | None, job: ImportJob, in_background: bool = True) -> None:
    """Write what the preview shows. Again after a row was decided on: what is written stays as it is."""
    _require_right(actor)
    _require_state(job, State.STAGED, State.COMMITTED)
    _begin(job, State.COMMITTING, in_background=in_background)
    record("builders.import.committed", actor=actor, target=job.uid, data={"source": job.source})


@transaction.atomic
def undo_import(*, actor: User | None, job: ImportJob, in_background: bool = True) -> None:
    """Take back what the import has written, but for builders that were written since."""
    _require_right(actor)
    _require_state(job, State.COMMITTED, State.FAILED)
    _begin(job, State.UNDOING, in_background=in_background)
    record("builders.import.undone", actor=actor, target=job.uid, data={"source": job.source})


@transaction.atomic
def cancel_import(*, actor: User | None, job: ImportJob) -> None:
    """Stop an import, after the chunk it is at. What it has written by then is taken back."""
    _require_right(actor)
    states = (State.UPLOADED, State.STAGING, State.STAGED, State.COMMITTING)
    _require_state(job, *states)
    job.wants_cancel = True
    if job.state in (State.UPLOADED, State.STAGED):
        # A second commit would go through otherwise, of which the first part cannot be cancelled any more.
        job.state = State.CANCELLED
    job.save(update_fields=["wants_cancel", "state"])
    record("builders.import.cancelled", actor=actor, target=job.uid)


@transaction.atomic
def decide_row(*, actor: User | None, job: ImportJob, number: int, builder: Builder | None) -> ImportRow:
    """Say of a row that waits for a person which builder it is, or, with None, that it is a new one.

    The next `commit_import` writes it.
    """
    _require_right(actor)
    _require_state(job, State.STAGED, State.COMMITTED)
    row = ImportRow.objects.select_for_update().get(job=job, number=number)
    if row.outcome not in (Outcome.REVIEW, Outcome.CONFLICT):
        raise ClientError("conflict", "This row does not wait for a decision.")
    was = row.outcome
    row.outcome, row.builder, row.reason, row.difference = Outcome.CREATED, builder, "decided by hand", {}
    if builder is not None:
        [there] = load([builder.pk]).values()
        row.difference = difference(there, msgspec.convert(row.values, Record), job.rank, job.policy)
        row.outcome = Outcome.UPDATED if row.difference else Outcome.UNCHANGED
        row.builder_rev, row.before = there.rev, msgspec.json.decode(frozen(there))
    # Rows that the preview was sure of are written by the first commit, whoever decided on what before it.
    row.is_decided = job.committed_at is not None
    row.save(update_fields=["outcome", "builder", "builder_rev", "reason", "difference", "before", "is_decided"])
    record("builders.import.row_decided", actor=actor, target=job.uid, data={"row": number, "outcome": row.outcome})
    job.counts = {**job.counts, was: job.counts.get(was, 1) - 1, row.outcome: job.counts.get(row.outcome, 0) + 1}
    job.save(update_fields=["counts"])
    return row


def _begin(job: ImportJob, state: State, *, in_background: bool) -> None:
    job.state, job.progress, job.wants_cancel = state, 0, False
    job.error_code = job.error_message = ""
    try:
        with transaction.atomic():
            fields = ["state", "progress", "wants_cancel", "error_code", "error_message"]
            job.save(update_fields=fields)
    except IntegrityError:
        raise ClientError("conflict", "Another import is being written. Try again when it is through.") from None
    if in_background:
        transaction.on_commit(partial(runner.start, job.pk))


def _require_right(actor: User | None) -> None:
    if not can_import(actor):
        raise ClientError("forbidden", "You may not import.")


def _require_state(job: ImportJob, *states: str) -> None:
    """Lock the job and see what it is at. What the caller has read before may be old."""
    present = ImportJob.objects.select_for_update().get(pk=job.pk)
    job.refresh_from_db()
    if present.state not in states:
        raise ClientError("conflict", f"This import is {present.get_state_display().lower()}.")
