"""`manage.py setup_demo`: what a new installation needs before its first visitor."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import User
from chat.services.listed import create_listed_rooms

STAFF_EMAIL = "organiser@example.org"


class Command(BaseCommand):
    help = "Make the six listed rooms and a first staff account, unless they exist, and print the staff log-in."

    def handle(self, *args: Any, **options: Any) -> None:
        made = create_listed_rooms()
        if made:
            self.stdout.write(f"{made} listed rooms made.")
        self.stdout.write(self._staff_login(settings.DATA_DIR / "staff-login"))

    def _staff_login(self, path: Path) -> str:
        if not User.objects.filter(is_staff=True).exists():
            password = secrets.token_urlsafe(12)
            User.objects.create_superuser(STAFF_EMAIL, password, display_name="Festival Office")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(f"{STAFF_EMAIL} {password}\n", encoding="utf-8")
        if not path.exists():
            return "Staff log-in: an account exists already; use its password."
        email, password = path.read_text(encoding="utf-8").split()
        if not _is_valid(email, password):
            path.unlink()
            return "Staff log-in: the first password has been changed; use the new one."
        return f"Staff log-in: {email}  password: {password}"


def _is_valid(email: str, password: str) -> bool:
    user = User.objects.filter(email=email, is_active=True).first()
    return user is not None and user.check_password(password)
