"""Where django-allauth meets our people: sign-up keeps the guest's row, and passwords end sessions."""

from __future__ import annotations

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
