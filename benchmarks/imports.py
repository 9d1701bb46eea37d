"""B7, `python -m benchmarks.imports`: a file of builders into a directory that holds as many already.

Three runs of the product's own command, each in a process of its own, so that its memory is its own: a first file
fills an empty directory; a second one of the same size, half of it builders that are there and have changed and half
new ones, is the measurement; and the second one again, unchanged. Behind them the peer imports a part of the second
file into the same directory, row by row.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import subjects
from benchmarks.processes import ROOT

HEADER = """
    id,companyName,contactPerson,primaryEmail,phone,website,address,city,country,services,establishedYear,teamSize,
    specializations,description
""".replace("\n", "").replace(" ", "")
CITIES = """
    Berlin,DE,+4930 Düsseldorf,DE,+49211 München,DE,+4989 Wien,AT,+431 Graz,AT,+43316 Paris,FR,+3314 Lyon,FR,+3347
    Milano,IT,+39023 Madrid,ES,+3491 Amsterdam,NL,+3120 London,GB,+44207 Łódź,PL,+4842
""".split()
WORDS = "Messe Stand Expo Bau Design Form Raum Licht Werk Atelier Studio Forum".split()
PEER_ROWS = 500
SERVICES = ("Stand construction", "Modular stands", "Graphics", "Logistics", "Installation and dismantling", "Rental")


def firm(number: int, edition: int) -> list[str]:
    """Return the row of an invented firm. Another edition has another telephone, team and description."""
    city, country, area = CITIES[number % len(CITIES)].split(",")
    name = f"{WORDS[number % 12]}{WORDS[number // 12 % 12].lower()} {number} GmbH"
    return [
        f"firm-{number}",
        name,
        f"Robin Beispiel {number % 977}",
        f"office@firm-{number}.example.com",
        f"{area} {2_000_000 + (number * 7 + edition * 13) % 7_000_000}",
        f"https://www.firm-{number}.com/",
        f"Messeallee {number % 300}",
        city,
        country,
        "; ".join(SERVICES[number % 3 : number % 3 + 3]),
        str(1950 + number % 70),
        f"{5 + edition}-{50 + number % 50}",
        "Double-deck; Medical" if number % 2 else "Automotive",
        f"We build stands in {city} and anywhere else, edition {edition}, with our own workshop and store.",
    ]


def write_file(path: Path, numbers: Iterator[tuple[int, int]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        writer.writerows(firm(number, edition) for number, edition in numbers)
    return path


def child(path: Path, profile: Path | None) -> dict[str, Any]:
    """Import one file in this process; return what the command prints, how long each step took, and the memory.

    `megabytes` is what this process grew by, `beside` the whole of the process that helps it.
    """
    import cProfile
    import io

    import django

    django.setup()
    from django.core.management import call_command

    from builders.models import ImportJob

    # The first use of libraries and their tables is no growth by the file.
    warm_up = write_file(path.with_name("warm-up.csv"), iter([(0, 9)]))
    call_command("import_builders", str(warm_up), "--source", "bench", "--dry-run", stdout=io.StringIO())
    before, out = _peak_megabytes(), io.StringIO()
    cpu = os.times()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    call_command("import_builders", str(path), "--source", "bench", "--json", stdout=out)
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    after, job = os.times(), ImportJob.objects.latest("pk")
    assert job.staged_at is not None
    assert job.committed_at is not None
    return {
        **json.loads(out.getvalue()),
        "preview": round((job.staged_at - job.created_at).total_seconds(), 2),
        "commit": round((job.committed_at - job.staged_at).total_seconds(), 2),
        "python": round(after.user + after.system - cpu.user - cpu.system, 2),
        "python_beside": round(after.children_user + after.children_system, 2),
        "megabytes": round(_peak_megabytes() - before, 1),
        "beside": round(_peak_megabytes(resource.RUSAGE_CHILDREN), 1),
    }


def _peak_megabytes(who: int = resource.RUSAGE_SELF) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def peer(path: Path) -> dict[str, Any]:
    import django

    django.setup()
    from benchmarks.peers.row_by_row import rows_per_second

    return {"rows_per_second": round(rows_per_second(path, PEER_ROWS))}


def run(rows: int, database: str, profile: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the result of each run."""
    with ExitStack() as stack:
        folder = stack.enter_context(subjects.folder("imports"))
        url = stack.enter_context(subjects.throw_away_postgres(None)) if database == "postgresql" else ""
        env = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": url, "SECRET_KEY": "x" * 60, "LOG_LEVEL": "ERROR"}
        env["DJANGO_SETTINGS_MODULE"] = "config.settings"
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True)
        half = rows // 2
        first = write_file(folder / "first.csv", ((n, 1) for n in range(rows)))
        second = write_file(folder / "second.csv", ((n, 2) for n in range(half, half + rows)))
        yield "fill", _measured(first, env)
        if url:
            _vacuumed(url)
        yield "against as many", _measured(second, env, *(["--profile", str(profile)] if profile else []))
        yield "unchanged", _measured(second, env)
        yield "row by row", _measured(second, env, "--peer")


def _vacuumed(url: str) -> None:
    """Do what the server would in the minutes after the fill: it would fall into the measurement by chance."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _measured(path: Path, env: dict[str, str], *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.imports", "--child", str(path), *options]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "read" in result:
        result["rows_per_second"] = round(result["read"] / result["seconds"])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--profile", type=Path, help="keep where the time of the second run goes")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        result = peer(options.child) if options.peer else child(options.child, options.profile)
        sys.stdout.write(json.dumps(result) + "\n")
        return 0
    for name, result in run(options.rows, options.database, options.profile):
        sys.stdout.write(f"{name:>16}: {result['rows_per_second']:>8,} rows/s, {json.dumps(result)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
