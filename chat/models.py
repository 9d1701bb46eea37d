"""Rooms, who is in them, and what was said.

Every durable change of a room takes the next number of the room's `RoomCursor` and is stamped on the row it
changes (`rev`). *What changed since n* is therefore the rows with `rev > n`, in their present state; there is no
event table. `docs/realtime.md` explains the idea.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from realtime.ids import new_uid


def new_epoch() -> str:
    """Return the name of one unbroken history of a room: 12 hexadecimal characters."""
    return secrets.token_hex(6)


def new_invite_token() -> str:
    """Return 128 random bits for an invite link, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


class RoomQuerySet(models.QuerySet["Room"]):
    def open(self) -> Self:
        """Rooms that can be entered: neither archived nor closed."""
        return self.filter(archived_at=None).exclude(mode=Room.Mode.CLOSED)

    def with_valid_code(self, now: datetime) -> Self:
        return self.open().filter(Q(code_expires_at=None) | Q(code_expires_at__gt=now))


class Room(models.Model):
    """A place where messages have one order."""

    class Kind(models.TextChoices):
        PUBLIC = "public"
        PRIVATE = "private"
        DIRECT = "direct"
        LEAD = "lead"
        SPACE = "space"

    class Mode(models.TextChoices):
        OPEN = "open"
        SLOW = "slow"
        MEMBERS = "members", "members only"
        PAUSED = "paused"
        CLOSED = "closed"

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PUBLIC)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.OPEN)
    slow_seconds = models.PositiveSmallIntegerField(default=0, help_text="Seconds between two messages of one person.")
    # NULL where a room has no code (direct rooms): a unique column may hold NULL any number of times.
    code = models.CharField("spoken code", max_length=40, unique=True, null=True, blank=True)
    short_code = models.CharField("poster code", max_length=8, unique=True, null=True, blank=True)
    invite_token = models.CharField(max_length=22, unique=True, default=new_invite_token, editable=False)
    code_expires_at = models.DateTimeField(null=True, blank=True)
    is_listed = models.BooleanField("listed on the home page", default=False)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order among the listed rooms.")
    retention_hours = models.PositiveIntegerField(null=True, blank=True, help_text="Empty keeps messages for good.")
    # The number of the room's own last change, and of the last clearing: messages up to it are gone.
    rev = models.BigIntegerField(default=0, editable=False)
    cleared_seq = models.BigIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="rooms_created"
    )
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = RoomQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["position", "name"], condition=Q(is_listed=True), name="listed_rooms"),
        ]

    def __str__(self) -> str:
        return self.name


class RoomCursor(models.Model):
    """The room's counter: a narrow row of its own, because every write in the room locks it."""

    room = models.OneToOneField(Room, primary_key=True, on_delete=models.CASCADE, related_name="cursor")
    head = models.BigIntegerField(default=0)
    epoch = models.CharField(max_length=12, default=new_epoch)
    last_message_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.room_id}: {self.head}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def present(self) -> Self:
        return self.filter(left_at=None, removed_at=None)


class Membership(models.Model):
    """A person's place in a room. `rev` moves only with what concerns others: role, mute and removal."""

    class Role(models.TextChoices):
        MEMBER = "member"
        MODERATOR = "moderator"
        OWNER = "owner"

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=9, choices=Role, default=Role.MEMBER)
    read_seq = models.BigIntegerField(default=0)
    muted_until = models.DateTimeField(null=True, blank=True)
    rev = models.BigIntegerField(default=0, editable=False)
    joined_at = models.DateTimeField(default=timezone.now)
    visited_at = models.DateTimeField(default=timezone.now)
    left_at = models.DateTimeField(null=True, blank=True)
    # Set by a kick or a ban. Leaving is the member's own act and leaves this empty.
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["room", "user"], name="one_membership_per_room")]
        indexes: ClassVar = [
            models.Index(fields=["user", "-visited_at"]),
            models.Index(fields=["room", "rev"], condition=Q(rev__gt=0), name="membership_changes"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id}"


class MessageQuerySet(models.QuerySet["Message"]):
    def visible(self) -> Self:
        """Messages above the room's last clearing; tombstones count as visible."""
        return self.filter(seq__gt=F("room__cleared_seq"))


class Message(models.Model):
    """What somebody said. `seq` is its place in the room and never changes; `rev` is its last change."""

    class Kind(models.TextChoices):
        CHAT = "chat"
        SYSTEM = "system"
        ANNOUNCEMENT = "announcement"

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField()
    rev = models.BigIntegerField()
    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="messages", db_index=False
    )
    # Chosen by the client, kept across its retries: it makes a repeated send a no-op.
    client_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.CHAT)
    body = models.TextField(max_length=4000)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "seq"], name="one_message_per_position"),
            models.UniqueConstraint(fields=["room", "sender", "client_id"], name="one_message_per_client_id"),
            models.CheckConstraint(condition=Q(rev__gte=F("seq")), name="a_change_comes_after_creation"),
            models.CheckConstraint(condition=Q(deleted_at=None) | Q(body=""), name="a_tombstone_has_no_text"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["room", "rev"], name="message_changes"),
            # Deleting a person sets the sender to NULL, which looks the messages up by sender.
            models.Index(fields=["sender"], name="message_sender"),
        ]

    def __str__(self) -> str:
        return f"#{self.seq} in {self.room_id}"


class MessageVersion(models.Model):
    """What a message said before an edit. Deleting the message deletes these too."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="versions")
    rev = models.BigIntegerField()
    body = models.TextField()
    replaced_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["rev"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "rev"], name="one_version_per_change")]

    def __str__(self) -> str:
        return f"version {self.rev} of {self.message_id}"


def standing_bans(now: datetime, path: str = "") -> Q:
    """Return the condition for bans that stand; `path` leads to them, such as `bans__`."""
    return Q(**{f"{path}lifted_at": None}) & (Q(**{f"{path}until": None}) | Q(**{f"{path}until__gt": now}))


class BanQuerySet(models.QuerySet["Ban"]):
    def active(self, now: datetime) -> Self:
        return self.filter(standing_bans(now))


class Ban(models.Model):
    """Keeps a person out of one room, or of the whole platform where `room` is empty."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bans")
    room = models.ForeignKey(Room, null=True, blank=True, on_delete=models.CASCADE, related_name="bans")
    reason = models.CharField(max_length=200, blank=True)
    until = models.DateTimeField(null=True, blank=True, help_text="Empty bans for good.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = BanQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "room"], condition=Q(lifted_at=None), name="standing_bans")]

    def __str__(self) -> str:
        return f"{self.user_id} from {self.room_id or 'everywhere'}"
