"""The live side of chat: what a server process runs for it, put together from the parts of `realtime`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings

from accounts import queries as accounts
from chat import queries
from chat.queries import Access, Newcomer
from chat.services.entering import Arrival, join_rooms
from chat.services.posting import (
    Draft,
    IdempotencyConflict,
    Posted,
    identify_draft,
    post_messages,
    posted_again,
    replay_drafts,
)
from chat.services.reading import ReadMark, mark_read
from realtime import wire
from realtime.doorbell import Layer
from realtime.errors import ClientError
from realtime.hub import Changes, Head
from realtime.journal import Journal
from realtime.loader import BatchLoader
from realtime.repeats import Repeats
from realtime.runtime import Guard, Runtime, current
from realtime.spool import SUFFIX, Spool, adopt_orphans
from realtime.writer import GroupWriter

logger = logging.getLogger(__name__)

# The journal's lines that can never be stored (their room is gone) are kept here for whoever runs the server.
_UNDELIVERABLE = "undeliverable.jsonl"


class RoomSource:
    """The hub's view of the rooms: topics are room uids."""

    def heads(self, topics: Sequence[str]) -> dict[str, Head]:
        return queries.heads(topics)

    def changes(self, topic: str, since: int) -> Changes | None:
        return queries.changes(topic, since)


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What the chat keeps beside the hub. Each writer and loader serves all sockets of the process."""

    messages: GroupWriter[Draft, Posted]
    arrivals: GroupWriter[Arrival, Access]
    reads: GroupWriter[ReadMark, int]
    newcomers: BatchLoader[str, Newcomer]
    accesses: BatchLoader[tuple[int, str], Access]


def build_runtime(*, node: str, layer: Layer | None = None, spool_directory: Path | None = None) -> Runtime:
    """Return a runtime for this process, not yet started. `node` names its journal and itself to the others."""
    directory = spool_directory or settings.SPOOL_DIR
    guard = Guard(alive=accounts.sessions_alive, banned=queries.banned_everywhere)
    runtime = Runtime(node=node, source=RoomSource(), guard=guard, layer=layer)
    journal = Journal[Draft, Posted](
        Spool(directory, node, settings.SPOOL_MAX_BYTES),
        dump=msgspec.json.encode,
        replay=lambda lines: replay_drafts(lines, _set_aside(directory)),
        answer=_journaled,
        load=msgspec.json.Decoder(Draft).decode,
        repeats=Repeats(identify_draft, again=posted_again, conflict=IdempotencyConflict),
    )
    parts = ChatParts(
        messages=GroupWriter("messages", post_messages, journal),
        arrivals=GroupWriter("arrivals", join_rooms),
        reads=GroupWriter("reads", mark_read),
        newcomers=BatchLoader(runtime.threads, queries.newcomers),
        accesses=BatchLoader(runtime.threads, queries.accesses),
    )
    runtime.parts["chat"] = parts
    runtime.writers = {"messages": parts.messages, "arrivals": parts.arrivals, "reads": parts.reads}
    return runtime


def parts_of(runtime: Runtime) -> ChatParts:
    return cast(ChatParts, runtime.parts["chat"])


def store_orphans(directory: Path) -> int:
    """Store the journals that dead processes left, and return how many messages they held."""
    count = 0
    for path, lines in adopt_orphans(directory):
        for start in range(0, len(lines), 200):
            replay_drafts(lines[start : start + 200], _set_aside(directory))
        path.unlink()
        count += len(lines)
        logger.warning("journal %s of a dead process: %d messages stored", path.name, len(lines))
    return count


def has_orphans(directory: Path) -> bool:
    """Return whether there is any journal beside our own; most of the time there is none, and no lock is tried."""
    runtime = current()
    own = f"{runtime.node}{SUFFIX}" if runtime is not None else ""
    return any(path.name != own for path in directory.glob(f"*{SUFFIX}"))


async def post(draft: Draft) -> Posted:
    """Store one message together with whatever else is being sent, and return its position."""
    runtime = current()
    if runtime is not None:
        return await parts_of(runtime).messages.write(draft)
    [result] = await sync_to_async(post_messages)([draft])
    if isinstance(result, ClientError):
        raise result
    return result


def announce_provisional(runtime: Runtime, draft: Draft, sender: dict[str, Any]) -> None:
    """Show a journaled message to who is in the room: it has no number yet, and will be replaced by uid."""
    d = {"uid": draft.uid, "sender": sender, "text": draft.text, "at": wire.format_time(draft.at)}
    runtime.signal(draft.room, wire.signal("message.provisional", d, draft.room), without=draft.sender)


def _journaled(draft: Draft) -> Posted:
    return Posted(None, draft.uid, wire.format_time(draft.at), state="journaled")


def _set_aside(directory: Path) -> Callable[[bytes, str], None]:
    def keep(line: bytes, reason: str) -> None:
        logger.error("a journaled message cannot be stored: %s", reason)
        with (directory / _UNDELIVERABLE).open("ab") as file:
            file.write(line + b"\n")

    return keep
