"""Look builders up at Google Places, with the operator's own key: optional, counted, and remembered for a month.

What comes back is what an upload would hold, and goes the same way: into a staged import, never straight into the
directory. Nothing here may be called inside a transaction: requests take seconds, and SQLite has one writer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from builders.importing.places_client import PAGE_SIZE, PlacesClient
from builders.models import LookUpDay, PlaceAnswer
from operations import activity
from realtime.errors import ClientError

# The terms of Google Maps Platform allow 30 days, and no more.
KEPT: Final = dt.timedelta(days=30)
# The most that Places gives for one search, in three pages.
MOST_PLACES: Final = 60
_DAYS_COUNTED = dt.timedelta(days=90)
_REGION = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LONGEST_QUERY = 200


class LookUpsOff(ClientError):
    def __init__(self) -> None:
        super().__init__("unsupported", "Look-ups are off: there is no PLACES_API_KEY.")


class QuotaSpent(ClientError):
    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(
            "rate_limited", "The look-ups of today are used up (PLACES_DAILY_QUOTA).", retry_after_ms=retry_after_ms
        )


def is_configured() -> bool:
    return bool(settings.PLACES_API_KEY)


def search_places(
    *, actor: Any, query: str, region: str = "", language: str = "en", limit: int = MOST_PLACES
) -> list[dict[str, Any]]:
    """Return up to `limit` places for a query such as "exhibition stand builder Berlin", as Places describes them.

    `region` is an ISO 3166 alpha-2 code that results lean towards. An answer of the last 30 days is given again and
    costs nothing. `actor` is None for a command on the server.
    """
    _authorise(actor)
    query = " ".join(query.split())
    if not 0 < len(query) <= _LONGEST_QUERY:
        raise ClientError("invalid", f"A query has 1 to {_LONGEST_QUERY} characters.", field="query")
    if region and not _REGION.fullmatch(region):
        raise ClientError("invalid", "A region is a country code of two letters.", field="region")
    if not 0 < limit <= MOST_PLACES:
        raise ClientError("invalid", f"One search gives 1 to {MOST_PLACES} places.", field="limit")
    question = {"textQuery": query, "languageCode": _checked_language(language), "pageSize": min(limit, PAGE_SIZE)}
    if region:
        question["regionCode"] = region.upper()
    places = _remembered({**question, "limit": limit}, lambda client: _pages(client, question, limit))
    activity.record("builders.places.searched", actor=actor, data={"query": query, "found": len(places)})
    return list(places)


def place_details(*, actor: Any, place_id: str, language: str = "en") -> dict[str, Any]:
    """Return one place. Raises `NotFound` for an id that is not known, or no longer."""
    _authorise(actor)
    language = _checked_language(language)
    question = {"place": place_id, "languageCode": language}
    place = _remembered(question, lambda client: client.details(place_id, language))
    activity.record("builders.places.read", actor=actor, data={"place": place_id})
    return dict(place)


def as_upload(places: list[dict[str, Any]]) -> bytes:
    """Return the file that an import takes."""
    return json.dumps({"places": places}, ensure_ascii=False).encode()


def requests_left() -> int:
    """Return how many requests may go out today. One statement."""
    spent = LookUpDay.objects.filter(day=timezone.now().date()).values_list("requests", flat=True).first()
    return max(0, settings.PLACES_DAILY_QUOTA - (spent or 0))


def forget_old_answers() -> str:
    """Delete the answers that may no longer be kept, and the counts that nobody looks at."""
    count, _ = PlaceAnswer.objects.filter(fetched_at__lte=timezone.now() - KEPT).delete()
    LookUpDay.objects.filter(day__lt=(timezone.now() - _DAYS_COUNTED).date()).delete()
    return f"{count} answers of Google Places deleted"


def _authorise(actor: Any) -> None:
    if actor is not None and not actor.has_perm("builders.run_imports"):
        raise ClientError("forbidden", "You may not look builders up.")
    if not is_configured():
        raise LookUpsOff


def _checked_language(language: str) -> str:
    if not _LANGUAGE.fullmatch(language):
        raise ClientError("invalid", "A language is a code such as en or pt-BR.", field="language")
    return language


def _remembered(question: dict[str, Any], ask: Callable[[PlacesClient], Any]) -> Any:
    """Return the kept answer, or ask and keep it. Only whole answers are kept: a page token dies within minutes."""
    text = json.dumps([settings.PLACES_BASE_URL, question], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    kept = PlaceAnswer.objects.filter(question=key, fetched_at__gt=timezone.now() - KEPT).first()
    if kept is not None:
        return kept.body
    with PlacesClient(settings.PLACES_BASE_URL, settings.PLACES_API_KEY, _spend) as client:
        answer = ask(client)
    PlaceAnswer.objects.update_or_create(question=key, defaults={"body": answer, "fetched_at": timezone.now()})
    return answer


def _pages(client: PlacesClient, question: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    # A place may stand on two pages when the ranking moves between them.
    found: dict[str, dict[str, Any]] = {}
    token = ""
    for _ in range(-(-MOST_PLACES // PAGE_SIZE)):
        # Everything but the token must be as on the first page, or the token is refused.
        page = client.search({**question, "pageToken": token} if token else question)
        places = page.get("places")
        for place in places if isinstance(places, list) else []:
            if isinstance(place, dict):
                found.setdefault(str(place.get("id", "")), place)
        following = page.get("nextPageToken")
        token = following if isinstance(following, str) else ""
        if not token or len(found) >= limit:
            break
    return list(found.values())[:limit]


def _spend() -> None:
    """Count one request. The limit stands in the statement that counts, so two processes cannot pass it together."""
    now = timezone.now()
    LookUpDay.objects.get_or_create(day=now.date())
    allowed = LookUpDay.objects.filter(day=now.date(), requests__lt=settings.PLACES_DAILY_QUOTA)
    if not allowed.update(requests=F("requests") + 1):
        midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
        raise QuotaSpent(int((midnight - now).total_seconds() * 1000))
