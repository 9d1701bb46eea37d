"""Where django-allauth meets our people: sign-up keeps the guest's row, and passwords end sessions."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.forms import BaseSignupForm
from django.http import HttpRequest

from accounts import services
from accounts.addresses import client_address
from accounts.models import User
from accounts.strangers import guest_of
from operations.ratelimit import RateLimited, hit, refuse_if_spent

# Wrong passwords for one account, from wherever; django-allauth stops a single address after five.
FAILURES_PER_ACCOUNT = "50/10 minutes"


class AccountAdapter(DefaultAccountAdapter):
    def new_user(self, request: HttpRequest) -> User:
        """Return the guest who signs up, so that the row with its memberships and messages stays, or a blank row."""
        return guest_of(request) or User()

    def save_user(self, request: HttpRequest, user: User, form: BaseSignupForm, commit: bool = True) -> User:
        guest = user if user.pk else None
        member = services.register_member(
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password1"],
            display_name=form.cleaned_data["display_name"],
            guest=guest,
        )
        if guest is not None:
            # Where e-mail must be verified first, log-in stops here; the guest goes on chatting as the new member.
            services.keep_signed_in(request.session, member)
        return member

    def login(self, request: HttpRequest, user: User) -> None:
        services.forget_guest(request.session)
        super().login(request, user)

    def set_password(self, user: User, password: str) -> None:
        """Change a password, by its owner or through a reset link, and log the person out everywhere else."""
        here = self.request.session.session_key if self.request.user == user else None
        services.set_password(user=user, password=password, keep=here)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        super().pre_authenticate(request, **credentials)
        try:
            refuse_if_spent("log-ins", _account_of(credentials), FAILURES_PER_ACCOUNT)
        except RateLimited as error:
            raise self.validation_error("too_many_login_attempts") from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        # A refusal here comes too late to matter: the next try meets it before the password is looked at.
        with contextlib.suppress(RateLimited):
            hit("log-ins", _account_of(credentials), FAILURES_PER_ACCOUNT)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count the tries on one account by address: else anybody could keep staff out with five wrong passwords."""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{client_address(request)}"

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for the password again before the way to log in changes; for a second factor, a fresh log-in will do.

        Staff who must set one up come straight from the log-in page, and would give the same password three times.
        """
        if app == "allauth.mfa":
            records = get_authentication_records(self.request, self.request.user)
            if records and records[-1]["at"] > time.time() - app_settings.REAUTHENTICATION_TIMEOUT:
                return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)


def _account_of(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or "").strip().lower()
