"""The one account page that differs from django-allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account.views import SignupView
from django.http import HttpResponse

from accounts.forms import SignUpForm
from accounts.strangers import guest_of
from realtime.errors import ClientError


class SignUpView(SignupView):
    """Sign-up that starts from the guest's name and shows a refusal of the service beside its field."""

    def get_initial(self) -> dict[str, Any]:
        guest = guest_of(self.request)
        return {**super().get_initial(), "display_name": guest.display_name if guest else ""}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "guest": guest_of(self.request)}

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except ClientError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
            response = self.form_invalid(form)
        return response
