"""Invented firms, as rows of a file and as a source that needs no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from builders.importing import lease, runner
from builders.importing.sharing import Crew
from builders.importing.staging import stage
from builders.models import Builder, ImportJob, Rank
from builders.record import Offering, Person, Place, Problem, Record
from builders.services import imports
from builders.services.snapshots import snapshot

CITIES = (
    ("DE", "Düsseldorf"),
    ("AT", "Graz"),
    ("FR", "Saint-Étienne"),
    ("ES", "A Coruña"),
    ("PL", "Łódź"),
    ("JP", "東京"),
)
HEADER = ["id", "Company Name", "Email", "Phone", "Website", "Street", "City", "Country", "Services", "Team Size"]


def cells(number: int, **changes: str) -> list[str]:
    """Return the row of an invented firm under `HEADER`; `changes` are named after the fields of `understood`."""
    country, city = CITIES[number % len(CITIES)]
    row = {
        "key": f"F-{number}",
        "name": f"Stände {number} & Söhne GmbH",
        "email": f"office@firm{number}.example",
        "phone": f"+4930{1000000 + number}",
        "website": f"https://www.firm{number}.example/",
        "street": f"Messeallee {number}",
        "city": city,
        "country": country,
        "services": "Modular stands; Graphics",
        "team": str(number % 50 + 1),
    }
    return list({**row, **changes}.values())


def understood(row: list[str]) -> Record:
    key, name, email, phone, website, street, city, country, services, team = row
    return Record(
        key=key,
        name=name,
        emails=[email] if email else [],
        phones=[phone] if phone else [],
        website=website,
        headquarters=Place(country=country, city=city, street=street),
        services=[Offering(name=text.strip()) for text in services.split(";") if text.strip()],
        people=[Person(name="Ada Weiß", role="Sales")],
        specialisations=["Double-deck"],
        team_min=int(team),
        team_max=int(team),
        rating=Decimal("4.5"),
        review_count=12,
    )


class Rows:
    """A source of rows as above. A row whose team is no number is an error; `reads` counts the rows that were read."""

    header = HEADER

    def __init__(self, rows: list[list[str]]) -> None:
        self._rows, self.total = rows, len(rows)
        self.superseded: dict[int, int] = {}
        self.reads = 0

    def rows(self, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        return (row for row in enumerate(self._rows, start=2) if row[0] > after)

    def read(self, row: list[str]) -> tuple[Record, list[Problem]]:
        self.reads += 1
        if not row[-1].isdigit():
            problem = Problem(column="Team Size", code="no_number", message="No number.", cell=row[-1], is_error=True)
            return Record(name=row[1]), [problem]
        return understood(row), []

    def fingerprint(self, row: list[str]) -> str:
        return hashlib.blake2b(json.dumps(row).encode(), digest_size=16).hexdigest()


def new_job(state: str = ImportJob.State.STAGING, **fields: Any) -> ImportJob:
    return ImportJob.objects.create(
        **{"source": "fair", "rank": Rank.REGISTER, "file_name": "f.csv", "state": state, **fields}
    )


def staged(rows: list[list[str]] | Rows, **fields: Any) -> ImportJob:
    """Return a job with a preview of the rows."""
    job = new_job(**fields)
    worker = lease.new_worker()
    claimed = lease.claim(job.pk, worker)
    assert claimed is not None
    with Crew() as crew:
        stage(claimed, rows if isinstance(rows, Rows) else Rows(rows), worker, crew)
    return claimed


def everything() -> dict[int, Any]:
    """Return the whole directory as values, without what a write and its undo leave behind on purpose: `rev`."""
    found = snapshot(Builder.objects.values_list("pk", flat=True))
    for plain in found.values():
        plain.pop("rev", None)
    return found


def write(job: ImportJob) -> ImportJob:
    """Write what the preview of the job shows."""
    imports.commit_import(actor=None, job=job, in_background=False)
    runner.run(job.pk)
    job.refresh_from_db()
    return job
