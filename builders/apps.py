from __future__ import annotations

from django.apps import AppConfig


class BuildersConfig(AppConfig):
    name = "builders"
    verbose_name = "Builder directory"
    default_auto_field = "django.db.models.BigAutoField"
