"""`/ws/`: the commands of chat. A table and its handlers; the rules are in the services."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from functools import partial
from typing import Any

import msgspec
from django.conf import settings
from django.http import parse_cookie

from accounts.models import User
from accounts.queries import Identity
from chat import events, live, queries
from chat.joining import Joining, Position, join
from chat.queries import Access, message_page
from chat.services.bans import ban_user
from chat.services.messages import delete_message, edit_message
from chat.services.posting import Draft, Posted
from chat.services.reading import ReadMark
from chat.services.rooms import clear_room
from chat.text import MAX_CHARACTERS, clean_text
from realtime import wire
from realtime.close_codes import CloseCode
from realtime.consumer import LATER, CommandConsumer, CommandSpec, Refused, Visitor
from realtime.errors import ClientError, NotFound
from realtime.ids import new_uid
from realtime.topic import RING

MAX_ROOMS_PER_JOIN = 50


class JoinRoom(msgspec.Struct, frozen=True):
    since: Position | None = None
    limit: int = 50


class RoomToJoin(JoinRoom, frozen=True, kw_only=True):
    room: str


class JoinRooms(msgspec.Struct, frozen=True):
    rooms: list[RoomToJoin]


class Nothing(msgspec.Struct, frozen=True):
    pass


class SyncRoom(msgspec.Struct, frozen=True):
    since: int


class FetchHistory(msgspec.Struct, frozen=True):
    before: int | None = None
    after: int | None = None
    around: int | None = None
    limit: int = 50


class SendMessage(msgspec.Struct, frozen=True):
    client_id: uuid.UUID
    text: str


class EditMessage(msgspec.Struct, frozen=True):
    seq: int
    text: str


class AtMessage(msgspec.Struct, frozen=True):
    seq: int


class BanMember(msgspec.Struct, frozen=True):
    user: str
    until: dt.datetime | None = None
    reason: str = ""


class Heartbeat(msgspec.Struct, frozen=True):
    rooms: dict[str, int] = {}


class ChatConsumer(CommandConsumer):
    """One socket, any number of rooms. `joined` holds what is known of the person in each room they follow here."""

    subprotocol = "pavilion.chat.v1"
    limits = {"text": MAX_CHARACTERS, "rooms_per_join": MAX_ROOMS_PER_JOIN, "resume": RING}  # noqa: RUF012

    identity: Identity

    def __init__(self, scope: dict[str, Any], send: Any) -> None:
        super().__init__(scope, send)
        self.joined: dict[str, Access] = {}

    async def identify(self) -> Visitor | None:
        key = session_key_of(self.scope)
        if not key:
            return None
        newcomer = await self.chat.newcomers.get(key)
        if newcomer is None:
            return None
        if newcomer.is_banned:
            raise Refused(CloseCode.BANNED)
        self.identity = identity = newcomer.identity
        me = {"uid": identity.uid, "name": identity.name, "guest": identity.is_guest}
        return Visitor(identity.pk, key, me)

    @property
    def chat(self) -> live.ChatParts:
        return live.parts_of(self.runtime)

    async def call(self, service: Any, **arguments: Any) -> Any:
        """Run a service that needs the person's row, in a thread."""

        def run() -> Any:
            return service(actor=User.objects.get(pk=self.identity.pk), **arguments)

        return await self.runtime.threads.run(run)

    def access(self, room: str) -> Access:
        """Return what was found when this socket joined the room; raise when it has not."""
        found = self.joined.get(room)
        if found is None:
            raise ClientError("forbidden", "Join the room first.", field="room")
        return found


# --- joining ----------------------------------------------------------------------------------------------------


async def join_room(socket: ChatConsumer, command: wire.Command, d: JoinRoom) -> Any:
    joining = await join(socket.runtime, socket.identity.pk, command.room, d.since, d.limit)
    return _answer_join(socket, command, joining)


