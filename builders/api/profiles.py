"""Builders, counts and figures as the public part of the API shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.files.storage import default_storage

from builders.addresses import country_name
from builders.models import Builder, Location, PortfolioImage, PortfolioProject, Service
from builders.pictures import WIDTHS
from builders.queries.cards import Card
from builders.queries.directory import Facets
from builders.queries.figures import Figures
from builders.views.markup import absolute
from realtime.wire import format_time


def card_payload(card: Card) -> dict[str, Any]:
    """Return a builder of a list; its page is at `url`."""
    shown = card._asdict()
    picture = shown.pop("picture")
    return shown | {
        "rating": _number(card.rating),
        "picture": absolute(default_storage.url(picture)) if picture else None,
        "url": absolute(f"/builders/{card.slug}/"),
    }


def facets_payload(facets: Facets) -> dict[str, Any]:
    """Return the counts; each value with its number and, where it is no code, how it is written."""
    lists = {name: value for name, value in facets._asdict().items() if isinstance(value, list)}
    counts = {
        name: [
            {"value": count.value, "count": count.number} | ({"label": count.label} if count.label else {})
            for count in found
        ]
        for name, found in lists.items()
    }
    return counts | {"verified": facets.verified}


def figures_payload(figures: Figures) -> dict[str, Any]:
    return figures._asdict() | {
        "average_rating": _number(figures.average_rating),
        "countries": [
            {"country": code, "name": country_name(code), "count": number} for code, number in figures.countries.items()
        ],
        "cities": [
            {"country": city.country, "city": city.city, "label": city.label, "count": city.number}
            for city in figures.cities
        ],
        "measured_at": format_time(figures.measured_at),
    }


def profile_payload(builder: Builder) -> dict[str, Any]:
    """Return a builder with all that its page shows."""
    places = sorted(builder.locations.all(), key=lambda place: (not place.is_headquarters, place.pk))
    home = places[0] if places and places[0].is_headquarters else None
    return {
        "uid": builder.uid,
        "slug": builder.slug,
        "url": absolute(builder.get_absolute_url()),
        "name": builder.name,
        "description": builder.description,
        "website": builder.website,
        "headquarters": _place(home) if home else None,
        "service_places": [_place(place) for place in places if not place.is_headquarters],
        "services": [_service(service) for service in sorted(builder.services.all(), key=lambda item: item.pk)],
        "specialisations": sorted(item.name for item in builder.specialisations.all()),
        "certifications": [
            {"name": item.name, "issuer": item.issuer, "valid_until": item.valid_until and item.valid_until.isoformat()}
            for item in builder.certifications.all()
        ],
        "portfolio": [_project(project) for project in builder.portfolio.all()],
        "languages": builder.languages,
        "founded": builder.founded,
        "team": _range(builder.team_min, builder.team_max),
        "stand_m2": _range(builder.stand_min_m2, builder.stand_max_m2),
        "projects_completed": builder.projects_completed,
        "rating": _number(builder.rating),
        "review_count": builder.review_count,
        "status": builder.status,
        "is_verified": builder.is_verified,
        "is_claimed": builder.claim_state == Builder.ClaimState.CLAIMED,
        "updated_at": format_time(builder.updated_at),
    }


def _place(place: Location) -> dict[str, Any]:
    return {
        "country": place.country.code or "",
        "region": place.region,
        "city": place.city,
        "district": place.district,
        "street": place.street,
        "postcode": place.postcode,
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "category": service.category,
        "description": service.description,
        "price_from": _number(service.price_from),
        "price_to": _number(service.price_to),
        "currency": service.currency,
        "unit": service.unit,
    }


def _project(project: PortfolioProject) -> dict[str, Any]:
    return {
        "name": project.name,
        "trade_show": project.trade_show,
        "year": project.year,
        "city": project.city,
        "country": project.country.code or "",
        "stand_m2": project.stand_m2,
        "pictures": [_picture(image) for image in project.images.all()],
    }


def _picture(image: PortfolioImage) -> dict[str, Any]:
    name = str(image.file.name)
    widths = [width for width in WIDTHS[:-1] if width < image.width]
    narrower = {width: name.replace(f"-{WIDTHS[-1]}.", f"-{width}.") for width in widths}
    return {
        "caption": image.caption,
        "width": image.width,
        "height": image.height,
        "sources": [
            {"width": width, "url": absolute(default_storage.url(file))}
            for width, file in {**narrower, image.width: name}.items()
        ],
    }


def _range(least: int | None, greatest: int | None) -> list[int | None] | None:
    return None if least is None and greatest is None else [least, greatest]


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
