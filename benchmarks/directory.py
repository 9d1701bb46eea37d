"""The directory at its full size, `python -m benchmarks.directory`: 200 searches, each with its list and its counts.

Invented firms are written by the services of imports. Then a mix of searches, as people make them, is run against the
queries and against whole pages.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import subjects
from benchmarks.processes import ROOT

if TYPE_CHECKING:
    from builders.queries.directory import Filters

SEARCHES = 200
_CHUNK = 2_000
CITIES = """
    DE:Berlin,Düsseldorf,München,Köln,Hamburg,Frankfurt,Hannover,Leipzig,Nürnberg,Stuttgart AT:Wien,Graz,Linz,Salzburg
    CH:Zürich,Basel,Genève FR:Paris,Lyon,Lille,Nantes,Bordeaux IT:Milano,Bologna,Roma,Torino,Verona
    ES:Madrid,Barcelona,Valencia,Sevilla GB:London,Birmingham,Manchester NL:Amsterdam,Utrecht,Rotterdam BE:Brussel,Gent
    PL:Warszawa,Poznań,Łódź,Kraków CZ:Praha,Brno TR:İstanbul,İzmir,Ankara US:Chicago,Orlando,Atlanta,Boston,Dallas
    CN:上海,北京,深圳 JP:東京,大阪 AE:دبي,أبوظبي OM:Muscat RO:București,Cluj SE:Stockholm,Malmö DK:København PT:Porto
""".split()
NAMES = """
    Messe Stand Expo Bau Design Form Raum Licht Werk Atelier Studio Forum Kranz Müller Weber Rossi Dubois García Novák
    Jansen Møller Öztürk Nordlicht Sterne Forma Linea Scena Arena Modul System Aero Delta Omega Vista Prisma Polar
