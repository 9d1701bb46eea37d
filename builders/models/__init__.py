"""The directory of stand builders: who they are, where each fact came from, and how imports, merges and claims run."""

from builders.models.builder import (
    Builder,
    BuilderQuerySet,
    Certification,
    ContactPerson,
    ContactPoint,
    FormerSlug,
    Location,
    PortfolioImage,
    PortfolioProject,
    Service,
    Specialisation,
)
from builders.models.claims import Claim
from builders.models.duplicates import DuplicateCandidate, MergeRecord
from builders.models.imports import ImportChange, ImportJob, ImportRow, MappingPreset
from builders.models.listing import ListedWords, Listing
from builders.models.lookups import LookUpDay, PlaceAnswer
from builders.models.sources import Rank, SourceKey

__all__ = [
    "Builder",
    "BuilderQuerySet",
    "Certification",
    "Claim",
    "ContactPerson",
    "ContactPoint",
    "DuplicateCandidate",
    "FormerSlug",
    "ImportChange",
    "ImportJob",
    "ImportRow",
    "ListedWords",
    "Listing",
    "Location",
    "LookUpDay",
    "MappingPreset",
    "MergeRecord",
    "PlaceAnswer",
    "PortfolioImage",
    "PortfolioProject",
    "Rank",
    "Service",
    "SourceKey",
    "Specialisation",
]
