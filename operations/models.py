"""What happened, which processes are alive, and which jobs ran."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class ActivityEvent(models.Model):
    """One act, append-only. `kind` is a three-part name such as `chat.room.closed`; `data` never holds message text."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    kind = models.CharField(max_length=60)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The name at the time of the act: it stays readable after the person is gone.
    actor_name = models.CharField(max_length=40, blank=True)
    target = models.CharField(max_length=60, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["kind", "id"]), models.Index(fields=["target", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()


class ServerNode(models.Model):
    """A server process and its last sign of life."""

    name = models.CharField(max_length=80, unique=True)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    connections = models.PositiveIntegerField(default=0)
    spool_pending = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class ScheduledRun(models.Model):
    """One job's schedule and its last result. The row is locked while the job is claimed, so it runs once at a time."""

    job = models.CharField(max_length=60, unique=True)
    next_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    is_ok = models.BooleanField(null=True)
    result = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.job


class IdempotencyKey(models.Model):
    """The answer that a creating request got, kept so that its repeat gets the same one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    # SHA-256 of method, path and body, in hexadecimal: the same key with another request is a conflict.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key
