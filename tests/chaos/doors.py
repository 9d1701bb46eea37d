"""Rooms with codes that open nothing, and one that does, made in a server's database: `python -m tests.chaos.doors`.

Runs in a process of its own with that server's environment and prints one JSON object.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import msgspec

from tests.servers import ROOT, LiveServer


class Doors(msgspec.Struct, frozen=True):
    """The codes of a room that is open, and of others that are not."""

    open: str
    expired: str
    closed: str
    archived: str


def make_doors(server: LiveServer) -> Doors:
    """Make the rooms in the database of `server`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.doors"],
        check=False,
        cwd=ROOT,
        env=server.env,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Doors)


def main() -> None:
    import django

    django.setup()
    from django.utils import timezone

    from chat.services.rooms import make_room

    now = timezone.now()
    rooms = {
        "open": make_room(name="Open door"),
        "expired": make_room(name="Yesterday's door", code_expires_at=now - dt.timedelta(seconds=1)),
        "closed": make_room(name="Closed door", mode="closed"),
        "archived": make_room(name="Old door", archived_at=now),
    }
    sys.stdout.buffer.write(msgspec.json.encode({name: room.code for name, room in rooms.items()}))


if __name__ == "__main__":
    main()
