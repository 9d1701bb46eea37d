"""`manage.py look_up_builders`: ask Google Places for builders, and write a file that `import_builders` reads."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from builders.importing import live_lookup
from realtime.errors import ClientError


class Command(BaseCommand):
    help = "Search Google Places with the operator's own key (PLACES_API_KEY) and write the places to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query", help='what to look for, such as "exhibition stand builder Berlin"')
        parser.add_argument("--out", type=Path, required=True, help="the JSON file to write; it must not exist")
        parser.add_argument("--region", default="", help="country code that results lean towards, such as DE")
        parser.add_argument("--language", default="en", help="language of names and addresses (en)")
        parser.add_argument("--limit", type=int, default=live_lookup.MOST_PLACES, help="the most places to take (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        # Before anything is asked and paid for.
        if out.exists():
            raise CommandError(f"{out} exists. Choose another name, or delete it.")
        try:
            places = live_lookup.search_places(
                actor=None,
                query=options["query"],
                region=options["region"],
                language=options["language"],
                limit=options["limit"],
            )
        except ClientError as refusal:
            raise CommandError(refusal.message) from refusal
        out.write_bytes(live_lookup.as_upload(places))
        self.stdout.write(f"{len(places)} places written to {out}. {live_lookup.requests_left()} requests left today.")
