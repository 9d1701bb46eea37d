"""Fill a fresh database with rooms, members and their sessions: `python -m benchmarks.prepare FILE --rooms --members`.

Ten thousand guests through `POST /api/guests` would take longer than the measurement. What is written here is what
that request and joining a room leave behind; the file gets the rooms with one Cookie header for each member.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import django
import msgspec

from benchmarks.driver.spec import RoomSpec

if TYPE_CHECKING:
    from accounts.models import User
    from chat.models import Room

BATCH = 1000


def create_rooms(count: int) -> list[Room]:
    from chat.models import Room, RoomCursor

    rooms = Room.objects.bulk_create([Room(name=f"Bench {number}") for number in range(count)])
    RoomCursor.objects.bulk_create([RoomCursor(room=room) for room in rooms])
    return rooms


def create_guests(count: int) -> list[User]:
    from django.contrib.auth.hashers import make_password

    from accounts.models import User

    guests = [
        User(display_name=f"Guest {number:05d}", is_guest=True, password=make_password(None)) for number in range(count)
    ]
    return User.objects.bulk_create(guests, batch_size=BATCH)


def create_sessions(guests: list[User]) -> Iterator[str]:
    """Log every guest in; yield the Cookie headers in the guests' order."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.base import VALID_KEY_CHARS
    from django.utils import timezone
    from django.utils.crypto import get_random_string

    from accounts.models import Session
    from accounts.sessions import SessionStore

    store, rows = SessionStore(), []
    expires = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    for guest in guests:
        data = {
            SESSION_KEY: str(guest.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: guest.get_session_auth_hash(),
        }
        key = get_random_string(32, VALID_KEY_CHARS)
        rows.append(Session(session_key=key, session_data=store.encode(data), expire_date=expires, user=guest))
        yield f"{settings.SESSION_COOKIE_NAME}={key}"
    Session.objects.bulk_create(rows, batch_size=BATCH)


def prepare(rooms: int, members: int) -> list[RoomSpec]:
    """Create `rooms` rooms with `members` guests each, no guest in two rooms."""
    from django.db import transaction

    from chat.models import Membership

    with transaction.atomic():
        created = create_rooms(rooms)
        guests = create_guests(rooms * members)
        cookies = list(create_sessions(guests))
        places = [Membership(room=created[number // members], user=guest) for number, guest in enumerate(guests)]
        Membership.objects.bulk_create(places, batch_size=BATCH)
    return [
        RoomSpec(room.uid, cookies[number * members : (number + 1) * members]) for number, room in enumerate(created)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a fresh database for a load test.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rooms", type=int, required=True)
    parser.add_argument("--members", type=int, required=True)
    options = parser.parse_args()
    django.setup()
    options.file.write_bytes(msgspec.json.encode(prepare(options.rooms, options.members)))


if __name__ == "__main__":
    main()
