"""What every request passes: the door for the banned, and one form for the refusals of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware

from accounts.models import User
from chat.permissions import refusal_of_banned
from config.api import on_client_error, on_wrong_method
from realtime.errors import ClientError, Overloaded
from realtime.threads import OUTAGES

API = "/api/"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

Answer = HttpResponse | Awaitable[HttpResponse]


@sync_and_async_middleware
def keep_out_banned(get_response: Callable[[HttpRequest], Answer]) -> Callable[[HttpRequest], Answer]:
    """Let nobody write who is banned from everything, whatever the route: what reads asks for access anyway.

    The services refuse them, too. This is the net under those that have nothing to do with rooms, such as a new name.
    """
    return _around(get_response, before=_refuse_banned)


@sync_and_async_middleware
def api_problems(get_response: Callable[[HttpRequest], Answer]) -> Callable[[HttpRequest], Answer]:
    """Give a wrong method under /api/ the form of every other refusal: the framework answers it in plain text."""
    return _around(get_response, after=_as_problem)


def _around(
    get_response: Callable[[HttpRequest], Answer],
    *,
    before: Callable[[HttpRequest], HttpResponse | None] | None = None,
    after: Callable[[HttpRequest, HttpResponse], HttpResponse] = lambda request, response: response,
) -> Callable[[HttpRequest], Answer]:
    """Return the middleware, asynchronous where the server is. `before` may ask the database, `after` may not."""
    if iscoroutinefunction(get_response):
        get_asynchronously = cast(Callable[[HttpRequest], Awaitable[HttpResponse]], get_response)

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            # A change of threads is the price of a write by somebody with a session, and of nothing else.
            if before is not None and _is_write_of_somebody(request):
                refusal = await sync_to_async(before)(request)
                if refusal is not None:
                    return refusal
            return after(request, await get_asynchronously(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        refusal = before(request) if before is not None and _is_write_of_somebody(request) else None
        return refusal or after(request, cast(HttpResponse, get_response(request)))

    return synchronous


def _is_write_of_somebody(request: HttpRequest) -> bool:
    return request.method not in _SAFE_METHODS and settings.SESSION_COOKIE_NAME in request.COOKIES


def _refuse_banned(request: HttpRequest) -> HttpResponse | None:
    is_api = request.path.startswith(API)
    try:
        if not isinstance(request.user, User) or request.path == reverse("account_logout"):
            return None
        refusal: ClientError | None = refusal_of_banned(request.user)
    except OUTAGES:
        # The page would ask the same database and say so in its own way.
        refusal = Overloaded() if is_api else None
    if refusal is None:
        return None
    if is_api:
        return on_client_error(request, refusal)
    return render(request, "chat/refusal.html", {"error": refusal}, status=refusal.status)


def _as_problem(request: HttpRequest, response: Any) -> HttpResponse:
    if response.status_code == 405 and request.path.startswith(API):
        return on_wrong_method(request, response["Allow"])
    return cast(HttpResponse, response)
