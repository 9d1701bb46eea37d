"""Builders, imports, duplicates and claims in the admin site. Every act goes through the services."""

from builders.admin.builders import BuilderAdmin
from builders.admin.claims import ClaimAdmin
from builders.admin.duplicates import DuplicateCandidateAdmin, MergeRecordAdmin
from builders.admin.imports import ImportJobAdmin
from builders.admin.presets import MappingPresetAdmin

__all__ = [
    "BuilderAdmin",
    "ClaimAdmin",
    "DuplicateCandidateAdmin",
    "ImportJobAdmin",
    "MappingPresetAdmin",
    "MergeRecordAdmin",
]
