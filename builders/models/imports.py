"""Imports: a file becomes staged rows, the rows a preview, the preview a commit, and a commit can be undone."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from builders.models.builder import Builder
from builders.models.fields import JSONText
from builders.models.sources import Rank
from realtime.ids import new_uid


def upload_path(job: ImportJob, name: str) -> str:
    """Return where an uploaded file lies: what the sender called it is kept as text and never as a path."""
    return f"private/imports/{job.uid}"


class ImportJob(models.Model):
    """One file on its way into the directory.

    `counts` has one number for each `ImportRow.Outcome`. `progress` is the number of the last row that the present
    step has finished and committed: whoever goes on after a crash starts behind it.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", "uploaded, columns to be confirmed"
        STAGING = "staging", "reading"
        STAGED = "staged", "ready for a look"
        COMMITTING = "committing", "writing"
        COMMITTED = "committed", "written"
        UNDOING = "undoing", "being undone"
        UNDONE = "undone"
        CANCELLED = "cancelled"
        FAILED = "failed"

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    # What the import writes to: one import at a time may.
    target = models.CharField(max_length=20, default="builders", editable=False)
    source = models.CharField(max_length=40, help_text="The name of the source, such as gbp or outscraper.")
    rank = models.PositiveSmallIntegerField(choices=Rank, default=Rank.REGISTER)
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    # Empty when it has been removed: see builders.importing.kept_files.
    file = models.FileField(upload_to=upload_path, max_length=200, blank=True)
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, editable=False)
    size = models.BigIntegerField(default=0, editable=False)
    region = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code for phones in national form.")
    # What was found out about the file and what staff confirmed: see builders.importing.
    layout = models.JSONField(default=dict)
    # The names of its columns, for the errors file: the uploaded one is not kept for ever. Empty for records.
    header = models.JSONField(default=list)
    mapping = models.JSONField(default=dict)
    policy = models.JSONField(default=dict)
    total = models.BigIntegerField(default=0)
    progress = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    wants_cancel = models.BooleanField(default=False)
    # Who works on it, until when they promise to be heard again; a lapsed promise frees the job for another.
    worker = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="imports"
    )
    created_at = models.DateTimeField(default=timezone.now)
    staged_at = models.DateTimeField(null=True)
    committed_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "import"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(state__in=["committing", "undoing"]),
                name="one_import_writes_at_a_time",
            )
        ]
        permissions: ClassVar = [("run_imports", "Can import and undo imports")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.source})"


class ImportRow(models.Model):
    """One record of the file as it came (`cells`), as it was understood (`values`), and what is to become of it.

    A row is written once, by the preview, and changed only where somebody decides on it or it turns out otherwise than
    the preview said. What a commit has written stands in `ImportChange`. No constraint of the database ties rows to
    their job and builder: with millions of rows it would take more time than all their checks.
    """

    class Outcome(models.TextChoices):
        CREATED = "created", "new"
        UPDATED = "updated", "changed"
        UNCHANGED = "unchanged"
        DUPLICATE = "duplicate", "again in this file"
        REVIEW = "review", "to be looked at"
        CONFLICT = "conflict", "changed meanwhile"
        ERROR = "error"

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(
        ImportJob, on_delete=models.CASCADE, related_name="rows", db_index=False, db_constraint=False
    )
    # The line of the record in the file, counted as a spreadsheet counts them.
    number = models.BigIntegerField()
    cells = JSONText()
    values = JSONText(default=dict)
    # [{"column", "field", "code", "message", "cell", "is_error"}]
    problems = JSONText(default=list)
    source_key = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=32, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome)
    # The builder it was found to be, how, and the `rev` at which the difference was shown.
    builder = models.ForeignKey(
        Builder, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False, db_constraint=False
    )
    builder_rev = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    # {field: [before, after]}
    difference = JSONText(default=dict)
    # The builder as it was at `builder_rev`, see `services.stored.frozen`: what the difference is applied to, and what
    # an undo puts back. Only where there is a difference.
    before = JSONText(null=True)
    # Decided on by a person after the rows around it were written.
    is_decided = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["job", "outcome", "number"], name="import_rows_by_outcome"),
            models.Index(fields=["builder"], condition=Q(builder__isnull=False), name="import_rows_by_builder"),
            models.Index(fields=["job", "number"], condition=Q(is_decided=True), name="import_rows_decided"),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.job_id}"


class ImportChange(models.Model):
    """What a commit did to one builder. With `ImportRow.before` of the same number it is taken back exactly.

    `rev` is the builder's `rev` after the commit: one that moved on since was edited, and an undo leaves it alone.
    """

    pk = models.CompositePrimaryKey("job_id", "row_number")
    job = models.ForeignKey(
        ImportJob, on_delete=models.CASCADE, related_name="changes", db_index=False, db_constraint=False
    )
    row_number = models.BigIntegerField()
    builder = models.ForeignKey(Builder, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False)
    is_new = models.BooleanField()
    rev = models.BigIntegerField()
    is_undone = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"change {self.row_number} of {self.job_id}"


class MappingPreset(models.Model):
    """Columns that staff have mapped once: a file with the same header is recognised."""

    name = models.CharField(max_length=80, unique=True)
    source = models.CharField(max_length=40)
    header = models.JSONField()
    mapping = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "remembered columns"

    def __str__(self) -> str:
        return self.name
