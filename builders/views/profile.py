"""What the page of one builder shows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from builders.addresses import country_name, place_address
from builders.models import Builder
from builders.views.markup import breadcrumbs, firm


def profile(builder: Builder) -> dict[str, Any]:
    """Return the context of a builder's page, from what `queries.profiles` has read. No statement."""
    places = sorted(builder.locations.all(), key=lambda place: (not place.is_headquarters, place.country.code or ""))
    home = places[0] if places and places[0].is_headquarters else None
    crumbs = []
    if home is not None and home.country:
        crumbs.append((country_name(home.country.code), place_address(home.country.code)))
        if home.city_folded:
            crumbs.append((home.city, place_address(home.country.code, home.city_folded)))
    return {
        "builder": builder,
        "home": home,
        "areas": [place for place in places if not place.is_headquarters],
        "services": sorted(builder.services.all(), key=lambda service: service.pk),
        "specialisations": sorted(builder.specialisations.all(), key=lambda item: item.name),
        "certifications": list(builder.certifications.all()),
        "projects": [(project, list(project.images.all())) for project in builder.portfolio.all()],
        "website": _host(builder.website),
        "stand_size": _range(builder.stand_min_m2, builder.stand_max_m2),
        "team": _range(builder.team_min, builder.team_max),
        "crumbs": breadcrumbs([*crumbs, (builder.name, "")]),
        "markup": firm(builder),
    }


def _host(website: str) -> str:
    """Return what a link to a website says; "" for what is none, however it came to be there."""
    parts = urlsplit(website)
    return parts.hostname or "" if parts.scheme in ("http", "https") else ""


def _range(least: int | None, greatest: int | None) -> str:
    if least is not None and greatest is not None:
        return str(least) if least == greatest else f"{least:,}–{greatest:,}"
    if least is not None:
        return f"from {least:,}"
    return f"up to {greatest:,}" if greatest is not None else ""
