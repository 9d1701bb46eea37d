"""Everything that is read. Each function says how many statements it runs; tests pin the numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateTimeField,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
)
from django.utils import timezone

from accounts.models import User
from accounts.queries import Identity, identity_of, sessions_of_people
from chat import events
from chat.events import MemberRow, MessageRow
from chat.models import Ban, Membership, Message, MessageQuerySet, Room, RoomCursor, standing_bans
from chat.permissions import Standing, can_moderate
from realtime.errors import NotFound
from realtime.hub import Changes, Head
from realtime.runtime import online

PAGE = 100
# Unread messages are counted up to here and shown as "99+".
MAX_UNREAD = 100
# Up to here people are named one by one in a statement.
_FEW = 500
# A page stays well below one frame of 1 MiB even when every character takes four bytes.
MAX_PAGE_CHARACTERS = 150_000


@dataclass(frozen=True, slots=True)
class Access:
    """A room and what one person is in it."""

    room: Room
    standing: Standing
    read_seq: int = 0
    visited_at: dt.datetime | None = None

    @property
    def head(self) -> Head:
        """Where the room stood in the moment that all of this was read."""
        return Head(self.room.cursor.head, self.room.cursor.epoch)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who opens a socket, and whether they are kept out of everything."""

    identity: Identity
    is_banned: bool


@dataclass(frozen=True, slots=True)
class RoomCard:
    """A room as the home page shows it. `unread` is counted only where it is shown, among one's own rooms."""

    uid: str
    name: str
    kind: str
    mode: str
    online: int
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in ascending order, and whether there are more beyond the end that was paged towards."""

    rows: list[MessageRow]
    has_more: bool


def is_banned(user: Any, room: Any) -> Exists:
    """Return the condition that a standing ban keeps `user` out of `room`; both may be `OuterRef`s."""
    return Exists(Ban.objects.active(timezone.now()).filter(Q(room=room) | Q(room=None), user=user))


def accesses(pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], Access]:
    """Return the access for each pair of user (primary key) and room uid whose room exists.

    One statement when everybody is a member already, two when somebody comes for the first time.
    """
    # No uid holds a NUL, and PostgreSQL would refuse the whole statement for one.
    wanted = {(user, room) for user, room in pairs if "\x00" not in room}
    users = {user for user, _ in wanted}
    found: dict[tuple[int, str], Access] = {}
    rooms: dict[str, Room] = {}
    for room in _rooms_with_members({room for _, room in wanted}, users):
        rooms[room.uid] = room
        if room.member_user is not None:
            found[room.member_user, room.uid] = _access(room)
    missing = {(user, rooms[uid]) for user, uid in wanted - found.keys() if uid in rooms}
    if missing:
        found |= _first_accesses(missing)
    return {pair: found[pair] for pair in wanted if pair in found}


def _rooms_with_members(rooms: Collection[str], users: Collection[int]) -> Iterable[Any]:
    """Return each room once for every one of the users who is or was in it, and once bare where none was."""
    return (
        Room.objects.filter(uid__in=rooms)
        .select_related("cursor")
        .annotate(
            member=FilteredRelation("memberships", condition=Q(memberships__user__in=users)),
            member_pk=F("member__pk"),
            member_user=F("member__user_id"),
            member_role=F("member__role"),
            member_read_seq=F("member__read_seq"),
            member_visited_at=F("member__visited_at"),
            member_muted_until=F("member__muted_until"),
            member_left_at=F("member__left_at"),
            member_removed_at=F("member__removed_at"),
            # Looked up, not joined: Django puts a join behind a filtered relation before it, which no database takes.
            member_is_active=Exists(User.objects.filter(pk=OuterRef("member__user_id"), is_active=True)),
            member_is_guest=Exists(User.objects.filter(pk=OuterRef("member__user_id"), is_guest=True)),
            member_is_banned=is_banned(OuterRef("member__user_id"), OuterRef("pk")),
        )
    )


def _access(room: Any) -> Access:
    standing = Standing(
        user_id=room.member_user,
        is_active=room.member_is_active,
        is_guest=room.member_is_guest,
        is_banned=room.member_is_banned,
        membership_id=room.member_pk,
        role=room.member_role,
        muted_until=room.member_muted_until,
        is_present=room.member_left_at is None and room.member_removed_at is None,
    )
    return Access(room, standing, room.member_read_seq, room.member_visited_at)


def _first_accesses(pairs: Collection[tuple[int, Room]]) -> dict[tuple[int, str], Access]:
    """Return what people are in rooms where they never were. One statement."""
    rows = (
        User.objects.filter(pk__in={user for user, _ in pairs})
        .annotate(ban=FilteredRelation("bans", condition=standing_bans(timezone.now(), "bans__")))
        .values_list("pk", "is_active", "is_guest", "ban__pk", "ban__room_id")
    )
    people: dict[int, tuple[bool, bool]] = {}
    bans: set[tuple[int, int | None]] = set()
    for user, is_active, is_guest, ban, room_id in rows:
        people[user] = (is_active, is_guest)
        if ban is not None:
            bans.add((user, room_id))
    found = {}
    for user, room in pairs:
        if user in people:
            is_active, is_guest = people[user]
            banned = not bans.isdisjoint({(user, room.pk), (user, None)})
            standing = Standing(user_id=user, is_active=is_active, is_guest=is_guest, is_banned=banned)
            # Who is new has read nothing and missed nothing: unread counts from here.
            found[user, room.uid] = Access(room, standing, room.cursor.head)
    return found


def access_for(user: User, room_uid: str) -> Access:
    """Return the access of a present member, or raise `NotFound`: what one may not see does not exist."""
    return access_of(user.pk, room_uid)


def access_of(user: int, room_uid: str) -> Access:
    """The same for a user's primary key."""
    access = accesses([(user, room_uid)]).get((user, room_uid))
    if access is None or access.standing.is_banned or not access.standing.is_present:
        raise NotFound("There is no such room.")
    return access


