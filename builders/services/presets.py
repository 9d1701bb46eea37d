"""Columns that staff have mapped once: the next file with the same header is understood at once."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from builders.importing.headers import words_of
from builders.importing.mapping import Mapping, Proposal
from builders.models import ImportJob, MappingPreset
from builders.permissions import can_import
from operations.activity import record
from realtime.errors import ClientError

LONGEST_NAME = 80


@transaction.atomic
def save_preset(*, actor: User | None, job: ImportJob, name: str, header: list[str]) -> MappingPreset:
    """Keep the mapping of an import under a name; one of the same name is replaced."""
    _require_right(actor)
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise ClientError("invalid", f"A name has 1 to {LONGEST_NAME} characters.", field="preset_name")
    values = {"source": job.source, "header": _words(header), "mapping": job.mapping}
    preset, _ = MappingPreset.objects.update_or_create(name=name, defaults=values)
    record("builders.preset.saved", actor=actor, target=name)
    return preset


@transaction.atomic
def forget_preset(*, actor: User | None, preset: MappingPreset) -> None:
    _require_right(actor)
    record("builders.preset.forgotten", actor=actor, target=preset.name)
    preset.delete()


def preset_for(proposal: Proposal) -> MappingPreset | None:
    """Return the newest preset for these columns, in this order. Known formats need none."""
    if proposal.preset:
        return None
    words = _words([column.header for column in proposal.columns])
    return next((kept for kept in MappingPreset.objects.order_by("-pk") if kept.header == words), None)


def mapping_of(preset: MappingPreset) -> Mapping:
    return Mapping(fields=list(preset.mapping["fields"]))


def _words(header: list[str]) -> list[str]:
    return [words_of(name) for name in header]


def _require_right(actor: User | None) -> None:
    if not can_import(actor):
        raise ClientError("forbidden", "You may not import.")
