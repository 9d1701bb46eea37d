"""Forms of the account pages."""

from __future__ import annotations

from typing import ClassVar

from allauth.account.forms import SignupForm
from django import forms

from accounts.names import MAX_LENGTH, clean_display_name
from realtime.errors import ClientError


class DisplayNameField(forms.CharField):
    """A text that `clean_display_name` accepts."""

    def __init__(self, *, label: str = "Your name", is_staff: bool = False) -> None:
        self.is_staff = is_staff
        super().__init__(label=label, help_text="Shown beside what you write.", strip=False)
        self.widget.attrs.update({"autocomplete": "nickname", "maxlength": str(MAX_LENGTH)})

    def clean(self, value: object) -> str:
        text = super().clean(value)
        try:
            return clean_display_name(text, is_staff=self.is_staff)
        except ClientError as error:
            raise forms.ValidationError(error.message) from error


class SignUpForm(SignupForm):
    """E-mail address and password, and the name that a guest has already chosen."""

    field_order: ClassVar[list[str]] = ["display_name", "email", "password1"]
    display_name = DisplayNameField()
