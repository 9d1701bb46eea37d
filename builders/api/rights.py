"""Who sends a request to the staff's part of the API."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import User
from accounts.requests import person_of
from accounts.staff_site import lacks_second_factor
from realtime.errors import ClientError


def staff_of(request: HttpRequest) -> User:
    """Return the person of staff whose session this is, under the same conditions as the admin site.

    Raises `ClientError` `forbidden`. What exactly somebody may do is for the services to say.
    """
    person = person_of(request)
    if not (person.is_active and person.is_staff):
        raise ClientError("forbidden", "This is for staff.")
    if lacks_second_factor(person):
        raise ClientError("forbidden", "Staff need an authenticator app. Open the control room to set it up.")
    return person
