"""What the peer saves."""

from __future__ import annotations

from django.db import models


class Message(models.Model):
    """One message of one room."""

    room_name = models.CharField(max_length=60, db_index=True)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.text
