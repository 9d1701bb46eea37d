"""Rooms, and people who are logged in, made in a server's database: `python -m tests.chaos.people ROOMS PEOPLE`.

Runs in a process of its own with that server's environment and prints one JSON object. Three hundred guests through
`POST /api/guests` would meet its limit; these come through the same services.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from tests.servers import ROOT, LiveServer

if TYPE_CHECKING:
    from accounts.models import User


class Person(msgspec.Struct, frozen=True):
    """Somebody with a session. `cookie` is the whole Cookie header."""

    uid: str
    name: str
    cookie: str


class Cast(msgspec.Struct, frozen=True):
    """The rooms by uid, and the people, who are members of all of them."""

    rooms: list[str]
    people: list[Person]


def invite(server: LiveServer, *, rooms: int = 1, people: int) -> Cast:
    """Make public rooms and guests in the database of `server`, which need not run."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.people", str(rooms), str(people)],
        check=False,
        cwd=ROOT,
        env=server.env,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Cast)


def _log_in(user: User) -> str:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from accounts.sessions import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _make_cast(room_count: int, people_count: int) -> Cast:
    from django.db import transaction

    from accounts.services import create_guest
    from chat.services.entering import Arrival, join_rooms
    from chat.services.rooms import make_room

    with transaction.atomic():
        rooms = [make_room(name=f"Hall {number}") for number in range(1, room_count + 1)]
        guests = [create_guest(display_name=f"Guest {number:03d}") for number in range(1, people_count + 1)]
        people = [Person(guest.uid, guest.display_name, _log_in(guest)) for guest in guests]
        join_rooms([Arrival(guest.pk, room.uid) for guest in guests for room in rooms])
    return Cast([room.uid for room in rooms], people)


def main() -> None:
    import django

    django.setup()
    cast = _make_cast(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.buffer.write(msgspec.json.encode(cast))


if __name__ == "__main__":
    main()
