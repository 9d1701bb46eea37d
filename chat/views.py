"""The pages of chat. They hold no rules: services decide, and a refusal becomes a sentence on the page."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.addresses import client_address
from accounts.models import User
from accounts.services import sign_in_guest
from chat import events, queries
from chat.forms import CreateRoomForm, EnterForm, MessageForm, NameForm
from chat.models import Room
from chat.permissions import can_moderate, refusal_to_post
from chat.queries import Access
from chat.services import entering, rooms
from chat.services.posting import Draft, post_messages
from chat.services.reading import note_visit
from chat.timeline import lines
from realtime.errors import ClientError
from realtime.ids import new_uid
from realtime.runtime import online
from realtime.wire import format_time

Visitor = User | AnonymousUser


# --- the home page ----------------------------------------------------------------------------------------------


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return _home(request)


@never_cache
@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """Let somebody in by name and code."""
    form = EnterForm(request.user, request.POST)
    if not form.is_valid():
        return _home(request, enter_form=form, status=422)
    try:
        access = entering.enter_by_code(
            actor=_person(request, form),
            code=form.cleaned_data["code"],
            session=request.session.session_key or "",
            address=client_address(request),
        )
    except ClientError as error:
        form.add_refusal(error)
        return _home(request, enter_form=form, status=error.status)
    return redirect("chat:room", access.room.uid)


@never_cache
@require_POST
def create_room(request: HttpRequest) -> HttpResponse:
    form = CreateRoomForm(request.user, request.POST)
    if not form.is_valid():
        return _home(request, create_form=form, status=422)
    try:
        room = rooms.create_room(
            actor=_person(request, form), name=form.cleaned_data["name"], kind=form.cleaned_data["kind"]
        )
    except ClientError as error:
        form.add_refusal(error)
        return _home(request, create_form=form, status=error.status)
    return redirect("chat:room", room.uid)


def _home(
    request: HttpRequest,
    *,
    enter_form: EnterForm | None = None,
    create_form: CreateRoomForm | None = None,
    status: int = 200,
) -> HttpResponse:
    recent = queries.recent_rooms(request.user) if isinstance(request.user, User) else []
    context = {
        "enter_form": enter_form or EnterForm(request.user),
        "create_form": create_form or CreateRoomForm(request.user, auto_id="new_%s"),
        "listed": queries.listed_rooms(),
        "recent": recent,
    }
    return render(request, "chat/home.html", context, status=status)


# --- a room -----------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def room(request: HttpRequest, uid: str) -> HttpResponse:
    """Show a room to its members, and its door to those who may come in."""
    user = request.user
    access = _access(user, uid)
    if access is not None and access.standing.is_banned:
        return _refusal_page(request, ClientError("banned", "You have been banned from this room."))
    if access is None or not access.standing.is_present or not isinstance(user, User):
        return _door(request, _visible_room(uid), reverse("chat:join_room", args=[uid]))
    if request.method == "POST":
        return _post(request, user, access)
    note_visit(access)
    return _room_page(request, user, access)


@never_cache
@require_POST
def join_room(request: HttpRequest, uid: str) -> HttpResponse:
    """Enter a room that is open to everybody."""
    form = NameForm(request.user, request.POST)
    if not form.is_valid():
        return _door(request, _visible_room(uid), request.path, form=form, status=422)
    try:
        entering.join_room(actor=_person(request, form), room_uid=uid)
    except ClientError as error:
        return _door_or_refusal(request, _visible_room(uid), form, error)
    return redirect("chat:room", uid)


@never_cache
@require_POST
def leave_room(request: HttpRequest, uid: str) -> HttpResponse:
    if isinstance(request.user, User):
        entering.leave_room(actor=request.user, room_uid=uid)
        messages.success(request, "You have left the room.")
    return redirect("chat:home")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, token: str) -> HttpResponse:
    """The door behind an invite link: asks for a name where there is none, then lets people in."""
    found = entering.room_of_token(token)
    if found is None:
        # Not counted as a guess: nobody guesses 128 bits, and whoever follows an old link should not be locked out.
        return _refusal_page(request, ClientError("not_found", "This link does not open a room any more."))
    if request.method != "POST":
        return _door(request, found, request.path)
    form = NameForm(request.user, request.POST)
    if not form.is_valid():
        return _door(request, found, request.path, form=form, status=422)
    try:
        access = entering.enter_by_token(
            actor=_person(request, form),
            token=token,
            session=request.session.session_key or "",
            address=client_address(request),
        )
    except ClientError as error:
        return _door_or_refusal(request, found, form, error)
    return redirect("chat:room", access.room.uid)


def _access(user: Visitor, uid: str) -> Access | None:
    if not isinstance(user, User):
        return None
    return queries.accesses([(user.pk, uid)]).get((user.pk, uid))


def _visible_room(uid: str) -> Room:
    """Return a room that anybody may know of; others do not exist for those who are not in them."""
    found = Room.objects.open().filter(uid=uid, kind=Room.Kind.PUBLIC).first()
    if found is None:
        raise Http404
    return found


def _door(
    request: HttpRequest, found: Room, action: str, *, form: NameForm | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "room": found,
        "online": online(found.uid),
        "action": action,
        "form": form or NameForm(request.user),
    }
    return render(request, "chat/invite.html", context, status=status)


def _door_or_refusal(request: HttpRequest, found: Room, form: NameForm, error: ClientError) -> HttpResponse:
    if error.field in form.fields or error.code == "rate_limited":
        form.add_refusal(error)
        return _door(request, found, request.path, form=form, status=error.status)
    return _refusal_page(request, error)


def _refusal_page(request: HttpRequest, error: ClientError) -> HttpResponse:
    return render(request, "chat/refusal.html", {"error": error}, status=error.status)


def _person(request: HttpRequest, form: NameForm) -> User:
    """Return who is acting, making a guest of the name in the form where there is nobody yet."""
    if isinstance(request.user, User):
        return request.user
    person, _ = sign_in_guest(request, form.cleaned_data["display_name"])
    return person


def _post(request: HttpRequest, user: User, access: Access) -> HttpResponse:
    """Take a message from the plain form, for browsers without the page's script."""
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _room_page(request, user, access, form=form, status=422)
    draft = Draft(
        room=access.room.uid,
        sender=user.pk,
        client_id=form.cleaned_data["client_id"],
        text=form.cleaned_data["text"],
        uid=new_uid(),
        at=dt.datetime.now(dt.UTC),
    )
    [posted] = post_messages([draft])
    if isinstance(posted, ClientError):
        form.add_error("text", posted.message)
        return _room_page(request, user, access, form=form, status=posted.status)
    return redirect(f"{request.path}#end")


