"""`manage.py export_builders`: write the directory to a CSV or XLSX file, which `import_builders` reads back."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from builders.importing.export import csv_chunks, write_xlsx
from builders.models import Builder
from realtime.errors import ClientError


class Command(BaseCommand):
    help = "Write the builders to a CSV or XLSX file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write, .csv or .xlsx; it must not exist")
        parser.add_argument("--all", action="store_true", help="also those that are not listed: inactive or merged")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if path.exists():
            raise CommandError(f"{path} exists. Choose another name, or delete it.")
        builders = Builder.objects.all() if options["all"] else Builder.objects.listed()
        if path.suffix.lower() == ".xlsx":
            try:
                write_xlsx(builders, path)
            except ClientError as refusal:
                raise CommandError(refusal.message) from refusal
        elif path.suffix.lower() == ".csv":
            with path.open("xb") as file:
                file.writelines(csv_chunks(builders))
        else:
            raise CommandError("The file must end in .csv or .xlsx.")
        self.stdout.write(f"The directory was written to {path}.")
