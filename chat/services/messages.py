"""Changing and deleting what was said."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chat import events
from chat.events import MessageRow
from chat.models import Message, MessageVersion, Room
from chat.permissions import can_moderate, refusal_to_post
from chat.queries import access_for, message_rows, room_to_moderate_or_read
from chat.services.numbers import lock_cursor, take_number
from chat.text import clean_text
from operations.activity import record
from realtime.errors import ClientError, NotFound
from realtime.runtime import publish


@transaction.atomic
def edit_message(*, actor: User, room_uid: str, seq: int, text: str) -> int:
    """Replace the text of the actor's own message, keep the former one as a version, and return the new `rev`.

    Saying the same again changes nothing and takes no number.
    """
    cursor = lock_cursor(access_for(actor, room_uid).room)
    # Read under the lock: the room may have been cleared or closed, or the person banned, while this waited for it.
    access = access_for(actor, room_uid)
    message = _locked_message(access.room, seq)
    if message.sender_id != actor.pk:
        raise ClientError("forbidden", "Only its author can edit a message.")
    refusal = refusal_to_post(access.room, access.standing, timezone.now())
    if refusal is not None:
        raise refusal
    text = clean_text(text)
    if text == message.body:
        return message.rev
    MessageVersion.objects.create(message=message, rev=message.rev, body=message.body)
    message.body, message.edited_at, message.rev = text, timezone.now(), take_number(cursor)
    message.save(update_fields=["body", "edited_at", "rev"])
    _publish(access.room, message)
    return message.rev


@transaction.atomic
def delete_message(*, actor: User, room_uid: str, seq: int) -> int:
    """Turn a message into a tombstone, forget its text and all former ones, and return the new `rev`.

    The author may, and who moderates the room; the latter is recorded.
    """
    room = room_to_moderate_or_read(actor, room_uid)
    cursor = lock_cursor(room)
    room.refresh_from_db()
    message = _locked_message(room, seq)
    is_own = message.sender_id == actor.pk
    if not is_own and not can_moderate(actor, room):
        raise ClientError("forbidden", "Only its author or a moderator can delete a message.")
    length = len(message.body)
    message.versions.all().delete()
    message.body, message.deleted_at, message.rev = "", timezone.now(), take_number(cursor)
    message.save(update_fields=["body", "deleted_at", "rev"])
    if not is_own:
        record("chat.message.deleted", actor=actor, target=message.uid, data={"room": room.uid, "length": length})
    _publish(room, message)
    return message.rev


def _locked_message(room: Room, seq: int) -> Message:
    message = Message.objects.select_for_update().filter(room=room, seq=seq, seq__gt=room.cleared_seq).first()
    if message is None or message.deleted_at is not None:
        raise NotFound("There is no such message.")
    return message


def _publish(room: Room, message: Message) -> None:
    row = MessageRow(*message_rows(Message.objects.filter(pk=message.pk)).get())
    transaction.on_commit(partial(publish, room.uid, [events.message_event(room.uid, row)]))
