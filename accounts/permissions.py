"""Who may do what to whom: one predicate for each question."""

from __future__ import annotations

from accounts.models import User


def can_manage(actor: User, user: User) -> bool:
    """Tell whether `actor` may change, disable or sign out `user`. Only superusers may touch superusers."""
    if not actor.is_active or not actor.is_staff or not actor.has_perm("accounts.change_user"):
        return False
    return actor.is_superuser or not user.is_superuser


def can_disable(actor: User, user: User) -> bool:
    """Tell whether `actor` may disable `user`. Nobody disables themselves: the last superuser would be locked out."""
    return actor.pk != user.pk and can_manage(actor, user)


def can_end_sessions(actor: User, user: User) -> bool:
    return actor.pk == user.pk or can_manage(actor, user)
