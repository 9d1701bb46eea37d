"""Posting: drafts in, numbered messages out, one transaction for the whole batch."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from django.db import DatabaseError, connection, transaction
from django.db.models import Max, OuterRef
from django.utils import timezone

from chat import events
from chat.events import MessageRow
from chat.models import Membership, Message, RoomCursor
from chat.permissions import Standing, refusal_to_post
from chat.queries import is_banned
from chat.services.numbers import move_heads
from chat.text import clean_text
from realtime.errors import ClientError, NotFound
from realtime.runtime import publish
from realtime.threads import OUTAGES


class Draft(msgspec.Struct, frozen=True):
    """A message before it has a number.

    sender:      the author's primary key, from the session, never from the client.
    client_id:   chosen by the client and kept across its retries.
    uid, at:     given on arrival, so that a journaled message keeps them.
    is_accepted: its sender has an acknowledgement already (it comes from the journal), so only its storing is left.
    """

    room: str
    sender: int
    client_id: uuid.UUID
    text: str
    uid: str
    at: dt.datetime
    is_accepted: bool = False


class Posted(msgspec.Struct, frozen=True):
    """The answer to a sender. `seq` is None while the message waits in the journal."""

    seq: int | None
    uid: str
    at: str
    duplicate: bool = False
    state: str = "stored"


class IdempotencyConflict(ClientError):
    def __init__(self) -> None:
        super().__init__("idempotency_conflict", "This client_id was used for another text.", field="client_id")


class SlowMode(ClientError):
    def __init__(self, wait: dt.timedelta) -> None:
        milliseconds = max(1, int(wait.total_seconds() * 1000))
        super().__init__("slow_mode", "Slow mode is on. Wait a moment.", retry_after_ms=milliseconds)


Key = tuple[int, int, uuid.UUID]  # room, sender, client_id: what makes a draft the same draft


@dataclass(slots=True)
class _Sender:
    standing: Standing
    uid: str
    name: str
    last_at: dt.datetime | None = None


@transaction.atomic
def post_messages(drafts: Sequence[Draft]) -> list[Posted | ClientError]:
    """Store the drafts and return, in order, each one's position or the reason it was refused.

    Five statements whatever the size of the batch, and a sixth when a room is in slow mode. A draft that was stored
    before is answered with its first position and `duplicate`.
    """
    if not drafts:
        return []
    batch = _Batch.load(drafts)
    results = [batch.place(draft) for draft in drafts]
    batch.store()
    return results


class _Batch:
    """One run of `post_messages`: the locked cursors, who is writing, and what was stored before."""

    def __init__(self, cursors: dict[str, RoomCursor], senders: dict[tuple[int, int], _Sender]) -> None:
        self.cursors = cursors
        self.senders = senders
        self.known: dict[Key, Message] = {}
        self.messages: list[Message] = []
        self.now = timezone.now()

    @classmethod
    def load(cls, drafts: Sequence[Draft]) -> _Batch:
        # Always in the same order: two processes that lock the same rooms must not wait for each other.
        locked = RoomCursor.objects.select_for_update(of=("self",)).select_related("room").order_by("room_id")
        cursors = {c.room.uid: c for c in locked.filter(room__uid__in={draft.room for draft in drafts})}
        batch = cls(cursors, _senders(cursors.values(), {draft.sender for draft in drafts}))
        stored = Message.objects.filter(
            room_id__in=[c.room_id for c in cursors.values()],
            sender_id__in={draft.sender for draft in drafts},
            client_id__in={draft.client_id for draft in drafts},
        )
        batch.known = {_key(message): message for message in stored}
        batch._load_last_times()
        return batch

    def place(self, draft: Draft) -> Posted | ClientError:
        """Give the draft its number, or return why it has none."""
        cursor = self.cursors.get(draft.room)
        if cursor is None:
            return NotFound("There is no such room.")
        known = self.known.get((cursor.room_id, draft.sender, draft.client_id))
        try:
            text = clean_text(draft.text)
        except ClientError as error:
            return error
        if known is not None:
            return _repeated(known, text)
        sender = self.senders.get((cursor.room_id, draft.sender))
        refusal = None if draft.is_accepted else self._refusal(cursor, sender)
        if refusal is not None:
            return refusal
        return self._number(cursor, sender, draft, text)

    def store(self) -> None:
        """Write what was placed, and publish it once it is committed."""
        if not self.messages:
            return
        moved = {message.room_id for message in self.messages}
        insert_messages(self.messages)
        move_heads([c for c in self.cursors.values() if c.room_id in moved])
        by_room: dict[int, list[Message]] = defaultdict(list)
        for message in self.messages:
            by_room[message.room_id].append(message)
        for cursor in self.cursors.values():
            if cursor.room_id in moved:
                ready = [self._event(cursor, message) for message in by_room[cursor.room_id]]
                transaction.on_commit(partial(publish, cursor.room.uid, ready))

    def _refusal(self, cursor: RoomCursor, sender: _Sender | None) -> ClientError | None:
        if sender is None:
            return ClientError("forbidden", "Enter the room before you write in it.")
        refusal = refusal_to_post(cursor.room, sender.standing, self.now)
        if refusal is not None or sender.standing.is_moderator or not cursor.room.slow_seconds:
            return refusal
        free_at = sender.last_at and sender.last_at + dt.timedelta(seconds=cursor.room.slow_seconds)
        return SlowMode(free_at - self.now) if free_at and free_at > self.now else None

    def _number(self, cursor: RoomCursor, sender: _Sender | None, draft: Draft, text: str) -> Posted:
        cursor.head += 1
        cursor.last_message_at = draft.at
        message = Message(
            room_id=cursor.room_id,
            seq=cursor.head,
            rev=cursor.head,
            uid=draft.uid,
            sender_id=draft.sender,
            client_id=draft.client_id,
            kind=Message.Kind.CHAT,
            body=text,
            created_at=draft.at,
        )
        self.messages.append(message)
        self.known[_key(message)] = message
        if sender is not None:
            sender.last_at = self.now
        return Posted(message.seq, message.uid, events.format_time(message.created_at))

    def _event(self, cursor: RoomCursor, message: Message) -> events.Event:
        sender = self.senders.get((message.room_id, message.sender_id or 0))
        row = MessageRow(
            rev=message.rev,
            seq=message.seq,
            uid=message.uid,
            kind=message.kind,
            body=message.body,
            created_at=message.created_at,
            edited_at=None,
            deleted_at=None,
            client_id=message.client_id,
            sender_id=message.sender_id,
            sender_uid=sender.uid if sender else None,
            sender_name=sender.name if sender else None,
            sender_is_guest=sender.standing.is_guest if sender else None,
            sender_role=sender.standing.role if sender else None,
        )
        return events.message_event(cursor.room.uid, row)

    def _load_last_times(self) -> None:
        slow = [c.room_id for c in self.cursors.values() if c.room.slow_seconds]
        if not slow:
            return
        last = Message.objects.filter(room_id__in=slow, sender_id__in={user for _, user in self.senders})
        for room_id, user_id, at in last.values_list("room_id", "sender_id").annotate(last=Max("created_at")):
            if (sender := self.senders.get((room_id, user_id))) is not None:
                sender.last_at = at


def _senders(cursors: Iterable[RoomCursor], users: set[int]) -> dict[tuple[int, int], _Sender]:
    rows = (
        Membership.objects.filter(room_id__in=[c.room_id for c in cursors], user_id__in=users)
        .annotate(is_banned=is_banned(OuterRef("user_id"), OuterRef("room_id")))
        .values_list(
            "pk", "room_id", "user_id", "role", "muted_until", "left_at", "removed_at", "is_banned",
            "user__uid", "user__display_name", "user__is_guest", "user__is_active",
        )
    )  # fmt: skip
    senders = {}
    for pk, room_id, user_id, role, muted_until, left_at, removed_at, banned, uid, name, is_guest, is_active in rows:
        standing = Standing(
            user_id=user_id,
            is_active=is_active,
            is_guest=is_guest,
            is_banned=banned,
            membership_id=pk,
            role=role,
            muted_until=muted_until,
            is_present=left_at is None and removed_at is None,
        )
        senders[room_id, user_id] = _Sender(standing, uid, name)
    return senders


def _key(message: Message) -> Key:
    assert message.sender_id is not None and message.client_id is not None
    return (message.room_id, message.sender_id, message.client_id)


def _repeated(known: Message, text: str) -> Posted | ClientError:
    # An edited or deleted message no longer says what was sent, so its repeat cannot be compared.
    if known.body != text and known.edited_at is None and known.deleted_at is None:
        return IdempotencyConflict()
    return Posted(known.seq, known.uid, events.format_time(known.created_at), duplicate=True)


def insert_messages(messages: list[Message]) -> None:
    """Insert the messages in one statement."""
    if connection.vendor == "postgresql":
        Message.objects.bulk_create(messages)  # Django passes the columns as arrays (unnest)
        return
    fields = [field for field in Message._meta.concrete_fields if not field.primary_key]
    columns, marks = ", ".join(field.column for field in fields), ", ".join(["%s"] * len(fields))
    rows: list[list[Any]] = [
        [field.get_db_prep_save(getattr(message, field.attname), connection) for field in fields]
        for message in messages
    ]
    with connection.cursor() as db:
        # One prepared statement run per row: bulk_create would split above SQLite's limit on parameters.
        db.executemany(f"INSERT INTO {Message._meta.db_table} ({columns}) VALUES ({marks})", rows)  # noqa: S608


def replay_drafts(lines: Sequence[bytes], undeliverable: Callable[[bytes, str], None]) -> None:
    """Store drafts that were acknowledged from the journal; storing one again changes nothing.

    What can never be stored (its room or its author is gone) is handed to `undeliverable` with the reason.
    """
    drafts = []
    for line in lines:
        try:
            drafts.append((line, msgspec.structs.replace(_decoder.decode(line), is_accepted=True)))
        except msgspec.DecodeError as error:
            undeliverable(line, str(error))
    try:
        results = post_messages([draft for _, draft in drafts])
    except OUTAGES:
        raise
    except DatabaseError as error:
        if len(lines) == 1:
            return undeliverable(lines[0], str(error))
        for line, _ in drafts:
            replay_drafts([line], undeliverable)
        return
    for (line, _), result in zip(drafts, results, strict=True):
        if isinstance(result, ClientError):
            undeliverable(line, result.message)


_decoder = msgspec.json.Decoder(Draft)
