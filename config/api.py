"""The HTTP API: one object, one way to report errors (RFC 9457), and the routes of all apps."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import django_auth

from accounts.api import router as people
from accounts.requests import person_of
from builders.api.urls import router as builders
from chat.api import router as rooms
from chat.queries import unread_totals
from realtime.errors import HTTP_STATUS, ClientError, Overloaded

logger = logging.getLogger(__name__)


class UnsupportedContent(Exception):
    """The body is of a kind that no route takes."""


_CODE_OF_STATUS = {400: "bad_request", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 413: "too_large"}


# How surrogates begin in JSON: two of them are a character, one is none.
_HALVES = (rb"\ud", rb"\uD")


class ObjectParser(Parser):
    """Takes JSON objects alone: where every field is optional, anything else would pass for an empty one."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        # A form of another site may be sent as text/plain without being asked for first; JSON may not.
        if request.content_type != "application/json":
            raise UnsupportedContent
        body = super().parse_body(request)
        if not isinstance(body, dict):
            raise TypeError("The body is no JSON object.")
        if any(half in request.body for half in _HALVES):
            # Half of a surrogate pair is no character, and no database takes it: this raises.
            json.dumps(body, ensure_ascii=False).encode()
        return body


api = NinjaAPI(
    title="Pavilion",
    version=settings.VERSION,
    description="Live rooms for festivals and trade fairs. Errors are application/problem+json with a `code`.",
    auth=django_auth,
    parser=ObjectParser(),
    docs_url="/docs",
    urls_namespace="api",
)


@api.get("/me", response=dict[str, Any], tags=["people"], summary="Who the session is")
def me(request: HttpRequest) -> dict[str, Any]:
    user = person_of(request)
    return {
        "uid": user.uid,
        "name": user.display_name,
        "guest": user.is_guest,
        "staff": user.is_staff,
        "unread": unread_totals(user),
    }


api.add_router("", people)
api.add_router("", rooms)
api.add_router("", builders)


def problem(
    request: HttpRequest,
    code: str,
    detail: str,
    *,
    errors: list[dict[str, Any]] | None = None,
    retry_ms: int | None = None,
    status: int = 0,
) -> HttpResponse:
    """Return an RFC 9457 answer; `errors` name the wrong inputs by JSON pointer.

    `status` stands in for that of the code where HTTP has a more exact one.
    """
    status = status or HTTP_STATUS[code]
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors or [],
    }
    if retry_ms is not None:
        body["retry_after_ms"] = retry_ms
    response = api.create_response(request, body, status=status)
    response["Content-Type"] = "application/problem+json"
    if retry_ms is not None:
        response["Retry-After"] = str(max(1, -(-retry_ms // 1000)))
    return response


@api.exception_handler(ClientError)
def on_client_error(request: HttpRequest, error: ClientError) -> HttpResponse:
    errors = [{"pointer": f"/{error.field}", "code": error.code, "detail": error.message}] if error.field else []
    return problem(request, error.code, error.message, errors=errors, retry_ms=error.retry_after_ms)


@api.exception_handler(ValidationError)
def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [
        # loc begins with where the input came from and its parameter: ("body", "payload", "name")
        {"pointer": "/" + "/".join(str(part) for part in item["loc"][1:]), "code": item["type"], "detail": item["msg"]}
        for item in error.errors
    ]
    return problem(request, "invalid", "Some of the input is wrong.", errors=errors)


@api.exception_handler(AuthenticationError)
def on_authentication_error(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problem(request, "unauthenticated", "Take a name or log in first.")


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, UnsupportedContent):
        return problem(request, "unsupported", "A body is application/json.", status=415)
    return problem(request, _CODE_OF_STATUS.get(error.status_code, "bad_request"), str(error))


@api.exception_handler(Http404)
def on_not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(request, "not_found", "There is nothing here.")


def no_route(request: HttpRequest) -> HttpResponse:
    """Answer a path under /api/ that leads nowhere."""
    return problem(request, "not_found", "There is no such route.")


def on_wrong_method(request: HttpRequest, allowed: str) -> HttpResponse:
    response = problem(request, "bad_request", f"This route takes {allowed}, not {request.method}.", status=405)
    response["Allow"] = allowed
    return response


@api.exception_handler(RequestDataTooBig)
def on_too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return problem(request, "too_large", f"A request has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")


@api.exception_handler(MultiPartParserError)
@api.exception_handler(SuspiciousOperation)
def on_broken_form(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem(request, "bad_request", "The form cannot be read.")


@api.exception_handler(DataError)
def on_unstorable(request: HttpRequest, error: DataError) -> HttpResponse:
    # Such as a NUL in a text, or a number beyond its column: PostgreSQL refuses what SQLite would not find.
    logger.warning("the database does not take a value: %s", error)
    return problem(request, "invalid", "Some of the input is out of range.")


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def on_outage(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.warning("the database does not answer: %s", error)
    return on_client_error(request, Overloaded())


@api.exception_handler(Exception)
def on_bug(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("an API call failed", exc_info=error)
    return problem(request, "internal", "Something went wrong on our side.")
