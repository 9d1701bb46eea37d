"""Where a fact came from, and whose word outweighs whose."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Q


class Rank(models.IntegerChoices):
    """A value replaces one of its own rank or below, never one above."""

    SCRAPER = 10
    OPEN_DATA = 20, "open data"
    REGISTER = 30
    OWN_PROFILE = 40, "the firm's own profile"
    STAFF = 50
    OWNER = 60


class SourceKey(models.Model):
    """The name that a source gives a builder: the strongest sign that two records are one firm.

    `fingerprint` is a hash of the record as it came last, so that an unchanged one is recognised without being read.
    """

    builder = models.ForeignKey("builders.Builder", on_delete=models.CASCADE, related_name="source_keys")
    source = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=32, blank=True, editable=False)
    seen_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "key"], name="one_builder_per_source_key")]
        # Half the size of a tree, which SQLite makes of it. Of keys that are equal a hash would have to pass each one.
        indexes: ClassVar = [
            HashIndex(fields=["fingerprint"], condition=Q(fingerprint__gt=""), name="source_keys_by_fingerprint")
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.key}"
