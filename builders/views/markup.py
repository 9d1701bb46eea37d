"""What machines read of a page: schema.org as JSON-LD."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse

from builders.models import Builder, Location


class Crumb(NamedTuple):
    name: str
    href: str


def breadcrumbs(crumbs: list[tuple[str, str]]) -> list[Crumb]:
    """Return the way from the directory's front page; the last one is the page itself."""
    return [Crumb("Stand builders", reverse("builders:landing")), *(Crumb(*crumb) for crumb in crumbs)]


def firm(builder: Builder) -> dict[str, Any]:
    """Return a builder as schema.org has it: what the page says, and nothing that is not known.

    Without the rating: it came from elsewhere, and search engines take only those that a site has gathered itself.
    """
    places = list(builder.locations.all())
    home = next((place for place in places if place.is_headquarters), None)
    pictures = [image for project in builder.portfolio.all() for image in project.images.all()]
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ProfessionalService",
        "name": builder.name,
        "url": absolute(builder.get_absolute_url()),
        "description": builder.description[:500],
        "sameAs": builder.website,
        "foundingDate": str(builder.founded or ""),
        "knowsLanguage": builder.languages,
        "image": [absolute(default_storage.url(image.file.name)) for image in pictures[:3]],
        "address": _address(home) if home else None,
        "areaServed": [{"@type": "Place", "name": str(place)} for place in places if not place.is_headquarters],
        "makesOffer": [
            {"@type": "Offer", "itemOffered": {"@type": "Service", "name": service.name}}
            for service in builder.services.all()
        ],
    }
    return {name: value for name, value in said.items() if value}


def _address(place: Location) -> dict[str, str]:
    said = {
        "@type": "PostalAddress",
        "streetAddress": place.street,
        "postalCode": place.postcode,
        "addressLocality": place.city,
        "addressRegion": place.region,
        "addressCountry": place.country.code or "",
    }
    return {name: value for name, value in said.items() if value}


def absolute(path: str) -> str:
    """Return an address with the origin that visitors know, whatever a request calls the server."""
    return path if "://" in path else f"{settings.PUBLIC_ORIGIN}{path}"
