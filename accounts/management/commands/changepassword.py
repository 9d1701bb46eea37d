"""`manage.py changepassword EMAIL`: Django's own, which also logs the person out everywhere."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts import services
from accounts.models import User


class Command(changepassword.Command):
    help = "Give a member another password, and end their sessions."

    def handle(self, *args: Any, **options: Any) -> str | None:
        said: str | None = super().handle(*args, **options)
        # Without this, sockets would stay open: their periodic check looks for the session's row alone.
        user = User.objects.filter(email=options["username"]).first()
        if user is not None:
            services.end_sessions(user=user)
        return said
