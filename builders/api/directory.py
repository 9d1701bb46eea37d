"""The directory for programs: the same lists, counts and builders as its pages show, and no contacts either."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from ninja import Query, Router, Schema

from builders.api.profiles import card_payload, facets_payload, figures_payload, profile_payload
from builders.asking import asked
from builders.queries.directory import PAGE, Selection
from builders.queries.figures import stats
from builders.queries.profiles import Gone, Moved, builder_page
from realtime import wire
from realtime.errors import NotFound

router = Router(tags=["builders"])
MOST = 100
# A builder and the figures may be kept this long by whoever stands between.
_SECONDS = 60


class DirectoryQuery(Schema):
    """As text, whatever it is: an address of the API is understood like that of a page."""

    q: str = ""
    country: str = ""
    city: str = ""
    service: str = ""
    specialisation: str = ""
    language: str = ""
    size: str = ""
    verified: str = ""
    min_rating: str = ""
    sort: str = ""
    cursor: str = ""
    limit: int = PAGE
    facets: bool = False


@router.get("/builders", auth=None, response=dict[str, Any], summary="Stand builders by words, place and what they do")
def list_builders(request: HttpRequest, query: Query[DirectoryQuery]) -> HttpResponse:
    """Keyset pages: `cursor` is the `next` of the page before."""
    said = query.dict()
    cursor, limit, with_facets = said.pop("cursor"), said.pop("limit"), said.pop("facets")
    selection = Selection(asked(said))
    page = selection.page(limit=max(1, min(limit, MOST)), after=cursor or None)
    answer = {"items": list(map(card_payload, page.items)), "next": page.next, "total": page.total}
    return _json(answer | ({"facets": facets_payload(selection.facets())} if with_facets else {}))


@router.get("/builders/stats", auth=None, response=dict[str, Any], summary="How large the directory is")
def get_stats(request: HttpRequest) -> HttpResponse:
    return _json(figures_payload(stats()), seconds=_SECONDS)


@router.get("/builders/{slug}", auth=None, response=dict[str, Any], summary="One stand builder")
def get_builder(request: HttpRequest, slug: str) -> HttpResponse:
    """A former slug, or that of a builder that was merged, is answered with the builder as it is called now."""
    found = builder_page(slug)
    if isinstance(found, Moved):
        found = builder_page(found.slug)
    if found is None or isinstance(found, Moved | Gone):
        raise NotFound("There is no such builder.")
    response = _json(profile_payload(found), seconds=_SECONDS)
    response["ETag"] = etag = f'"{found.uid}-{found.rev}"'
    return get_conditional_response(request, etag=etag, response=response) or response


def _json(value: Any, *, seconds: int = 0) -> HttpResponse:
    response = HttpResponse(wire.encode(value), content_type="application/json")
    if seconds:
        patch_cache_control(response, public=True, max_age=seconds)
    return response
