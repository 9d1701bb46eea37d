"""Who may do what with builders: one predicate each. `None` is the command line, which may do everything."""

from __future__ import annotations

from accounts.models import User
from builders.models import Builder


def can_import(actor: User | None) -> bool:
    return actor is None or (actor.is_active and actor.is_staff and actor.has_perm("builders.run_imports"))


def can_see_builders(actor: User | None) -> bool:
    """Tell about the directory as staff see it, with what is not listed; whoever may change it may see it."""
    return _is_staff_with(actor, "builders.view_builder") or can_change_builders(actor)


def can_add_builders(actor: User | None) -> bool:
    return _is_staff_with(actor, "builders.add_builder")


def can_change_builders(actor: User | None) -> bool:
    return _is_staff_with(actor, "builders.change_builder")


def can_delete_builders(actor: User | None) -> bool:
    return _is_staff_with(actor, "builders.delete_builder")


def can_merge_builders(actor: User | None) -> bool:
    return _is_staff_with(actor, "builders.merge_builders")


def can_decide_claims(actor: User | None) -> bool:
    return _is_staff_with(actor, "builders.decide_claims")


def can_claim(actor: User | None) -> bool:
    """Members claim; a guest has no address that an answer could be sent to."""
    return actor is not None and actor.is_active and not actor.is_guest


def is_owner(actor: User | None, builder: Builder) -> bool:
    """Tell whether the firm itself is at work: whoever claimed the record, once that was approved."""
    return (
        actor is not None
        and actor.is_active
        and builder.owner_id == actor.pk
        and builder.claim_state == Builder.ClaimState.CLAIMED
    )


def _is_staff_with(actor: User | None, permission: str) -> bool:
    return actor is None or (actor.is_active and actor.is_staff and actor.has_perm(permission))
