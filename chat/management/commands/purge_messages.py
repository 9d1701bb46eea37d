"""`manage.py purge_messages`: what the hourly job does, now, or only counted."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chat.services.retention import purge_expired


class Command(BaseCommand):
    help = "Delete the messages that are older than their room keeps them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = "would be deleted" if options["dry_run"] else "deleted"
        purged = purge_expired(is_dry_run=options["dry_run"])
        for room in purged:
            self.stdout.write(f"{room.name} ({room.room}): {room.messages} messages {verb}")
        self.stdout.write(f"{sum(room.messages for room in purged)} messages {verb}.")
