"""Who sends a request."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import User
from realtime.errors import ClientError


class Unauthenticated(ClientError):
    def __init__(self) -> None:
        super().__init__("unauthenticated", "Take a name or log in first.")


def person_of(request: HttpRequest) -> User:
    """Return the guest, member or person of staff whose session this is. Raises `Unauthenticated`."""
    if not isinstance(request.user, User):
        raise Unauthenticated
    return request.user


async def person_of_async(request: HttpRequest) -> User:
    """The same, in the event loop."""
    user = await request.auser()
    if not isinstance(user, User):
        raise Unauthenticated
    return user
