"""Builders, imports, duplicates and claims in the admin site. Every act goes through the services."""

from builders.admin.builders import BuilderAdmin

__all__ = ["BuilderAdmin"]
