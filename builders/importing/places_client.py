"""A client for Places API (New), or for whatever speaks like it: two calls, time-outs, retries, bounded answers."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec

from realtime.errors import ClientError, NotFound, Overloaded

# What is asked for is what is paid for: exactly the fields that `google.read` understands. No photos: their addresses
# hold the key.
FIELDS: Final = (
    "id",
    "displayName",
    "types",
    "primaryType",
    "primaryTypeDisplayName",
    "nationalPhoneNumber",
    "internationalPhoneNumber",
    "formattedAddress",
    "addressComponents",
    "location",
    "rating",
    "userRatingCount",
    "googleMapsUri",
    "websiteUri",
    "regularOpeningHours",
    "businessStatus",
)
# The most that one page of a search holds.
PAGE_SIZE: Final = 20
# A page of 20 places with everything has about 200 KB.
MAX_ANSWER: Final = 4 << 20

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_AGAIN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_PLACE_ID = re.compile(r"[A-Za-z0-9_-]{1,300}")


class Patience(msgspec.Struct, frozen=True):
    """How long a person who looks at the page is kept waiting. Times are seconds."""

    tries: int = 4
    first_wait: float = 0.5
    longest_wait: float = 20.0


PATIENCE: Final = Patience()


class LookUpRefused(ClientError):
    """Places answered, and the answer is no: it would be the same again."""


class PlacesClient:
    """`spend` is called before each request that goes out, repeats included, and raises when no more may be asked."""

    def __init__(self, base_url: str, key: str, spend: Callable[[], None]) -> None:
        self._key = key
        self._spend = spend
        self._patience = PATIENCE
        # A redirect would carry the key to another host: none is followed.
        self._http = httpx.Client(base_url=base_url.rstrip("/") + "/", timeout=_TIMEOUT, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def search(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return one page: `{"places": [...], "nextPageToken": ...}`. `question` is the body of `places:searchText`."""
        fields = ["nextPageToken", *(f"places.{name}" for name in FIELDS)]
        return self._ask("POST", "places:searchText", fields, body=question)

    def details(self, place_id: str, language: str = "") -> dict[str, Any]:
        if not _PLACE_ID.fullmatch(place_id):
            raise ClientError("invalid", "A place id has letters, digits, hyphens and underscores.", field="place_id")
        return self._ask(
            "GET", f"places/{place_id}", list(FIELDS), query={"languageCode": language} if language else {}
        )

    def _ask(
        self,
        method: str,
        path: str,
        fields: list[str],
        *,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = {"X-Goog-Api-Key": self._key, "X-Goog-FieldMask": ",".join(fields)}
        wait = 0.0
        failure: ClientError = Overloaded()
        for attempt in range(self._patience.tries):
            time.sleep(wait)
            self._spend()
            try:
                # A full URL would be the path's own; `./` keeps the colon of `places:searchText` from looking like one.
                with self._http.stream(method, f"./{path}", headers=headers, json=body, params=query) as response:
                    text = _bounded(response)
            except httpx.RequestError as error:
                failure = Overloaded(f"Google Places does not answer ({type(error).__name__}).")
                wait = self._back_off(attempt)
                continue
            if response.status_code not in _AGAIN:
                return self._answer(response, text)
            asked = _retry_after(response.headers.get("Retry-After", ""))
            failure = _try_later(response.status_code, asked)
            wait = max(self._back_off(attempt), asked or 0.0)
            if wait > self._patience.longest_wait:
                break
        raise failure

    def _back_off(self, attempt: int) -> float:
        # Jitter: who was refused together must not come back together.
        wait = self._patience.first_wait * float(2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        return min(wait, self._patience.longest_wait)

    def _answer(self, response: httpx.Response, text: bytes) -> dict[str, Any]:
        if not response.is_success:
            raise self._refusal(response.status_code, _reason(text))
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise LookUpRefused("invalid", "Google Places answered with something that is not JSON.") from error
        if not isinstance(answer, dict):
            raise LookUpRefused("invalid", "Google Places answered with JSON of another form.")
        return answer

    def _refusal(self, status: int, reason: str) -> ClientError:
        said = reason.replace(self._key, "…") or f"status {status}"
        if status == HTTPStatus.NOT_FOUND:
            return NotFound("Google Places does not know this place.")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return LookUpRefused("unsupported", f"Google Places does not accept PLACES_API_KEY: {said}")
        return LookUpRefused("invalid", f"Google Places refuses the look-up: {said}")


def _bounded(response: httpx.Response) -> bytes:
    text = bytearray()
    for chunk in response.iter_bytes():
        text += chunk
        if len(text) > MAX_ANSWER:
            raise LookUpRefused("too_large", "The answer of Google Places is too long.")
    return bytes(text)


def _reason(text: bytes) -> str:
    """Return the sentence of an answer such as `{"error": {"code": 403, "message": "…", "status": "…"}}`."""
    try:
        answer = json.loads(text)
    except ValueError:
        return ""
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("message", ""))[:300] if isinstance(error, dict) else ""


def _try_later(status: int, asked: float | None) -> ClientError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        # Without a word of theirs a minute, by which their quotas count.
        after = 60_000 if asked is None else int(asked * 1000)
        return ClientError("rate_limited", "Google Places takes no more requests for now.", retry_after_ms=after)
    message = f"Google Places is out of order (status {status})."
    return Overloaded(message) if asked is None else Overloaded(message, int(asked * 1000))


def _retry_after(header: str) -> float | None:
    """Return the seconds of a `Retry-After`, which may be a number of them or a date; None if it is neither."""
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    seconds: float = (moment - dt.datetime.now(dt.UTC)).total_seconds()
    return max(0.0, seconds)
