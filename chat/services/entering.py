"""Coming in and going out. Neither takes a number: ten thousand arrivals must not queue for the room's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from chat.codes import normalise_code
from chat.models import Membership, Room
from chat.permissions import refusal_of_banned, refusal_to_enter
from chat.queries import Access, accesses
from operations import ratelimit
from realtime.errors import ClientError, NotFound

# Only wrong guesses count, so a whole festival behind one address can come in with the right code.
_WRONG_PER_SESSION = "10/minute"
_WRONG_PER_ADDRESS = "60/minute"
_WRONG_IN_ALL = "300/minute"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who wants into a room.

    has_key: they showed its code or link.
    known:   their access as it was just read, if it was: it is checked again once they are in.
    """

    user: int
    room: str
    has_key: bool = False
    known: Access | None = None


@transaction.atomic
def join_rooms(arrivals: Sequence[Arrival]) -> list[Access | ClientError]:
    """Make the arriving people members, all in one insert, and return each one's access or the reason against it."""
    pairs = {(arrival.user, arrival.room) for arrival in arrivals}
    found = {(arrival.user, arrival.room): arrival.known for arrival in arrivals if arrival.known is not None}
    unread = pairs - found.keys()
    if unread:
        found |= accesses(unread)
    outcomes = _outcomes(arrivals, found)
    admitted = [outcome for outcome in outcomes if isinstance(outcome, Access)]
    if not admitted:
        return outcomes
    _store(admitted)
    # Read again: a ban that was committed while the insert waited for it must win.
    after = _outcomes(arrivals, accesses(pairs))
    _take_back(admitted, [late for late in after if isinstance(late, Access)])
    return [late if isinstance(early, Access) else early for early, late in zip(outcomes, after, strict=True)]


def _outcomes(arrivals: Sequence[Arrival], found: dict[tuple[int, str], Access]) -> list[Access | ClientError]:
    return [_outcome(found.get((arrival.user, arrival.room)), arrival) for arrival in arrivals]


def _outcome(access: Access | None, arrival: Arrival) -> Access | ClientError:
    if access is None:
        return NotFound("There is no such room.")
    # Who is in needs no key. Who left, or was removed, needs it again.
    has_key = arrival.has_key or access.standing.is_present
    return refusal_to_enter(access.room, access.standing, has_key=has_key) or access


def _store(admitted: list[Access]) -> None:
    now = timezone.now()
    unique = {(access.standing.user_id, access.room.pk): access for access in admitted}
    Membership.objects.bulk_create(
        [
            Membership(user_id=user, room_id=room, read_seq=access.read_seq, visited_at=now)
            for (user, room), access in unique.items()
        ],
        update_conflicts=True,
        unique_fields=["room", "user"],
        update_fields=["visited_at", "left_at", "removed_at"],
    )


def _take_back(stored: Sequence[Access], stay: Sequence[Access]) -> None:
    """Remove those who were refused after all: once their ban ends, they come back by the way they came first."""
    staying = {(access.standing.user_id, access.room.pk) for access in stay}
    for access in stored:
        user, room = access.standing.user_id, access.room.pk
        if (user, room) not in staying:
            Membership.objects.filter(user=user, room=room).update(removed_at=timezone.now())


def join_room(*, actor: User, room_uid: str, has_key: bool = False) -> Access:
    """Make the actor a member of one room, or raise why not."""
    [result] = join_rooms([Arrival(actor.pk, room_uid, has_key)])
    if isinstance(result, ClientError):
        raise result
    return result


def leave_room(*, actor: User, room_uid: str) -> None:
    """End the actor's membership. Saying it twice is as good as once."""
    Membership.objects.filter(user=actor, room__uid=room_uid, left_at=None).update(left_at=timezone.now())


def enter_by_code(*, actor: User, code: str, session: str, address: str) -> Access:
    """Let the actor into the room that the code opens.

    Unknown, expired and closed are one answer, after the same work: the difference would tell a guesser what exists.
    """
    return _enter(actor, _room_of_code(normalise_code(code)), session=session, address=address, field="code")


def enter_by_token(*, actor: User, token: str, session: str, address: str) -> Access:
    """Let the actor into the room of an invite link. A wrong link is refused like a wrong code."""
    return _enter(actor, room_of_token(token), session=session, address=address, field="token")


def room_of_token(token: str) -> Room | None:
    """Return the open room of an invite link."""
    return Room.objects.with_valid_code(timezone.now()).filter(invite_token=token).first()


def _room_of_code(code: str) -> Room | None:
    # An impossible code costs the same query as a possible one.
    return Room.objects.with_valid_code(timezone.now()).filter(Q(code=code) | Q(short_code=code)).first()


def _enter(actor: User, room: Room | None, *, session: str, address: str, field: str) -> Access:
    counters = (("session", session, _WRONG_PER_SESSION), ("address", address, _WRONG_PER_ADDRESS))
    for scope, identity, limit in (*counters, ("all", "", _WRONG_IN_ALL)):
        ratelimit.refuse_if_spent(f"wrong-code-{scope}", identity, limit)
    if room is not None:
        return _join_with_key(actor, room)
    # Somebody who is kept out of everything learns nothing about any code: right and wrong are the same refusal.
    refusal = refusal_of_banned(actor)
    if refusal is not None:
        raise refusal
    for scope, identity, limit in (*counters, ("all", "", _WRONG_IN_ALL)):
        ratelimit.hit(f"wrong-code-{scope}", identity, limit)
    raise ClientError("not_found", "This code does not open a room.", field=field)


def _join_with_key(actor: User, room: Room) -> Access:
    try:
        return join_room(actor=actor, room_uid=room.uid, has_key=True)
    except ClientError as error:
        if error.code != "banned":
            raise
        raise refusal_of_banned(actor) or error from error
