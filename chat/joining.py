"""Joining a room: what a client is told first, and where its live events go on from.

There are three answers. A client without a position gets a *snapshot*. One that was here before is *resumed*: it gets
what changed since, from the hub's memory, so a whole room may come back at once. When that is not possible it gets a
*reset*, a snapshot with the reason, and never half of anything.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from chat import events, live
from chat.queries import Access, Page, message_page
from chat.services.entering import Arrival
from realtime import wire
from realtime.errors import NotFound
from realtime.ids import is_uid
from realtime.runtime import Runtime
from realtime.topic import RING, Topic

# What a resume may weigh; a heavier one is answered with a fresh snapshot, whose size is bounded.
_MAX_RESUME_CHARACTERS = 300_000


class Position(msgspec.Struct, frozen=True):
    """Where a client stands in a room."""

    epoch: str
    seq: int


class Joining(NamedTuple):
    """The answer to a join, and where the client goes on from."""

    answer: dict[str, Any]
    topic: Topic
    access: Access
    cursor: int


async def join(
    runtime: Runtime, user: int, room: str, since: Position | None, limit: int, *, may_enter: bool = True
) -> Joining:
    """Return the answer for `user` (primary key), who becomes a member of a public room on the first visit.

    Without `may_enter` they have to be in: somebody who only goes on must not be let in again behind their own leaving.
    Raises `ClientError` when they may not come in.
    """
    if not is_uid(room):
        raise NotFound("There is no such room.")
    while True:
        # Heard before it is read, so nothing is missed in between; the head comes with the access, in one statement.
        with runtime.hub.expecting(room) as begin:
            access = await _admit(runtime, user, room, may_enter=may_enter)
            topic = begin(access.head)
            joining = await resume(runtime, topic, access, since) if since is not None else None
        # Read again what changed while it was read: somebody who was banned in that moment would be let in behind
        # the number of their removal, and a clearing would be missing from the room that is shown.
        if _is_current(topic, access):
            break
        if topic.epoch != access.head.epoch:
            await runtime.hub.refresh(topic)
    if joining is not None:
        return joining
    # The head is taken before the rows are read. What changes in between is in both, and harmless: rows carry `rev`.
    head = topic.head
    page = await runtime.threads.run(message_page, access.room, limit=limit)
    answer = _snapshot(runtime, topic, access, page) | {"head": head}
    if since is not None:
        answer |= {"mode": "reset", "reason": "epoch_changed" if since.epoch != topic.epoch else "too_old"}
    return Joining(answer, topic, access, head)


def _is_current(topic: Topic, access: Access) -> bool:
    """Return whether neither the room nor the person in it has changed since `access` was read."""
    head = access.head
    if topic.epoch != head.epoch or not topic.reaches_back_to(head.number):
        return False
    return not topic.has_changed_since(head.number, "r", f"u{access.standing.user_id}")


async def resume(runtime: Runtime, topic: Topic, access: Access, since: Position) -> Joining | None:
    """Return what changed since the client's position, or None when only a fresh snapshot will do."""
    if since.seq > topic.head:
        # They have seen more elsewhere than this process has heard of.
        await runtime.hub.refresh(topic)
    if since.epoch != topic.epoch or not 0 <= since.seq <= topic.head or topic.head - since.seq > RING:
        return None
    if not topic.reaches_back_to(since.seq):
        await runtime.hub.complete(topic)
    if not topic.reaches_back_to(since.seq) or topic.size_after(since.seq) > _MAX_RESUME_CHARACTERS:
        return None
    viewer = access.standing.user_id
    answer = _changes_since(topic, since.seq, viewer, _online(runtime, topic, viewer))
    return Joining(answer, topic, access, topic.head)


async def _admit(runtime: Runtime, user: int, room: str, *, may_enter: bool) -> Access:
    chat = live.parts_of(runtime)
    access = await chat.accesses.get((user, room))
    if access is None:
        raise NotFound("There is no such room.")
    standing = access.standing
    if not standing.is_present or standing.is_banned:
        if not (may_enter or standing.is_banned):
            raise NotFound("There is no such room.")
        access = await chat.arrivals.write(Arrival(user, room, known=access))
    return access


def _changes_since(topic: Topic, since: int, viewer: int, online: int) -> dict[str, Any]:
    texts = [event.owned_text if event.owner == viewer else event.text for event in topic.since(since)]
    return {
        "mode": "resumed",
        "epoch": topic.epoch,
        "from": since,
        "head": topic.head,
        "events": [wire.raw(text) for text in texts],
        "online": online,
    }


def _snapshot(runtime: Runtime, topic: Topic, access: Access, page: Page) -> dict[str, Any]:
    standing = access.standing
    return {
        "mode": "snapshot",
        "epoch": topic.epoch,
        "room": events.room_payload(access.room, with_codes=True),
        "me": {
            "role": standing.role,
            "read_seq": access.read_seq,
            "muted_until": wire.format_time(standing.muted_until) if standing.muted_until else None,
        },
        "messages": [events.message_payload(row, viewer=standing.user_id) for row in page.rows],
        "has_more": page.has_more,
        "pins": [],
        "online": _online(runtime, topic, standing.user_id),
    }


def _online(runtime: Runtime, topic: Topic, newcomer: int) -> int:
    """Return how many people are in the room with the newcomer, who follows it a moment later."""
    return len(runtime.hub.presence.people(topic.name) | {newcomer})
