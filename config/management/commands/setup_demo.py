"""`manage.py setup_demo`: what a new installation needs before its first visitor, and something to look at."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts.models import User
from builders.services.demo import create_demo_builders, remove_demo_builders
from chat.services.listed import create_listed_rooms

STAFF_EMAIL = "organiser@example.org"


class Command(BaseCommand):
    help = "Make the six listed rooms and a first staff account, unless they exist, and print the staff log-in."

    def add_arguments(self, parser: CommandParser) -> None:
        builders = parser.add_mutually_exclusive_group()
        builders.add_argument(
            "--builders",
            nargs="?",
            const="now",
            choices=["now", "first-time"],
            help="fill an empty directory with invented firms; first-time: only beside the first staff account",
        )
        builders.add_argument("--remove-builders", action="store_true", help="delete the invented firms")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove_builders"]:
            self.stdout.write(f"{remove_demo_builders()} invented builders deleted.")
            return
        made = create_listed_rooms()
        if made:
            self.stdout.write(f"{made} listed rooms made.")
        is_wanted = options["builders"] == "now" or (
            options["builders"] and not User.objects.filter(is_staff=True).exists()
        )
        if is_wanted and (made := create_demo_builders()):
            self.stdout.write(f"{made} invented builders made, which `manage.py setup_demo --remove-builders` deletes.")
        # Beside the database: an ephemeral one must not overwrite the password of a lasting one.
        login = _staff_login(settings.STATE_DIR / "staff-login")
        self.stdout.write(f"Staff log-in: {login}\n              at {settings.PUBLIC_ORIGIN}/admin/")


def _staff_login(path: Path) -> str:
    """Return how staff log in, after making the first account if there is none."""
    if not User.objects.filter(is_staff=True).exists():
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(STAFF_EMAIL, password, display_name="Festival Office")
        _write_for_owner(path, f"{STAFF_EMAIL} {password}\n")
    if path.exists():
        email, password = path.read_text(encoding="utf-8").split()
        if _is_valid(email, password):
            return f"{email}  password: {password}"
        # The password is another one by now: the old one helps nobody.
        path.unlink()
    staff = [str(user.email) for user in User.objects.filter(is_staff=True, is_active=True).order_by("pk")[:3]]
    if not staff:
        return "all staff accounts are disabled. Make one: manage.py createsuperuser"
    return f"{', '.join(staff)}  with the password chosen. Forgotten: manage.py changepassword {staff[0]}"


def _write_for_owner(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _is_valid(email: str, password: str) -> bool:
    user = User.objects.filter(email=email, is_active=True).first()
    return user is not None and user.check_password(password)