async def join_many(socket: ChatConsumer, command: wire.Command, d: JoinRooms) -> Any:
    if len(d.rooms) > MAX_ROOMS_PER_JOIN:
        raise ClientError("too_large", f"At most {MAX_ROOMS_PER_JOIN} rooms at once.", field="rooms")
    # Together, so that their reads share batches; one room that refuses does not spoil the others.
    joinings = await asyncio.gather(*(_join_or_error(socket, wanted) for wanted in d.rooms))
    socket.answer(command.id, [j.answer if isinstance(j, Joining) else j for j in joinings])
    for joining in joinings:
        if isinstance(joining, Joining):
            _follow(socket, joining)
    return LATER


async def _join_or_error(socket: ChatConsumer, wanted: RoomToJoin) -> Joining | dict[str, Any]:
    try:
        return await join(socket.runtime, socket.identity.pk, wanted.room, wanted.since, wanted.limit)
    except ClientError as error:
        return {"room_uid": wanted.room, "err": {"code": error.code, "message": error.message}}


def _answer_join(socket: ChatConsumer, command: wire.Command, joining: Joining) -> Any:
    socket.answer(command.id, joining.answer)
    _follow(socket, joining)
    return LATER


def _follow(socket: ChatConsumer, joining: Joining) -> None:
    """Follow the room from where the answer ends. Called after the answer was pushed, so events come behind it."""
    hub = socket.runtime.hub
    socket.joined[joining.topic.name] = joining.access
    hub.detach(socket.connection, joining.topic.name)
    hub.attach(socket.connection, joining.topic, joining.cursor)


def leave(socket: ChatConsumer, command: wire.Command, d: Nothing) -> dict[str, Any]:
    """Stop following the room on this socket; the membership stays."""
    socket.joined.pop(command.room, None)
    socket.runtime.hub.detach(socket.connection, command.room)
    return {}


async def sync_room(socket: ChatConsumer, command: wire.Command, d: SyncRoom) -> Any:
    socket.access(command.room)
    topic = await socket.runtime.hub.open(command.room)
    since = Position(topic.epoch, d.since)
    joining = await join(socket.runtime, socket.identity.pk, command.room, since, JoinRoom().limit, may_enter=False)
    return _answer_join(socket, command, joining)


# --- messages ---------------------------------------------------------------------------------------------------


async def fetch_history(socket: ChatConsumer, command: wire.Command, d: FetchHistory) -> dict[str, Any]:
    socket.access(command.room)

    def read() -> queries.Page:
        # Looked up again, not remembered: the room may have been cleared, or the person removed, since they joined.
        found = queries.access_of(socket.identity.pk, command.room)
        return message_page(found.room, before=d.before, after=d.after, around=d.around, limit=d.limit)

    page = await socket.runtime.threads.run(read)
    messages = [events.message_payload(row, viewer=socket.identity.pk) for row in page.rows]
    return {"messages": messages, "has_more": page.has_more}


def send_message(socket: ChatConsumer, command: wire.Command, d: SendMessage) -> Any:
    socket.access(command.room)
    draft = Draft(
        room=command.room,
        sender=socket.identity.pk,
        client_id=d.client_id,
        # Checked here as well as in the service: the journal must take only what the database will.
        text=clean_text(d.text),
        uid=new_uid(),
        at=dt.datetime.now(dt.UTC),
    )
    socket.chat.messages.submit(draft, partial(_answer_send, socket, command.id, draft))
    return LATER


def _answer_send(socket: ChatConsumer, command_id: int, draft: Draft, result: Posted | Exception) -> None:
    socket.answer(command_id, result)
    # A repeat has been shown the first time, under the uid that it was given then.
    if isinstance(result, Posted) and result.state == "journaled" and not result.duplicate:
        identity = socket.identity
        sender = {"uid": identity.uid, "name": identity.name, "guest": identity.is_guest, "role": "member"}
        live.announce_provisional(socket.runtime, draft, sender)