def room_to_moderate_or_read(actor: User, room_uid: str) -> Room:
    """Return the room to its present members and to staff who moderate; to others it does not exist."""
    room = Room.objects.filter(uid=room_uid).first() if "\x00" not in room_uid else None
    if room is not None and can_moderate(actor, room):
        return room
    return access_for(actor, room_uid).room


# --- messages ---------------------------------------------------------------------------------------------------


def message_rows(messages: QuerySet[Message], *beside: str) -> QuerySet[Message, tuple[Any, ...]]:
    """Return the fields of `MessageRow`, in its order, and the fields `beside` them. One statement."""
    role = Membership.objects.filter(room_id=OuterRef("room_id"), user_id=OuterRef("sender_id")).values("role")
    return messages.annotate(sender_role=Subquery(role)).values_list(
        "rev",
        "seq",
        "uid",
        "kind",
        "body",
        "created_at",
        "edited_at",
        "deleted_at",
        "client_id",
        "sender_id",
        "sender__uid",
        "sender__display_name",
        "sender__is_guest",
        "sender_role",
        *beside,
    )


def message_page(
    room: Room, *, before: int | None = None, after: int | None = None, around: int | None = None, limit: int = PAGE
) -> Page:
    """Return up to `limit` messages: the newest, or those next to a position. One statement, two for `around`."""
    limit = max(1, min(limit, PAGE))
    # Compared in the database: the room in hand may be older than its last clearing.
    messages = Message.objects.filter(room=room).visible()
    if around is not None:
        older = message_page(room, before=around + 1, limit=(limit + 1) // 2)
        newer = message_page(room, after=around, limit=max(1, limit // 2))
        return Page(older.rows + newer.rows, older.has_more or newer.has_more)
    if after is not None:
        rows = _read(messages.filter(seq__gt=after).order_by("seq"), limit + 1)
    else:
        if before is not None:
            messages = messages.filter(seq__lt=before)
        rows = _read(messages.order_by("-seq"), limit + 1)
    page = _within_size(rows[:limit])
    has_more = len(rows) > len(page)
    return Page(page if after is not None else page[::-1], has_more)


def _read(messages: QuerySet[Message], limit: int) -> list[MessageRow]:
    return [MessageRow(*row) for row in message_rows(messages)[:limit]]


def _within_size(rows: list[MessageRow]) -> list[MessageRow]:
    size = 0
    for index, row in enumerate(rows):
        size += len(row.body)
        if index and size > MAX_PAGE_CHARACTERS:
            return rows[:index]
    return rows


# --- positions --------------------------------------------------------------------------------------------------


def heads(rooms: Sequence[str]) -> dict[str, Head]:
    """Return the last number and the epoch of each room. One statement."""
    cursors = RoomCursor.objects.filter(room__uid__in=rooms).values_list("room__uid", "head", "epoch")
    return {uid: Head(head, epoch) for uid, head, epoch in cursors}


def changes(room_uid: str, since: int) -> Changes | None:
    """Return the rows that changed after `since`, in their present state and in order. One statement.

    One, not only because it is faster: head and rows are then of the same moment. A row that changed after the head
    was read would come under a number that nobody has been told of.
    """
    rows = list(_changed_rows(room_uid, since))
    if not rows:
        return None
    *fields, head, epoch = rows[0][_MESSAGE_FIELDS:]
    room = Room(uid=room_uid, **dict(zip(_ROOM_FIELDS, fields, strict=True)))
    now = timezone.now()
    # The row of the room itself has no number of a message or member: it is there when nothing else is.
    found = [_change_event(room_uid, row[:_MESSAGE_FIELDS], now) for row in rows if row[0] is not None]
    if since < room.rev:
        found.append(events.room_event(room, now))
    return Changes(Head(head, epoch), sorted(found, key=lambda event: event.number))


_MESSAGE_FIELDS = len(MessageRow._fields)
# What the room's own event shows.
_ROOM_FIELDS = (
    "rev",
    "name",
    "kind",
    "mode",
    "slow_seconds",
    "is_listed",
    "archived_at",
    "cleared_seq",
)
_BEYOND_ROOM = ("cursor__head", "cursor__epoch")
# The columns of `MessageRow`, empty, for the row of the room.
_NO_MESSAGE = {
    f"no_{name}": Value(None, output_field=column())
    for name, column in zip(
        MessageRow._fields,
        (
            BigIntegerField,
            BigIntegerField,
            CharField,
            CharField,
            TextField,
            DateTimeField,
            DateTimeField,
            DateTimeField,
            UUIDField,
            BigIntegerField,
            CharField,
            CharField,
            BooleanField,
            CharField,
        ),
        strict=True,
    )
}


def _changed_rows(room_uid: str, since: int) -> Iterable[tuple[Any, ...]]:
    """Return the changed messages and members and the room, each as the fields of `MessageRow` and of the room."""
    of_room = (*_ROOM_FIELDS, *_BEYOND_ROOM)
    beside = tuple(f"room__{name}" for name in of_room)
    changed = Message.objects.filter(room__uid=room_uid, rev__gt=since).visible()
    # Members in the columns of messages, so that both come in one statement: seq 0 tells them apart.
    members = (
        # "Above 0" says again what "above since" says already: SQLite takes the index of the changed only by its own
        # condition, and would otherwise read everybody in the room.
        Membership.objects.filter(room__uid=room_uid, rev__gt=since)
        .filter(rev__gt=0)
        .annotate(seq=Value(0, output_field=BigIntegerField()), kind=F("role"), no_text=Value(""))
        .annotate(member_uid=F("user__uid"))
        .annotate(edited_at=F("muted_until"), deleted_at=F("removed_at"))
        .annotate(client_id=Value(None, output_field=UUIDField()))
    )
    rooms = Room.objects.filter(uid=room_uid).annotate(**_NO_MESSAGE)
    return message_rows(changed, *beside).union(
        members.values_list(
            "rev",
            "seq",
            "member_uid",
            "kind",
            "no_text",
            "joined_at",
            "edited_at",
            "deleted_at",
            "client_id",
            "user_id",
            "user__uid",
            "user__display_name",
            "user__is_guest",
            "role",
            *beside,
        ),
        rooms.values_list(*_NO_MESSAGE, *of_room),
        all=True,
    )


def _change_event(room: str, fields: tuple[Any, ...], now: Any) -> Any:
    row = MessageRow(*fields)
    if row.seq:
        return events.message_event(room, row)
    member = MemberRow(
        rev=row.rev,
        user_id=row.sender_id or 0,
        uid=row.uid,
        name=row.sender_name or "",
        role=row.kind,
        muted_until=row.edited_at,
        removed_at=row.deleted_at,
    )
    return events.member_event(room, member, now)


# --- lists ------------------------------------------------------------------------------------------------------


def listed_rooms() -> list[RoomCard]:
    """Return the rooms of the home page with the people in them now. One statement."""
    rooms = Room.objects.open().filter(is_listed=True).order_by("position", "name")
    return [_card(room) for room in rooms]


def recent_rooms(user: User, limit: int = 8) -> list[RoomCard]:
    """Return the rooms the person visited last, newest first. One statement."""
    memberships: Iterable[Any] = (
        Membership.objects.present()
        .filter(user=user, room__archived_at=None)
        .select_related("room")
        .annotate(unread=_unread_of(user))
        .order_by("-visited_at")[:limit]
    )
    return [_card(m.room, m.unread) for m in memberships]


def _card(room: Room, unread: int = 0) -> RoomCard:
    return RoomCard(room.uid, room.name, room.kind, room.mode, online(room.uid), unread)


class _Count(Func):
    """How many rows a limited subquery has."""

    template = "(SELECT COUNT(*) FROM %(expressions)s AS counted)"


def _unread_by(user: int, read_seq: Any) -> MessageQuerySet:
    """Return the messages above `read_seq` that count as unread, in any room: neither the person's own nor tombstones.

    Every figure of unread messages is made of this, so that no two of them differ.
    """
    return Message.objects.filter(seq__gt=read_seq, deleted_at=None).exclude(sender_id=user)


def _unread_of(user: User) -> _Count:
    """Return how many messages the member of each row has not read, 100 at most."""
    unread = _unread_by(user.pk, OuterRef("read_seq")).filter(room_id=OuterRef("room_id"))
    above_clearing = unread.filter(seq__gt=OuterRef("room__cleared_seq")).values("seq")
    return _Count(Subquery(above_clearing[:MAX_UNREAD]), output_field=IntegerField())


def unread_totals(user: User) -> dict[str, int]:
    """Return in how many rooms the person has something unread, and how many messages, 100 at most a room.

    One statement.
    """
    memberships = Membership.objects.present().filter(user=user, room__archived_at=None)
    behind = memberships.filter(room__cursor__head__gt=F("read_seq"))
    counts = [count for count in behind.annotate(unread=_unread_of(user)).values_list("unread", flat=True) if count]
    return {"rooms": len(counts), "messages": sum(counts)}


def unread_in(room_uid: str, user: int, read_seq: int) -> int:
    """Return how many messages of the room the user has not read who has read up to `read_seq`, 100 at most.

    One statement.
    """
    return _unread_by(user, read_seq).visible().filter(room__uid=room_uid).values("pk")[:MAX_UNREAD].count()


def people(user_ids: Collection[int], limit: int = 100) -> list[dict[str, Any]]:
    """Return up to `limit` of the people as clients see them, by name. One statement."""
    users = User.objects.filter(pk__in=list(user_ids)[:2000]).order_by("display_name", "pk")[:limit]
    return [
        {"uid": uid, "name": name, "guest": guest}
        for uid, name, guest in users.values_list("uid", "display_name", "is_guest")
    ]


def banned_everywhere(users: Collection[int]) -> set[int]:
    """Return those of the users who are kept out of the whole platform. One statement."""
    bans = Ban.objects.active(timezone.now()).filter(room=None)
    if len(users) <= _FEW:
        bans = bans.filter(user__in=users)
    # Of many people the whole list is compared here: thousands of names in a statement cost more than the bans.
    return set(bans.values_list("user_id", flat=True)) & set(users)


def newcomers(session_keys: Collection[str]) -> dict[str, Newcomer]:
    """Return the person behind each session key that logs somebody in. One statement."""
    ban = Ban.objects.active(timezone.now()).filter(user=OuterRef("user"), room=None)
    sessions = sessions_of_people(session_keys, is_banned=Exists(ban))
    return {
        key: Newcomer(identity_of(session.user), is_banned=session.is_banned)  # type: ignore[attr-defined, arg-type]
        for key, session in sessions.items()
    }
