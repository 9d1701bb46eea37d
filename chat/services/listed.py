"""The rooms every new installation starts with."""

from __future__ import annotations

from django.db import transaction

from chat.models import Room
from chat.services.rooms import make_room

LISTED_ROOMS = ("Main Stage", "Food Court Meetup", "Lost & Found", "Ride Share", "After Party", "VIP Lounge")
RETENTION_HOURS = 24


@transaction.atomic
def create_listed_rooms() -> int:
    """Make the six listed rooms unless any listed room exists, and return how many were made.

    Staff may rename or archive them; a later start must not bring them back.
    """
    if Room.objects.filter(position__gt=0).exists():
        return 0
    for position, name in enumerate(LISTED_ROOMS, start=1):
        make_room(name=name, is_listed=True, position=position, retention_hours=RETENTION_HOURS)
    return len(LISTED_ROOMS)
