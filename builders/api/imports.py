"""Imports for staff and the systems they run. The steps are those of the admin site, and so are their services."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_countries import countries
from ninja import Body, File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from accounts.models import User
from builders.api.payloads import import_payload, row_payload
from builders.api.rights import staff_of
from builders.importing import limits
from builders.importing.mapping import Proposal
from builders.importing.presets import BUILDERS
from builders.models import ImportJob, ImportRow
from builders.permissions import can_import
from builders.queries.imports import rows_of
from builders.services import imports
from builders.services.google_records import import_google_records
from operations.downloads import download
from operations.idempotency import answer_once
from realtime.errors import ClientError, NotFound

router = Router(tags=["staff: imports"])

_MOST_OF_A_PAGE = 100
_PIECE = 1 << 20
_LONGEST_SOURCE = 40


class ImportChanges(Schema):
    """`columns` says which field a column is, by its name in the file; "" leaves it out. See docs/http-api.md."""

    columns: dict[str, str] | None = None
    policy: dict[str, str] | None = None
    source: str = ""
    region: str | None = None
    rank: int | None = None


@router.post("/admin/imports", response={201: dict[str, Any]}, summary="Upload a file for import")
def upload(
    request: HttpRequest, file: File[UploadedFile], source: Form[str] = "", region: Form[str] = ""
) -> Status[dict[str, Any]]:
    """A form with the `file`. Where nothing has to be asked about its columns the preview is made at once."""
    person = _importer(request)
    _check_origin(source, region)
    if (file.size or 0) > limits.MAX_UPLOAD:
        raise ClientError("too_large", f"A file has at most {limits.MAX_UPLOAD >> 20} MB.", field="file")

    def create() -> tuple[int, dict[str, Any]]:
        job = imports.create_import(actor=person, file=file, name=file.name or "", source=source, region=region)
        return 201, _begun(job)

    return Status(*answer_once(request, create, content=_digest(file, source, region)))


@router.post("/admin/gmb-integration", response={201: dict[str, Any]}, summary="Send records of Google for import")
def send_google_records(
    request: HttpRequest, body: Body[dict[str, Any]], source: Query[str] = "", region: Query[str] = ""
) -> Status[dict[str, Any]]:
    """The body is an answer of the Places API, new or classic, or a listing made of one, as it came."""
    person = _importer(request)
    _check_origin(source, region)

    def create() -> tuple[int, dict[str, Any]]:
        job = import_google_records(actor=person, body=request.body, source=source, region=region)
        return 201, _begun(job)

    return Status(*answer_once(request, create))


@router.get("/admin/imports/{uid}", response=dict[str, Any], summary="How an import stands")
def get_import(request: HttpRequest, uid: str) -> dict[str, Any]:
    _, job = _job_of(request, uid)
    return import_payload(job, _open_proposal(job))


@router.patch("/admin/imports/{uid}", response={202: dict[str, Any]}, summary="Say what the columns are, and preview")
def change_import(request: HttpRequest, uid: str, body: ImportChanges) -> Status[dict[str, Any]]:
    person, job = _job_of(request, uid)
    _check_origin(body.source, body.region or "")
    imports.confirm_mapping(
        actor=person,
        job=job,
        mapping=None if body.columns is None else _mapping(job, body.columns),
        policy=body.policy,
        source=body.source,
        region=body.region,
        rank=_rank(body.rank),
    )
    imports.stage(job)
    return _accepted(job)


@router.get("/admin/imports/{uid}/rows", response=dict[str, Any], summary="What would become of each row")
def get_rows(request: HttpRequest, uid: str, outcome: str = "", cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """Keyset pages: `cursor` is the number of the last row of the page before."""
    _, job = _job_of(request, uid)
    if outcome not in ("", "problems", *ImportRow.Outcome.values):
        raise ClientError("invalid", "There is no such outcome.", field="outcome")
    after = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 16 else 0
    limit = max(1, min(limit, _MOST_OF_A_PAGE))
    rows = list(rows_of(job, outcome, after)[: limit + 1])
    items = [row_payload(row) for row in rows[:limit]]
    return {"items": items, "next": str(items[-1]["number"]) if len(rows) > limit else None}


@router.post("/admin/imports/{uid}/commit", response={202: dict[str, Any]}, summary="Write what the preview shows")
def commit(request: HttpRequest, uid: str) -> Status[dict[str, Any]]:
    person, job = _job_of(request, uid)
    imports.commit_import(actor=person, job=job)
    return _accepted(job)


@router.post("/admin/imports/{uid}/undo", response={202: dict[str, Any]}, summary="Take back what was written")
def undo(request: HttpRequest, uid: str) -> Status[dict[str, Any]]:
    person, job = _job_of(request, uid)
    imports.undo_import(actor=person, job=job)
    return _accepted(job)


@router.post("/admin/imports/{uid}/cancel", response={202: dict[str, Any]}, summary="Stop an import")
def cancel(request: HttpRequest, uid: str) -> Status[dict[str, Any]]:
    person, job = _job_of(request, uid)
    imports.cancel_import(actor=person, job=job)
    return _accepted(job)


@router.get("/admin/imports/{uid}/errors.csv", summary="The rows with errors, to be corrected and sent again")
def get_errors(request: HttpRequest, uid: str) -> HttpResponseBase:
    _, job = _job_of(request, uid)
    return download(request, imports.errors_of(job), name="errors.csv", content_type="text/csv; charset=utf-8")


def _importer(request: HttpRequest) -> User:
    person = staff_of(request)
    if not can_import(person):
        raise ClientError("forbidden", "You may not import.")
    return person


def _check_origin(source: str, region: str) -> None:
    if len(source) > _LONGEST_SOURCE:
        raise ClientError("invalid", f"A source has at most {_LONGEST_SOURCE} characters.", field="source")
    if region and region.upper() not in countries:
        raise ClientError("invalid", "A region is a country by its two letters, such as DE.", field="region")


def _job_of(request: HttpRequest, uid: str) -> tuple[User, ImportJob]:
    person = _importer(request)
    job = ImportJob.objects.filter(uid=uid).first()
    if job is None:
        raise NotFound("There is no such import.")
    return person, job


def _begun(job: ImportJob) -> dict[str, Any]:
    """Make the preview, unless somebody has to say first what a column is."""
    proposal = imports.proposal_of(job)
    if proposal is None or not _is_open(proposal):
        imports.stage(job)
        job.refresh_from_db()
    return import_payload(job, proposal)


def _is_open(proposal: Proposal) -> bool:
    if proposal.target != BUILDERS:
        # No answer makes builders of it: the preview says so.
        return False
    return not proposal.mapping().is_named or any(column.candidates for column in proposal.questions)


def _open_proposal(job: ImportJob) -> Proposal | None:
    return imports.proposal_of(job) if job.state == ImportJob.State.UPLOADED else None


def _mapping(job: ImportJob, columns: dict[str, str]) -> dict[str, Any]:
    """Return the mapping of the import with the given columns in it. Records of a known form have none."""
    proposal = imports.proposal_of(job)
    if proposal is None:
        raise ClientError("invalid", "These records have no columns to map.", field="columns")
    names = [column.header for column in proposal.columns]
    unknown = sorted(set(columns) - set(names))
    if unknown:
        raise ClientError("invalid", f"The file has no column {', '.join(unknown)}.", field="columns")
    fields = [columns.get(name, field) for name, field in zip(names, job.mapping["fields"], strict=True)]
    return {**job.mapping, "fields": fields}


def _rank(rank: int | None) -> int | None:
    # No file speaks with the word of staff or of the firm itself.
    if rank is not None and rank not in (10, 20, 30, 40):
        raise ClientError("invalid", "A rank is 10, 20, 30 or 40.", field="rank")
    return rank


def _accepted(job: ImportJob) -> Status[dict[str, Any]]:
    job.refresh_from_db()
    return Status(202, import_payload(job))


def _digest(file: UploadedFile, source: str, region: str) -> bytes:
    hasher = hashlib.sha256(f"{file.name}\n{source}\n{region}\n".encode())
    for piece in file.chunks(_PIECE):
        hasher.update(piece)
    file.seek(0)
    return hasher.digest()