""".split()
TRADES = (
    "Messebau GmbH|Exhibitions Ltd|Stand Construction|Allestimenti SRL|Stands SAS|Expo Group|展示装飾|للمعارض".split(
        "|"
    )
)
SPECIALISATIONS = "Double-deck,Medical,Automotive,Food,Pharma,Sustainable,Outdoor,Roadshow,Retail,Museum".split(",")
WORDS = [f"{first}{second}" for first in "ka lo mi ne pu ra so ta vi zu".split() for second in NAMES]


def records(count: int) -> Iterator[Any]:
    """Yield invented firms, the same ones every time; half of them sit in five of the countries."""
    from builders.models import Service
    from builders.record import Offering, Place, Record

    dice = random.Random(7)
    places = [(line[:2], city) for line in CITIES for city in line[3:].split(",")]
    weights = [1 / (rank + 3) for rank in range(len(places))]
    categories = Service.Category.values
    for number in range(count):
        here, *there = dice.choices(places, weights, k=1 + dice.randrange(3))
        votes = dice.randrange(400)
        yield Record(
            name=f"{dice.choice(NAMES)}{dice.choice(NAMES).lower()} {number % 9973} {dice.choice(TRADES)}",
            description=" ".join(dice.choices(WORDS, k=40)),
            headquarters=Place(country=here[0], city=here[1], street=f"Messeallee {number % 300}"),
            service_places=[Place(country=country, city=city) for country, city in set(there) - {here}],
            services=[
                Offering(name=category.title(), category=category)
                for category in dice.sample(categories, 1 + dice.randrange(5))
            ],
            specialisations=dice.sample(SPECIALISATIONS, dice.randrange(4)),
            languages=["en", *dice.sample("de fr it es nl pl tr".split(), dice.randrange(4))],
            rating=Decimal(dice.randrange(25, 51)) / 10 if votes > 150 else None,
            review_count=votes if votes > 150 else None,
            is_verified=dice.random() < 0.2,
            stand_min_m2=dice.choice([None, 9, 20, 60]),
            stand_max_m2=dice.choice([100, 200, 1000]),
        )


def searches() -> list[Filters]:
    """Return what people look for: names, a trade in a city, places with and without filters, and words of many."""
    from builders.places import city_key
    from builders.queries.directory import Filters

    dice = random.Random(11)
    places = [(line[:2], city) for line in CITIES for city in line[3:].split(",")]
    found = []
    for number in range(SEARCHES):
        country, city = dice.choice(places)
        word = f"{dice.choice(NAMES)}{dice.choice(NAMES).lower()}"
        found.append(
            (
                Filters(q=word[: 5 + number % 9]),
                Filters(q=f"{word} {city}"),
                Filters(q=f"{number * 37 % 9973}"),
                Filters(q=dice.choice(WORDS), country=country),
                Filters(country=country, city=city_key(city), page=1 + number % 4),
                Filters(country=country, city=city_key(city), service=dice.choice(["design", "rental", "graphics"])),
                Filters(country=country, verified=number % 2 == 0, sort=dice.choice(["best", "rating"])),
                Filters(country=country, min_rating=Decimal(4), language=dice.choice(["de", "en", ""])),
                Filters(q="messebau" if number % 20 else "gmbh", country=country),
                Filters(service=dice.choice(["design", "modular"]), page=1 + number % 3),
            )[number % 10]
        )
    return found


def fill(count: int) -> float:
    """Write the firms; return the seconds that it took."""
    import datetime as dt

    from django.db import connection, transaction

    from builders.services.slugs import give_slugs
    from builders.services.stored import Stored
    from builders.services.writing import insert
    from realtime.ids import new_uid

    started, now, waiting = time.monotonic(), dt.datetime.now(dt.UTC), []
    for number, record in enumerate(records(count), start=1):
        waiting.append(Stored(record=record, uid=new_uid(), created_at=now, updated_at=now))
        if len(waiting) == _CHUNK or number == count:
            with transaction.atomic():
                give_slugs(waiting)
                insert(waiting)
            waiting = []
    with connection.cursor() as cursor:
        # What autovacuum does within a minute after an import.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return time.monotonic() - started


def measure(run: Callable[[Filters], object]) -> dict[str, Any]:
    """Return what the searches take, in milliseconds, the second time: the first one warms the database."""
    from builders.addresses import address
    from builders.queries.catalogue import catalogue

    for _ in range(2):
        # What words have found is to be asked for again.
        catalogue()._found.clear()
        taken = []
        for filters in searches():
            started = time.perf_counter()
            run(filters)
            taken.append((time.perf_counter() - started) * 1000)
    ordered = sorted(taken)
    slowest = max(range(SEARCHES), key=taken.__getitem__)
    return {
        "p50 ms": round(ordered[SEARCHES // 2], 1),
        "p95 ms": round(ordered[int(SEARCHES * 0.95)], 1),
        "max ms": round(ordered[-1], 1),
        "slowest": address(searches()[slowest]),
    }


def look(filters: Filters) -> None:
    """Read the list and the counts of a page."""
    from builders.queries.directory import Selection

    selection = Selection(filters)
    selection.page()
    selection.facets()


def child(count: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.conf import settings
    from django.test import Client

    from builders.addresses import address
    from builders.queries.catalogue import catalogue

    result: dict[str, Any] = {"builders": count, "filled in s": round(fill(count), 1)}
    memory, started = _megabytes(), time.perf_counter()
    catalogue()
    result["catalogue made in s"] = round(time.perf_counter() - started, 2)
    result["catalogue MB"] = round(_megabytes() - memory)
    client = Client(headers={"host": settings.PUBLIC_ORIGIN.partition("://")[2]})
    result["list and counts"] = measure(look)
    result["whole pages"] = measure(lambda filters: client.get(address(filters)))
    return result


def _megabytes() -> float:
    """Return how much memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1024 / 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.directory", description=__doc__)
    parser.add_argument("--builders", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.stdout.write(json.dumps(child(options.builders)) + "\n")
        return 0
    with ExitStack() as stack:
        folder = stack.enter_context(subjects.folder("directory"))
        url = stack.enter_context(subjects.throw_away_postgres(1)) if options.database == "postgresql" else ""
        env = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": url, "SECRET_KEY": "x" * 60, "LOG_LEVEL": "ERROR"}
        env["DJANGO_SETTINGS_MODULE"] = "config.settings"
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True)
        command = [sys.executable, "-m", "benchmarks.directory", "--child", "--builders", str(options.builders)]
        done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    sys.stdout.write(json.dumps(json.loads(done.stdout.splitlines()[-1]), indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
