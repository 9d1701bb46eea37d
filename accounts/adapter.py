"""Where django-allauth meets our people: sign-up keeps the guest's row, and passwords end sessions."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
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

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)
