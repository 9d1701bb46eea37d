"""The log, the servers and the jobs in the admin site: to read, and to run a job now."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from operations.models import ActivityEvent, ScheduledRun, ServerNode
from operations.nodes import SILENT


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # only its stub is generic
    """Rows that the product writes and nobody edits."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ActivityEvent)
class ActivityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "actor_name", "target")
    list_filter = ("at",)
    search_fields = ("kind", "actor_name", "target")
    ordering: ClassVar[list[str]] = ["-id"]


@admin.register(ServerNode)
class ServerNodeAdmin(ReadOnlyAdmin):
    list_display = ("name", "is_alive", "version", "started_at", "seen_at", "connections", "spool_pending")
    ordering: ClassVar[list[str]] = ["name"]

    @admin.display(boolean=True, description="alive")
    def is_alive(self, node: ServerNode) -> bool:
        return node.seen_at > timezone.now() - SILENT


@admin.register(ScheduledRun)
class ScheduledRunAdmin(ReadOnlyAdmin):
    list_display = ("job", "next_at", "started_at", "seconds", "is_ok", "result")
    ordering: ClassVar[list[str]] = ["job"]

    @admin.display(description="seconds")
    def seconds(self, run: ScheduledRun) -> str:
        if run.started_at is None or run.finished_at is None:
            return "not measured"
        return f"{(run.finished_at - run.started_at).total_seconds():.2f}"
