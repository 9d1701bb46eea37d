"""What was asked of Google Places: the answers, for as long as they may be kept, and how much was asked each day."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class PlaceAnswer(models.Model):
    """The answer to one look-up. `question` is a hash of everything that was asked, and holds no key."""

    question = models.CharField(max_length=64, unique=True)
    body = models.JSONField()
    fetched_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.question


class LookUpDay(models.Model):
    """How many requests went out on a day of UTC. In the database, because requests cost the operator money."""

    day = models.DateField(unique=True)
    requests = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.requests}"
