"""What staff do to people, done from a process that serves nobody: `python -m tests.chaos.staff ROOM UID=ACT…`.

No server is told: each has to notice by itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers import ROOT, LiveServer

if TYPE_CHECKING:
    from accounts.models import User


def do_to_people(server: LiveServer, acts: dict[str, str], room: str) -> None:
    """Do to each person (by uid) the act of this module that is named; returns when all are done."""
    arguments = [f"{uid}={act}" for uid, act in acts.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.staff", room, *arguments],
        check=False,
        cwd=ROOT,
        env=server.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def log_out(actor: User, user: User, room: str) -> None:
    from accounts.services import end_sessions

    end_sessions(user=user, actor=actor)


def delete_session(actor: User, user: User, room: str) -> None:
    user.sessions.all().delete()


def disable(actor: User, user: User, room: str) -> None:
    # Not through the service, which ends the sessions too: the flag alone must be enough.
    user.is_active = False
    user.save(update_fields=["is_active"])


def ban_from_room(actor: User, user: User, room: str) -> None:
    from chat.models import Room
    from chat.services.bans import ban_user

    ban_user(actor=actor, user=user, room=Room.objects.get(uid=room))


def ban_everywhere(actor: User, user: User, room: str) -> None:
    from chat.services.bans import ban_user

    ban_user(actor=actor, user=user)


ACTS: dict[str, Callable[[User, User, str], None]] = {
    act.__name__: act for act in (log_out, delete_session, disable, ban_from_room, ban_everywhere)
}


def main() -> None:
    import django

    django.setup()
    from accounts.models import User

    actor, _ = User.objects.get_or_create(
        email="staff@example.org", defaults={"display_name": "Chief", "is_staff": True, "is_superuser": True}
    )
    room, *arguments = sys.argv[1:]
    for argument in arguments:
        uid, _, act = argument.partition("=")
        ACTS[act](actor, User.objects.get(uid=uid), room)


if __name__ == "__main__":
    main()
