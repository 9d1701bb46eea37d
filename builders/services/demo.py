"""Invented firms for a directory that is to be looked at, written and removed as a whole."""

from __future__ import annotations

import io
import math
import random
from decimal import Decimal
from pathlib import Path

from django.db import transaction
from PIL import Image, ImageDraw

from builders.models import Builder, PortfolioProject, Service, SourceKey
from builders.record import Offering, Place, Project, Record
from builders.services.builders import create_builder, delete_builder, update_builder
from builders.services.pictures import add_picture
from builders.services.stored import Key

SOURCE = "demo"
_FIRMS = Path(__file__).parents[1] / "demo_firms.txt"
# What they have built: the show, its city, and the size in m².
_STANDS = (
    ("Spring Interiors", "Milano", "IT", 84),
    ("World of Pumps", "Frankfurt am Main", "DE", 140),
    ("Good Food Fair", "Paris", "FR", 36),
    ("Harbour Days", "Hamburg", "DE", 220),
    ("Museum Week", "Wien", "AT", 48),
    ("Robots at Work", "東京", "JP", 96),
)
_VERIFIED_VOTES = 90
_EVERY_NTH_HAS_STANDS = 3
_PRICES = {"design": (60, 140), "construction": (180, 420), "rental": (120, 260), "modular": (90, 210)}


def create_demo_builders() -> int:
    """Make the invented firms unless somebody is in the directory already; return how many were made."""
    if Builder.objects.exists():
        return 0
    lines = _FIRMS.read_text(encoding="utf-8").splitlines()
    firms = [line for line in lines if not line.startswith("#")]
    for number, line in enumerate(firms):
        _create(number, line)
    return len(firms)


def remove_demo_builders() -> int:
    """Delete the invented firms, whatever became of them; return how many there were."""
    ids = list(SourceKey.objects.filter(source=SOURCE).values_list("builder", flat=True))
    for pk in ids:
        delete_builder(actor=None, builder=pk)
    return len(ids)


@transaction.atomic
def _create(number: int, line: str) -> None:
    record = _record(line)
    if number % _EVERY_NTH_HAS_STANDS == 0:
        show, city, country, size = _STANDS[number // _EVERY_NTH_HAS_STANDS % len(_STANDS)]
        record.portfolio = [
            Project(name=show, trade_show=show, year=2023 + number % 3, city=city, country=country, stand_m2=size)
        ]
    builder = create_builder(actor=None, values=record, keys=[Key(source=SOURCE, key=f"demo-{number + 1}")])
    if number % 8 == 0:
        update_builder(actor=None, builder=builder.pk, values={}, is_featured=True)
    for project in PortfolioProject.objects.filter(builder=builder):
        for view in range(2):
            add_picture(actor=None, project=project, file=_stand(number * 7 + view), caption="An invented stand")


def _record(line: str) -> Record:
    name, places, categories, rating, sizes, known_for, languages, description = (
        part.strip() for part in line.split("|")
    )
    here, *there = (Place(country=place[:2], city=place[3:]) for place in places.split(", "))
    founded, _, size = sizes.partition(" ")
    least, _, greatest = size.partition("-")
    stars, _, votes = rating.partition(" ")
    return Record(
        name=name,
        description=description,
        website=f"https://www.firm-{founded}-{len(name)}.example/",
        headquarters=here,
        service_places=there,
        services=[_service(category) for category in categories.split()],
        specialisations=known_for.split("; "),
        languages=languages.split(),
        founded=int(founded),
        stand_min_m2=int(least) if least else None,
        stand_max_m2=int(greatest) if greatest else None,
        rating=Decimal(stars) if stars else None,
        review_count=int(votes) if votes else None,
        is_verified=bool(votes) and int(votes) > _VERIFIED_VOTES,
    )


def _service(category: str) -> Offering:
    low, high = _PRICES.get(category, (None, None))
    return Offering(
        name=str(Service.Category(category).label).capitalize(),
        category=category,
        price_from=None if low is None else Decimal(low),
        price_to=None if high is None else Decimal(high),
        currency="EUR" if low else "",
        unit="m²" if low else "",
    )


def _stand(seed: int) -> io.BytesIO:
    """Draw a stand: a floor, two walls, a counter, lamps and visitors, in colours of its own."""
    dice = random.Random(seed)  # noqa: S311 -- for colours
    hue = dice.randrange(360)
    picture = Image.new("RGB", (1280, 800), f"hsl({hue}, 18%, 88%)")
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 800), (0, 640), (420, 520), (1280, 600), (1280, 800)], fill=f"hsl({hue}, 10%, 66%)")
    draw.polygon([(180, 600), (180, 190), (620, 120), (620, 545)], fill=f"hsl({hue}, 46%, 38%)")
    draw.polygon([(620, 545), (620, 120), (1130, 210), (1130, 625)], fill=f"hsl({hue}, 40%, 52%)")
    for number in range(3):
        left = 680 + number * 145
        draw.rectangle(
            [left, 240 + number * 14, left + 105, 400 + number * 14], fill=f"hsl({(hue + 40) % 360}, 60%, 80%)"
        )
    draw.polygon([(300, 690), (300, 570), (560, 545), (640, 570), (640, 690), (560, 715)], fill=f"hsl({hue}, 25%, 22%)")
    for number in range(6):
        x, y = 250 + number * 150, 150 + int(20 * math.sin(number + seed))
        draw.ellipse([x, y, x + 26, y + 26], fill="hsl(45, 95%, 82%)")
    for _ in range(4):
        x = dice.randrange(150, 1150)
        coat = f"hsl({dice.randrange(360)}, 35%, 30%)"
        draw.ellipse([x, 560, x + 34, 594], fill="hsl(25, 40%, 62%)")
        draw.rounded_rectangle([x - 12, 596, x + 46, 730], radius=22, fill=coat)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    out.seek(0)
    return out