async def edit(socket: ChatConsumer, command: wire.Command, d: EditMessage) -> dict[str, Any]:
    return {"rev": await socket.call(edit_message, room_uid=command.room, seq=d.seq, text=d.text)}


async def delete(socket: ChatConsumer, command: wire.Command, d: AtMessage) -> dict[str, Any]:
    return {"rev": await socket.call(delete_message, room_uid=command.room, seq=d.seq)}


async def set_read(socket: ChatConsumer, command: wire.Command, d: AtMessage) -> dict[str, int]:
    standing = socket.access(command.room).standing
    if standing.membership_id is None:
        raise ClientError("forbidden", "Join the room first.", field="room")
    topic = await socket.runtime.hub.open(command.room)
    seq = max(0, min(d.seq, topic.head))
    read_seq = await socket.chat.reads.write(ReadMark(standing.membership_id, seq))
    if read_seq >= topic.head:
        # Nothing is above the head, so the usual case needs no counting.
        return {"read_seq": read_seq, "unread": 0}
    unread = await socket.runtime.threads.run(queries.unread_in, command.room, socket.identity.pk, read_seq)
    return {"read_seq": read_seq, "unread": unread}


# --- people -----------------------------------------------------------------------------------------------------


async def list_people(socket: ChatConsumer, command: wire.Command, d: Nothing) -> dict[str, Any]:
    socket.access(command.room)
    present = socket.runtime.hub.presence.people(command.room)

    def read() -> list[dict[str, Any]]:
        queries.access_of(socket.identity.pk, command.room)
        return queries.people(present)

    return {"online": len(present), "people": await socket.runtime.threads.run(read)}


async def ban_member(socket: ChatConsumer, command: wire.Command, d: BanMember) -> dict[str, Any]:
    def ban(*, actor: User) -> None:
        room = queries.room_to_moderate_or_read(actor, command.room)
        user = User.objects.filter(uid=d.user.replace("\x00", "")).first()
        if user is None:
            raise NotFound("There is no such person.")
        ban_user(actor=actor, user=user, room=room, until=d.until, reason=d.reason)

    await socket.call(ban)
    return {}


async def clear(socket: ChatConsumer, command: wire.Command, d: Nothing) -> dict[str, Any]:
    def run(*, actor: User) -> int:
        return clear_room(actor=actor, room=queries.room_to_moderate_or_read(actor, command.room))

    return {"rev": await socket.call(run)}


def heartbeat(socket: ChatConsumer, command: wire.Command, d: Heartbeat) -> dict[str, Any]:
    """Answer with the heads of the rooms that the client names and follows; a lower position there is a gap."""
    topics = {topic.name: topic.head for topic in socket.connection.cursors}
    return {"heads": {room: topics[room] for room in d.rooms if room in topics}}


ChatConsumer.commands = {
    "room.join": CommandSpec(JoinRoom, join_room),
    "rooms.join": CommandSpec(JoinRooms, join_many),
    "room.leave": CommandSpec(Nothing, leave),
    "room.sync": CommandSpec(SyncRoom, sync_room),
    "room.clear": CommandSpec(Nothing, clear),
    "history.fetch": CommandSpec(FetchHistory, fetch_history),
    "message.send": CommandSpec(SendMessage, send_message),
    "message.edit": CommandSpec(EditMessage, edit),
    "message.delete": CommandSpec(AtMessage, delete),
    "read.set": CommandSpec(AtMessage, set_read),
    "presence.list": CommandSpec(Nothing, list_people),
    "member.ban": CommandSpec(BanMember, ban_member),
    "heartbeat": CommandSpec(Heartbeat, heartbeat),
}


def session_key_of(scope: dict[str, Any]) -> str:
    """Return the session key in the cookies of this ASGI scope, or ""."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            # Django's own reading: a stray cookie of another program beside ours must not hide the session.
            key = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
            return key if key.isalnum() else ""
    return ""
