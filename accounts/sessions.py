"""The session engine: Django's database sessions, with the user in a column (see `accounts.models.Session`)."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.utils import timezone

from accounts.models import Session


class SessionStore(DatabaseSessionStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = cast(Session, super().create_model_instance(data))
        session.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return session


def sweep_sessions() -> str:
    """Delete the expired sessions."""
    count, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return f"{count} expired sessions deleted"
