"""The HTTP twins of the chat's commands, and what pages ask for."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from dataclasses import asdict
from typing import Any, Literal

import msgspec
import segno
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status

from accounts.addresses import client_address
from accounts.requests import person_of, person_of_async
from chat import events, live, queries
from chat.joining import Position, join
from chat.services import entering, rooms
from chat.services.posting import Draft
from chat.text import clean_text
from operations.idempotency import answer_once
from realtime import wire
from realtime.errors import Overloaded
from realtime.ids import new_uid
from realtime.runtime import current, online

router = Router(tags=["rooms"])

MAX_WAIT_SECONDS = 25.0


class RoomIn(Schema):
    name: str
    kind: Literal["public", "private"] = "public"


class RoomChanges(Schema):
    name: str | None = None
    mode: str | None = None
    slow_seconds: int | None = None


class CodeIn(Schema):
    code: str


class ResolvedOut(Schema):
    room: str
    name: str


class MessageIn(Schema):
    client_id: uuid.UUID
    text: str


class HistoryQuery(Schema):
    before: int | None = None
    after: int | None = None
    around: int | None = None
    limit: int = 50


class ChangesQuery(Schema):
    since: int
    epoch: str = ""
    # A number that is none would reach the event loop's clock.
    wait: float = Field(0.0, allow_inf_nan=False)


@router.get("/rooms", auth=None, summary="The listed rooms, with who is there now")
def list_rooms(request: HttpRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """Keyset pages by position: `cursor` is the uid of the last room of the page before."""
    cards = queries.listed_rooms()
    uids = [card.uid for card in cards]
    start = uids.index(cursor) + 1 if cursor in uids else 0
    end = start + max(1, min(limit, 100))
    return {
        "items": [asdict(card) for card in cards[start:end]],
        "next": uids[end - 1] if end < len(cards) else None,
    }


@router.post("/rooms", response={201: dict[str, Any]}, summary="Make a room")
def create_room(request: HttpRequest, body: RoomIn) -> Status[dict[str, Any]]:
    def create() -> tuple[int, dict[str, Any]]:
        room = rooms.create_room(actor=person_of(request), name=body.name, kind=body.kind)
        return 201, events.room_payload(room, with_codes=True)

    return Status(*answer_once(request, create))


@router.get("/rooms/{uid}", response=dict[str, Any], summary="One room")
def get_room(request: HttpRequest, uid: str) -> dict[str, Any]:
    access = queries.access_for(person_of(request), uid)
    return events.room_payload(access.room, with_codes=True) | {
        "online": online(uid),
        "me": {"role": access.standing.role, "read_seq": access.read_seq},
    }


@router.patch("/rooms/{uid}", response=dict[str, Any], summary="Change a room")
def change_room(request: HttpRequest, uid: str, body: RoomChanges) -> dict[str, Any]:
    person = person_of(request)
    room = queries.room_to_moderate_or_read(person, uid)
    changes = body.dict(exclude_none=True)
    return events.room_payload(rooms.change_room(actor=person, room=room, **changes), with_codes=True)


@router.post("/room-codes/resolve", response=ResolvedOut, summary="Enter a room by its code")
def resolve_code(request: HttpRequest, body: CodeIn) -> dict[str, str]:
    access = entering.enter_by_code(
        actor=person_of(request),
        code=body.code,
        session=request.session.session_key or "",
        address=client_address(request),
    )
    return {"room": access.room.uid, "name": access.room.name}


@router.post("/rooms/{uid}/leave", response={204: None}, summary="Leave a room")
def leave_room(request: HttpRequest, uid: str) -> Status[None]:
    entering.leave_room(actor=person_of(request), room_uid=uid)
    return Status(204, None)


@router.get("/rooms/{uid}/qr.svg", summary="The invite link as a QR code")
def qr_code(request: HttpRequest, uid: str) -> HttpResponse:
    room = queries.access_for(person_of(request), uid).room
    out = io.BytesIO()
    # Level M survives a crease in a poster; the quiet zone of 4 modules is what scanners are promised.
    segno.make(events.invite_url(room), error="m", micro=False).save(out, kind="svg", scale=8, border=4, xmldecl=False)
    response = HttpResponse(out.getvalue(), content_type="image/svg+xml")
    response["Cache-Control"] = "private, max-age=60"
    return response


@router.get("/rooms/{uid}/messages", response=dict[str, Any], summary="A page of history, oldest first")
def get_messages(request: HttpRequest, uid: str, page: Query[HistoryQuery]) -> HttpResponse:
    access = queries.access_for(person_of(request), uid)
    found = queries.message_page(
        access.room, before=page.before, after=page.after, around=page.around, limit=page.limit
    )
    items = [events.message_payload(row, viewer=person_of(request).pk) for row in found.rows]
    return _json({"items": items, "next": str(found.rows[0].seq) if found.rows and found.has_more else None})


@router.post("/rooms/{uid}/messages", response={201: dict[str, Any], 200: dict[str, Any]}, summary="Send a message")
async def post_message(request: HttpRequest, uid: str, body: MessageIn) -> HttpResponse:
    """Send, or send again: the same `client_id` with the same text is answered 200 with the first position."""
    person = await person_of_async(request)
    draft = Draft(
        room=uid,
        sender=person.pk,
        client_id=body.client_id,
        text=clean_text(body.text),
        uid=new_uid(),
        at=dt.datetime.now(dt.UTC),
    )
    # While the database is away this raises, and the client keeps the message in its outbox.
    await sync_to_async(queries.access_for)(person, uid)
    posted = await live.post(draft)
    return _json(msgspec.to_builtins(posted), status=200 if posted.duplicate else 201)


@router.get("/rooms/{uid}/changes", response=dict[str, Any], summary="What changed since a position, waiting for it")
async def get_changes(request: HttpRequest, uid: str, query: Query[ChangesQuery]) -> HttpResponse:
    """Long poll over the same log as the socket, for networks that break WebSockets. Answers like `room.join`."""
    person = await person_of_async(request)
    await sync_to_async(queries.access_for)(person, uid)
    runtime = current()
    if runtime is None:
        raise Overloaded
    topic = await runtime.hub.open(uid)
    epoch = query.epoch or topic.epoch
    if epoch == topic.epoch:
        await runtime.hub.wait(topic, query.since, min(max(query.wait, 0.0), MAX_WAIT_SECONDS))
    # Asked again after the wait: whoever was removed meanwhile gets nothing more.
    joining = await join(runtime, person.pk, uid, Position(epoch, query.since), 50, may_enter=False)
    return _json(joining.answer)


def _json(value: Any, status: int = 200) -> HttpResponse:
    # Encoded like the socket's frames, so both say the same in the same form.
    return HttpResponse(wire.encode(value), content_type="application/json", status=status)
