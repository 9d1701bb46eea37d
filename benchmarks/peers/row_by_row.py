"""The peer of B7: a file imported row by row through the ORM, as the admin extensions and most scripts do it.

Each row is looked up by its key, validated with `full_clean`, and saved with what belongs to it in a transaction of its
own. Nothing is previewed, compared, remembered for an undo or kept from being overwritten.
"""

from __future__ import annotations

import csv
import time
from itertools import islice
from pathlib import Path

from django.db import transaction

from builders.folding import fold, street_key
from builders.models import Builder, ContactPoint, Location, Service, SourceKey, Specialisation
from builders.places import city_key


def rows_per_second(path: Path, most: int, source: str = "row by row") -> float:
    """Import the first rows of a file and return the rate."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(islice(csv.DictReader(file), most))
    started = time.perf_counter()
    for row in rows:
        _import(row, source)
    return len(rows) / (time.perf_counter() - started)


@transaction.atomic
def _import(row: dict[str, str], source: str) -> None:
    key = SourceKey.objects.select_related("builder").filter(source=source, key=row["id"]).first()
    builder = key.builder if key is not None else Builder(slug=f"peer-{row['id']}")
    builder.name, builder.name_folded = row["companyName"], fold(row["companyName"])
    builder.website, builder.description = row["website"], row["description"]
    builder.founded = int(row["establishedYear"])
    builder.team_min, builder.team_max = map(int, row["teamSize"].split("-"))
    builder.full_clean()
    builder.save()
    if key is None:
        SourceKey.objects.create(builder=builder, source=source, key=row["id"])
    street, city = row["address"], row["city"]
    folded = {"city": city, "city_folded": city_key(city), "street": street, "street_folded": street_key(street)}
    Location.objects.update_or_create(
        builder=builder, is_headquarters=True, defaults={"country": row["country"], **folded}
    )
    for kind, value in (("email", row["primaryEmail"]), ("phone", row["phone"])):
        ContactPoint.objects.update_or_create(builder=builder, kind=kind, position=0, defaults={"value": value})
    builder.contact_people.get_or_create(name=row["contactPerson"])
    for name in row["services"].split("; "):
        Service.objects.get_or_create(builder=builder, name_folded=fold(name), defaults={"name": name})
    kinds = [
        Specialisation.objects.get_or_create(slug=fold(name), defaults={"name": name})[0]
        for name in row["specializations"].split("; ")
    ]
    builder.specialisations.set(kinds)
