"""A firm takes over its own record."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from builders.models.builder import Builder
from realtime.ids import new_uid


class ClaimQuerySet(models.QuerySet["Claim"]):
    def waiting(self) -> Self:
        """What staff are to decide on."""
        return self.filter(state="waiting", builder__merged_into=None)


class Claim(models.Model):
    """One attempt of one person. The code is kept as a hash, with the tries that are left.

    `email` is the address at the firm's domain that the code went to, and `email_proved_at` when it came back; both
    are empty where staff are to decide by the `statement` alone.
    """

    class State(models.TextChoices):
        CODE_SENT = "code_sent", "code sent"
        WAITING = "waiting", "waiting for staff"
        APPROVED = "approved"
        REFUSED = "refused"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="claims")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="claims")
    state = models.CharField(max_length=9, choices=State, default=State.CODE_SENT)
    email = models.EmailField(blank=True)
    email_proved_at = models.DateTimeField(null=True, blank=True, editable=False)
    code_hash = models.CharField(max_length=200, blank=True, editable=False)
    tries_left = models.PositiveSmallIntegerField(default=5, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    statement = models.TextField(blank=True, max_length=2000, help_text="What the person says to staff.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["builder", "user"],
                condition=Q(state__in=["code_sent", "waiting"]),
                name="one_open_claim_per_person",
            ),
            models.UniqueConstraint(
                fields=["builder"], condition=Q(state="approved"), name="one_approved_claim_per_builder"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "created_at"])]
        permissions: ClassVar = [("decide_claims", "Can decide who owns a builder")]

    def __str__(self) -> str:
        return f"{self.user_id} claims {self.builder_id}"
