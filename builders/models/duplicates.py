"""Two records that may be one firm, and what was done about it."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from builders.models.builder import Builder


class DuplicateCandidateQuerySet(models.QuerySet["DuplicateCandidate"]):
    def waiting(self) -> Self:
        """What staff are to decide on. A builder that was merged waits with its pairs, in case it comes back."""
        return self.filter(state="open", first__merged_into=None, second__merged_into=None)


class DuplicateCandidate(models.Model):
    """A pair to decide on. The smaller primary key stands first, so that a pair exists once."""

    class State(models.TextChoices):
        OPEN = "open"
        MERGED = "merged"
        DISTINCT = "distinct", "two firms"
        BRANCH = "branch", "branches of one firm"

    first = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="+")
    score = models.PositiveSmallIntegerField(help_text="0 to 100.")
    # What agrees and what does not: {"phone": true, "name": 92, …}
    reasons = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = DuplicateCandidateQuerySet.as_manager()

    class Meta:
        verbose_name = "possible duplicate"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="duplicate_pair_in_order"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "-score"])]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"


class MergeRecord(models.Model):
    """A merge that can be taken back: both records as they were, and the `rev` that the merge left each with.

    `moved` names the rows that changed hands, by table, so that exactly they go back.
    """

    kept = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="merges")
    dropped = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="+")
    choices = models.JSONField(default=dict, help_text="The field and whose value was taken: kept, dropped or both.")
    kept_before = models.JSONField()
    dropped_before = models.JSONField()
    moved = models.JSONField(default=dict)
    kept_rev = models.BigIntegerField()
    dropped_rev = models.BigIntegerField()
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="builder_merges"
    )
    merged_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "merge"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dropped"], condition=Q(undone_at=None), name="merged_into_one_only")
        ]
        permissions: ClassVar = [("merge_builders", "Can merge builders and take merges back")]

    def __str__(self) -> str:
        return f"{self.dropped_id} into {self.kept_id}"
