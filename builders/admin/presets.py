"""Columns that staff have mapped once, to be looked through and forgotten."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.requests import person_of
from builders.admin.rights import may
from builders.models import MappingPreset
from builders.permissions import can_import
from builders.services.presets import forget_preset
from operations.admin import ReadOnlyAdmin
from operations.confirmation import act_when_confirmed


@admin.register(MappingPreset)
class MappingPresetAdmin(ReadOnlyAdmin):
    """Columns that staff have mapped once. They can be forgotten here; to change them is to map a file anew."""

    list_display = ("name", "source", "columns", "created_at")
    list_display_links = None
    actions = ("forget",)
    ordering: ClassVar[list[str]] = ["name"]

    @admin.display(description="columns")
    def columns(self, preset: MappingPreset) -> str:
        return ", ".join(preset.header)[:120]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, can_import)

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return may(request, can_import)

    @admin.action(description="Forget", permissions=["forget"])
    def forget(self, request: HttpRequest, presets: QuerySet[MappingPreset]) -> HttpResponse | None:
        actor = person_of(request)
        return act_when_confirmed(
            self,
            request,
            presets,
            action="forget",
            verb="Forget",
            act=lambda preset: forget_preset(actor=actor, preset=preset),
            facts={preset.pk: f"{len(preset.header)} columns of {preset.source}" for preset in presets},
        )
