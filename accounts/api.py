"""The HTTP routes about people. `GET /me` stands in `config.api`: it also counts what other apps know."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.security import django_auth

from accounts import services
from accounts.models import User
from accounts.requests import person_of

router = Router(tags=["people"])


class NameIn(Schema):
    display_name: str


class PersonOut(Schema):
    uid: str
    name: str


class ForeignOrigin(services.Forbidden):
    def __init__(self) -> None:
        super().__init__("This page may not be used from another site.")


def person_out(user: User) -> PersonOut:
    return PersonOut(uid=user.uid, name=user.display_name)


def check_origin(request: HttpRequest) -> None:
    """Refuse a request that a page of another site has sent. Raises `ForeignOrigin`.

    This stands in for the CSRF token on the one route that must work before there is any cookie. A client that is
    no browser sends no Origin; browsers always do on a POST to another site.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin.lower() == settings.PUBLIC_ORIGIN.lower():
        return
    # get_host() has been checked against ALLOWED_HOSTS, so a made-up Host header does not help.
    if origin.lower() != f"{request.scheme}://{request.get_host()}".lower():
        raise ForeignOrigin


@router.post("/guests", response={200: PersonOut, 201: PersonOut}, auth=None, summary="Come in as a guest")
def create_guest(request: HttpRequest, body: NameIn) -> Status[PersonOut]:
    """Make a guest and log the session in (201), or answer with the person the session already has (200)."""
    check_origin(request)
    person, is_new = services.sign_in_guest(request, body.display_name)
    return Status(201 if is_new else 200, person_out(person))


@router.post("/me/name", response=PersonOut, auth=django_auth, summary="Change the own name")
def change_name(request: HttpRequest, body: NameIn) -> PersonOut:
    return person_out(services.rename(user=person_of(request), display_name=body.display_name))
