"""Builders and imports as the staff's part of the API shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from builders.comparing import FIELDS, plain, said
from builders.importing.mapping import Proposal
from builders.models import ImportJob
from builders.queries.imports import progress_of
from builders.services.stored import Stored
from realtime.errors import ClientError


def builder_payload(builder: Stored) -> dict[str, Any]:
    """Return a builder; `values` has the names and forms in which they are written."""
    values = {field.name: said(builder.record, field) for field in FIELDS.values()}
    return {
        "uid": builder.uid,
        "slug": builder.slug,
        "rev": builder.rev,
        "is_active": builder.is_active,
        "is_featured": builder.is_featured,
        "claim_state": builder.claim_state,
        "values": {name: plain(value) for name, value in values.items() if value is not None},
        "provenance": builder.provenance,
        "locked_fields": builder.locked_fields,
        "keys": [{"source": key.source, "key": key.key} for key in builder.keys],
        "created_at": _time(builder.created_at),
        "updated_at": _time(builder.updated_at),
    }


def import_payload(job: ImportJob, proposal: Proposal | None = None) -> dict[str, Any]:
    progress = progress_of(job)
    return {
        "uid": job.uid,
        "state": job.state,
        "is_running": progress.is_running,
        "percent": progress.percent,
        "line": progress.line,
        "file": job.file_name,
        "size": job.size,
        "source": job.source,
        "rank": job.rank,
        "region": job.region,
        "policy": job.policy,
        "total": job.total,
        "counts": job.counts,
        "columns": [] if proposal is None else [_column(column, job) for column in proposal.columns],
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
        "created_at": _time(job.created_at),
        "staged_at": _time(job.staged_at),
        "committed_at": _time(job.committed_at),
        "undone_at": _time(job.undone_at),
    }


def row_payload(row: Any) -> dict[str, Any]:
    """Return a row of `queries.imports.rows_of`."""
    return {
        "number": row.number,
        "outcome": row.outcome,
        "reason": row.reason,
        "builder": row.builder.uid if row.builder is not None else None,
        "values": row.values,
        "difference": row.difference,
        "problems": row.problems,
        "is_written": row.is_written,
    }


def error_payload(error: ClientError) -> dict[str, Any]:
    """Return a refusal of one of many, as the problem of a whole request has it."""
    errors = [{"pointer": f"/{error.field}", "code": error.code, "detail": error.message}] if error.field else []
    return {"status": error.status, "code": error.code, "detail": error.message, "errors": errors}


def _column(column: Any, job: ImportJob) -> dict[str, Any]:
    fields = job.mapping.get("fields") or []
    plain_column: dict[str, Any] = msgspec.to_builtins(column)
    # What was confirmed meanwhile counts, and no longer what was proposed.
    return plain_column | ({"field": fields[column.index]} if column.index < len(fields) else {})


def _time(at: Any) -> str | None:
    return at.isoformat(timespec="milliseconds") if at is not None else None
