"""Who may do what on the admin's pages, asked also where nobody is logged in any more."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from accounts.models import User


def may(request: HttpRequest, predicate: Callable[[User], bool]) -> bool:
    """Tell whether whoever asks may. After a log-out nobody asks, and Django still makes a menu for them."""
    return isinstance(request.user, User) and predicate(request.user)
