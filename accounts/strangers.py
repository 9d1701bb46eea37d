"""Guests are logged in, yet for the pages about members they are strangers.

Every page of django-allauth asks whether somebody is logged in: it would send a guest away from the log-in page,
and let a guest set a password without signing up. So those views get to see nobody, and find the guest aside.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver

from accounts.models import User

View = Callable[..., HttpResponse]


def guest_of(request: HttpRequest) -> User | None:
    """Return the guest whom `for_members` has put aside, if the session belongs to one."""
    return getattr(request, "guest", None)


def for_members(view: View) -> View:
    """Show `view` a guest as nobody; `guest_of(request)` still tells who it is."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated and request.user.is_guest:
            # The attributes are what the next functions read; the session itself stays the guest's.
            request.guest = request.user  # type: ignore[attr-defined]
            request.user = AnonymousUser()
        return view(request, *args, **kwargs)

    return shown


def members_only(
    patterns: Iterable[URLPattern | URLResolver], *, besides: frozenset[str]
) -> list[URLPattern | URLResolver]:
    """Return `patterns` with every view wrapped in `for_members`, except those named in `besides`."""
    wrapped: list[URLPattern | URLResolver] = []
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = members_only(entry.url_patterns, besides=besides)
            wrapped.append(URLResolver(entry.pattern, inner, entry.default_kwargs, entry.app_name, entry.namespace))
        else:
            view = entry.callback if entry.name in besides else for_members(entry.callback)
            wrapped.append(URLPattern(entry.pattern, view, entry.default_args, entry.name))
    return wrapped
