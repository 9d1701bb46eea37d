"""Reads about sessions and the people behind them, made for sockets that ask in batches.

A log-in is a row of `accounts.models.Session`; these functions ask about many of them at once, so that the
number of statements does not grow with the number of sockets.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db.models import QuerySet
from django.db.models.expressions import BaseExpression
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Session, User


class Identity(msgspec.Struct, frozen=True, gc=False):
    """What a connection needs to know about its person. It is a copy: changes of the row do not reach it."""

    pk: int
    uid: str
    name: str
    is_guest: bool
    is_staff: bool


def identity_of(user: User) -> Identity:
    """Return the identity of a loaded user row."""
    return Identity(pk=user.pk, uid=user.uid, name=user.display_name, is_guest=user.is_guest, is_staff=user.is_staff)


def sessions_alive(keys: Collection[str]) -> set[str]:
    """Return those of `keys` whose session is still there, has not expired, and belongs to an active person.

    One statement. It does not look into the session data: changing a password deletes the person's other
    sessions (`accounts.services.end_sessions`), so the row itself tells.
    """
    return set(_living(keys).values_list("session_key", flat=True))


def sessions_of_people(keys: Collection[str], **annotations: BaseExpression) -> dict[str, Session]:
    """Return, by its key, each session that logs somebody in, with its user. One statement.

    The same checks as `django.contrib.auth.get_user`: known backend, active person, and the hash of the
    password in the session equal to that of the row, so that a session from before a password change is refused.
    `annotations` are read for each session in the same statement.
    """
    sessions = _living(keys).select_related("user").defer("user__last_login").annotate(**annotations)
    return {
        session.session_key: session
        for session in sessions
        if session.user is not None and _is_genuine(session, session.user)
    }


def _living(keys: Collection[str]) -> QuerySet[Session]:
    return Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now(), user__is_active=True)


def _is_genuine(session: Session, user: User) -> bool:
    # get_decoded() answers {} to data whose signature is wrong.
    data: dict[str, Any] = session.get_decoded()
    if data.get(SESSION_KEY) != str(user.pk):
        return False
    if data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    return _is_hash_of(user, data.get(HASH_SESSION_KEY, ""))


def _is_hash_of(user: User, stored: str) -> bool:
    if constant_time_compare(stored, user.get_session_auth_hash()):
        return True
    # Sessions made before SECRET_KEY was rotated stay good as long as the old key stands in SECRET_KEY_FALLBACKS.
    return any(constant_time_compare(stored, fallback) for fallback in user.get_session_auth_fallback_hash())
