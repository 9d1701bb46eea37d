"""Posting: drafts in, numbered messages out, one transaction for the whole batch."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from django.db import DatabaseError, transaction
from django.db.models import Max
from django.utils import timezone

from chat import events
from chat.events import MessageRow
from chat.models import Message
from chat.permissions import Standing, refusal_to_post
from chat.services import statements
from chat.services.statements import NewMessage, StoredMessage
from chat.text import clean_text
from realtime import wire
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


@transaction.atomic
def post_messages(drafts: Sequence[Draft]) -> list[Posted | ClientError]:
    """Store the drafts and return, in order, each one's position or the reason it was refused.

    Five statements whatever the size of the batch, and a sixth when a room is in slow mode. A draft that was stored
    before is answered with its first position and `duplicate`.
    """
    if not drafts:
        return []
    batch = _Batch(drafts)
    results = [batch.place(draft) for draft in drafts]
    batch.store()
    return results


class _Batch:
    """One run of `post_messages`: the locked rooms, who is writing, and what was stored before."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.now = timezone.now()
        self.rooms = {room.uid: room for room in statements.lock_rooms({draft.room for draft in drafts})}
        ids = [room.pk for room in self.rooms.values()]
        users = {draft.sender for draft in drafts}
        self.senders = {(m.room_id, m.user_id): m for m in statements.senders(ids, users)}
        self.known: dict[Key, StoredMessage] = statements.stored_messages(ids, users, [d.client_id for d in drafts])
        self.last_at = self._last_times()
        self.placed: dict[str, list[NewMessage]] = defaultdict(list)

    def place(self, draft: Draft) -> Posted | ClientError:
        """Give the draft its number, or return why it has none."""
        room = self.rooms.get(draft.room)
        if room is None:
            return NotFound("There is no such room.")
        try:
            text = clean_text(draft.text)
        except ClientError as error:
            return error
        known = self.known.get((room.pk, draft.sender, draft.client_id))
        if known is not None:
            return _repeated(known, text)
        refusal = None if draft.is_accepted else self._refusal(room, draft.sender)
        return refusal or self._number(room, draft, text)

    def store(self) -> None:
        """Write what was placed, and publish it once it is committed."""
        rows = [row for placed in self.placed.values() for row in placed]
        if not rows:
            return
        statements.insert_messages(rows)
        last_rows = [placed[-1] for placed in self.placed.values()]
        statements.move_heads([(row.room_id, row.seq, row.created_at) for row in last_rows])
        for room, placed in self.placed.items():
            ready = [events.message_event(room, self._message_row(row)) for row in placed]
            transaction.on_commit(partial(publish, room, ready))

    def _refusal(self, room: Any, user: int) -> ClientError | None:
        member = self.senders.get((room.pk, user))
        if member is None:
            return ClientError("forbidden", "Enter the room before you write in it.")
        standing = Standing(
            user_id=user,
            is_active=bool(member.user_is_active),
            is_guest=bool(member.user_is_guest),
            is_banned=bool(member.is_banned),
            membership_id=member.pk,
            role=member.role,
            muted_until=member.muted_until,
            is_present=member.left_at is None and member.removed_at is None,
        )
        refusal = refusal_to_post(room, standing, self.now)
        if refusal is not None or not room.slow_seconds or standing.is_moderator:
            return refusal
        last_at = self.last_at.get((room.pk, user))
        free_at = last_at and last_at + dt.timedelta(seconds=room.slow_seconds)
        return SlowMode(free_at - self.now) if free_at and free_at > self.now else None

    def _number(self, room: Any, draft: Draft, text: str) -> Posted:
        room.head += 1
        row = NewMessage(
            room_id=room.pk,
            seq=room.head,
            rev=room.head,
            uid=draft.uid,
            sender_id=draft.sender,
            client_id=draft.client_id,
            kind=Message.Kind.CHAT.value,
            body=text,
            created_at=draft.at,
        )
        self.placed[room.uid].append(row)
        self.known[room.pk, draft.sender, draft.client_id] = StoredMessage(row.seq, row.uid, text, draft.at, False)
        self.last_at[room.pk, draft.sender] = self.now
        return Posted(row.seq, row.uid, wire.format_time(row.created_at))

    def _message_row(self, row: NewMessage) -> MessageRow:
        member = self.senders.get((row.room_id, row.sender_id))
        return MessageRow(
            rev=row.rev,
            seq=row.seq,
            uid=row.uid,
            kind=row.kind,
            body=row.body,
            created_at=row.created_at,
            edited_at=None,
            deleted_at=None,
            client_id=row.client_id,
            sender_id=row.sender_id,
            sender_uid=member.user_uid if member else None,
            sender_name=member.user_name if member else None,
            sender_is_guest=bool(member.user_is_guest) if member else None,
            sender_role=member.role if member else None,
        )

    def _last_times(self) -> dict[tuple[int, int], dt.datetime]:
        slow = [room.pk for room in self.rooms.values() if room.slow_seconds]
        if not slow:
            return {}
        last = Message.objects.filter(room_id__in=slow, sender_id__in={user for _, user in self.senders})
        rows = last.values_list("room_id", "sender_id").annotate(last=Max("created_at"))
        return {(room, user): at for room, user, at in rows}


def identify_draft(draft: Draft) -> tuple[tuple[str, int, uuid.UUID], str]:
    """Return what makes a draft the same draft, and what it says."""
    return (draft.room, draft.sender, draft.client_id), draft.text


def posted_again(posted: Posted) -> Posted:
    """Return the answer to a draft that was answered before."""
    return msgspec.structs.replace(posted, duplicate=True)


def _repeated(known: StoredMessage, text: str) -> Posted | ClientError:
    # An edited or deleted message no longer says what was sent, so its repeat cannot be compared.
    if known.body != text and not known.is_changed:
        return IdempotencyConflict()
    return Posted(known.seq, known.uid, wire.format_time(known.created_at), duplicate=True)


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
            undeliverable(lines[0], str(error))
            return
        for line, _ in drafts:
            replay_drafts([line], undeliverable)
        return
    for (line, _), result in zip(drafts, results, strict=True):
        if isinstance(result, ClientError):
            undeliverable(line, result.message)


_decoder = msgspec.json.Decoder(Draft)
