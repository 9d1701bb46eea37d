"""The activity log: who did what to what, never what was said."""

from __future__ import annotations

import re
from typing import Any

from operations.models import ActivityEvent

_KIND = re.compile(r"[a-z]+\.[a-z_]+\.[a-z_]+")


def record(kind: str, *, actor: Any = None, target: str = "", data: dict[str, Any] | None = None) -> ActivityEvent:
    """Append one act to the log, inside the caller's transaction: an act that is rolled back leaves no entry.

    `kind` is `<app>.<noun>.<past participle>`, `target` the uid of what was acted on. `actor` is a user, whose
    model belongs to an app above this one.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"An activity kind has three parts, not {kind!r}.")
    return ActivityEvent.objects.create(
        kind=kind, actor=actor, actor_name=getattr(actor, "display_name", ""), target=target, data=data or {}
    )
