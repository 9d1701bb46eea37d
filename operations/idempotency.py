"""`Idempotency-Key`: a creating request that is repeated is answered as before, and creates nothing twice."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from operations.models import IdempotencyKey
from realtime.errors import ClientError

_KEPT = dt.timedelta(days=1)


def answer_once(
    request: HttpRequest, create: Callable[[], tuple[int, dict[str, Any]]], *, content: bytes | None = None
) -> tuple[int, dict[str, Any]]:
    """Return status and body of `create()`, or of the first request that carried the same `Idempotency-Key`.

    Keys belong to the person. The creation and the key commit together: of two requests at once one creates, and the
    other, refused by the unique constraint, is undone and gets the first one's answer. Raises `idempotency_conflict`
    when the key came with another request before. `content` stands for the body of a form, which cannot be read again.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return create()
    if len(key) > 100:
        raise ClientError("invalid", "An Idempotency-Key has at most 100 characters.", field="Idempotency-Key")
    content = request.body if content is None else content
    fingerprint = hashlib.sha256(f"{request.method} {request.path}\n".encode() + content).hexdigest()
    known = _stored(request, key, fingerprint)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            status, body = create()
            IdempotencyKey.objects.create(
                user_id=_person(request), key=key, fingerprint=fingerprint, status=status, body=body
            )
            return status, body
    except IntegrityError:
        known = _stored(request, key, fingerprint)
        if known is None:
            raise
        return known


def sweep_keys() -> str:
    """Delete the keys that nobody repeats any more."""
    count, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - _KEPT).delete()
    return f"{count} keys deleted"


def _stored(request: HttpRequest, key: str, fingerprint: str) -> tuple[int, dict[str, Any]] | None:
    known = IdempotencyKey.objects.filter(user_id=_person(request), key=key).first()
    if known is None:
        return None
    if known.fingerprint != fingerprint:
        raise ClientError("idempotency_conflict", "This key was used for another request.", field="Idempotency-Key")
    return known.status, known.body


def _person(request: HttpRequest) -> int:
    if request.user.pk is None:
        raise ClientError("unauthenticated", "Take a name or log in first.")
    return request.user.pk
