"""What the directory searches: narrow rows that follow from builders, written with them by `services.listing`.

Only what is listed has rows here. They can be thrown away and made anew at any time. No constraint ties them to the
builders: the job that makes up for missing rows also removes what is left over, and an import need not pay for it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from builders.models.builder import Builder


class Listing(models.Model):
    """What a builder is chosen and ordered by; see `builders.queries.catalogue`, which holds all rows in memory."""

    builder = models.OneToOneField(
        Builder, primary_key=True, on_delete=models.CASCADE, db_constraint=False, related_name="listing"
    )
    # The `Builder.rev` that the rows were made of, and when: a change of either tells that there is something new.
    rev = models.BigIntegerField()
    listed_at = models.DateTimeField(default=timezone.now)
    position = models.IntegerField(help_text="What lists are ordered by: less comes first.")
    traits = models.BigIntegerField(help_text="See builders.traits.")
    tags = models.TextField(help_text="builders.tags.Tags as JSON.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["listed_at", "rev"], name="listing_stamp")]

    def __str__(self) -> str:
        return str(self.builder_id)


class ListedWords(models.Model):
    """The words that find a builder. The index over them is made by hand, see the migration `0002_search`."""

    builder = models.OneToOneField(
        Builder, primary_key=True, on_delete=models.CASCADE, db_constraint=False, related_name="listed_words"
    )
    words = models.TextField()

    def __str__(self) -> str:
        return str(self.builder_id)
