"""Builders for staff and the systems they run: read, add, change, delete, one or many."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from builders.api.payloads import builder_payload, error_payload
from builders.api.rights import staff_of
from builders.models import Builder
from builders.permissions import can_see_builders
from builders.queries.staff import matching
from builders.services import bulk
from builders.services.builders import delete_builder, update_builder
from builders.services.stored import Key, load
from operations.idempotency import answer_once
from realtime.errors import ClientError, NotFound

router = Router(tags=["staff: builders"])

MOST_ROWS = 500
_MOST_OF_A_PAGE = 100


class KeyIn(Schema):
    source: str = Field(min_length=1, max_length=40)
    key: str = Field(min_length=1, max_length=200)


class BuilderIn(Schema):
    """`values` has the fields of a builder; see docs/http-api.md."""

    values: dict[str, Any]
    keys: list[KeyIn] = Field(default_factory=list)
    is_active: bool | None = None
    is_featured: bool | None = None
    allow_duplicate: bool = False


class BuilderChanges(Schema):
    """`rev` is the one that the change was thought up at; without it the builder is changed anyhow."""

    rev: int | None = None
    values: dict[str, Any] = Field(default_factory=dict)
    is_active: bool | None = None
    is_featured: bool | None = None


class RowIn(BuilderIn):
    op: Literal["add", "update", "delete"]
    values: dict[str, Any] = Field(default_factory=dict)
    uid: str = ""
    rev: int | None = None


class RowsIn(Schema):
    rows: list[RowIn] = Field(min_length=1, max_length=MOST_ROWS)


@router.get("/admin/builders", response=dict[str, Any], summary="Builders as staff see them, unlisted ones included")
def list_builders(request: HttpRequest, q: str = "", cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """Keyset pages: `cursor` is the uid of the last builder of the page before. `q` is as in the admin site."""
    if not can_see_builders(staff_of(request)):
        raise ClientError("forbidden", "You may not see this.")
    limit = max(1, min(limit, _MOST_OF_A_PAGE))
    found = matching(Builder.objects.filter(merged_into=None), q).order_by("pk")
    if cursor:
        found = found.filter(pk__gt=_pk_of(cursor))
    ids = list(found.values_list("pk", flat=True)[: limit + 1])
    builders = load(ids[:limit])
    items = [builder_payload(builders[pk]) for pk in ids[:limit] if pk in builders]
    return {"items": items, "next": items[-1]["uid"] if len(ids) > limit else None}


@router.post("/admin/builders", response={201: dict[str, Any]}, summary="Add a builder")
def add_builder(request: HttpRequest, body: BuilderIn) -> Status[dict[str, Any]]:
    person = staff_of(request)

    def create() -> tuple[int, dict[str, Any]]:
        made = bulk.add_builder(
            actor=person,
            values=body.values,
            keys=_keys(body),
            allow_duplicate=body.allow_duplicate,
            switches=_switches(body),
        )
        return 201, _payload(made)

    return Status(*answer_once(request, create))


@router.post("/admin/builders/bulk", response=dict[str, Any], summary="Add, change and delete many builders")
def change_builders(request: HttpRequest, body: RowsIn) -> Status[dict[str, Any]]:
    """Each row has a result of its own, in their order; one that is refused stops no other."""
    person = staff_of(request)

    def apply() -> tuple[int, dict[str, Any]]:
        results = bulk.apply_rows(actor=person, rows=[_row(row) for row in body.rows])
        pairs = zip(body.rows, results, strict=True)
        return 200, {"results": [_result(row, result) for row, result in pairs]}

    return Status(*answer_once(request, apply))


@router.patch("/admin/builders/{uid}", response=dict[str, Any], summary="Change a builder")
def change_builder(request: HttpRequest, uid: str, body: BuilderChanges) -> dict[str, Any]:
    """Fields that are null are emptied. What is changed here is locked: no import changes it any more."""
    person = staff_of(request)
    pk = _pk_of(uid)
    return _payload(
        update_builder(actor=person, builder=pk, values=body.values, expected_rev=body.rev, **_switches(body))
    )


@router.delete("/admin/builders/{uid}", response={204: None}, summary="Delete a builder for good")
def remove_builder(request: HttpRequest, uid: str, rev: int | None = None) -> Status[None]:
    delete_builder(actor=staff_of(request), builder=_pk_of(uid), expected_rev=rev)
    return Status(204, None)


def _pk_of(uid: str) -> int:
    pk = Builder.objects.filter(uid=uid).values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound("There is no such builder.")
    return pk


def _payload(builder: Builder) -> dict[str, Any]:
    return builder_payload(load([builder.pk])[builder.pk])


def _keys(body: BuilderIn) -> list[Key]:
    return [Key(source=key.source, key=key.key) for key in body.keys]


def _switches(body: BuilderIn | BuilderChanges) -> dict[str, bool]:
    switches = {"is_active": body.is_active, "is_featured": body.is_featured}
    return {name: on for name, on in switches.items() if on is not None}


def _row(row: RowIn) -> bulk.BulkRow:
    return bulk.BulkRow(
        op=row.op,
        uid=row.uid,
        rev=row.rev,
        values=row.values,
        keys=_keys(row),
        switches=_switches(row),
        allow_duplicate=row.allow_duplicate,
    )


def _result(row: RowIn, result: bulk.BulkResult) -> dict[str, Any]:
    if result.error is not None:
        return {"uid": row.uid or None, "rev": None, **error_payload(result.error)}
    status = {"add": 201, "update": 200, "delete": 204}[row.op]
    builder = result.builder
    return {"uid": builder.uid if builder else row.uid, "rev": builder.rev if builder else None, "status": status}