def _room_page(
    request: HttpRequest, user: User, access: Access, *, form: MessageForm | None = None, status: int = 200
) -> HttpResponse:
    head = queries.heads([access.room.uid])[access.room.uid]
    # The head was read first: what comes in between is told again by the socket, and known by its number.
    page = queries.message_page(access.room)
    people = online(access.room.uid)
    context = {
        "room": access.room,
        "online": people,
        "lines": lines(page.rows, viewer=user.pk, read_seq=access.read_seq),
        "has_more": page.has_more,
        "form": form,
        "refusal": refusal_to_post(access.room, access.standing, timezone.now()),
        "client_id": form["client_id"].value() if form else uuid.uuid4(),
        "data": _page_data(user, access, page) | {"epoch": head.epoch, "head": head.number, "online": people},
    }
    return render(request, "chat/room.html", context, status=status)


def _page_data(user: User, access: Access, page: queries.Page) -> dict[str, Any]:
    """Return what the script starts from, in the shape of a `room.join` snapshot."""
    standing = access.standing
    return {
        "me": {
            "uid": user.uid,
            "name": user.display_name,
            "guest": user.is_guest,
            "staff": user.is_staff and can_moderate(user, access.room),
        },
        "standing": {
            "role": standing.role,
            "read_seq": access.read_seq,
            "muted_until": format_time(standing.muted_until) if standing.muted_until else None,
        },
        "room": events.room_payload(access.room, with_codes=True),
        "messages": [msgspec.to_builtins(events.message_payload(row, viewer=user.pk)) for row in page.rows],
        "has_more": page.has_more,
    }
