"""Forms of the admin pages about people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import password_validation

from accounts.forms import DisplayNameField
from accounts.models import User


class PasswordField(forms.CharField):
    """A new password, checked against the rules that members' own choices meet."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        help_text = password_validation.password_validators_help_text_html()
        super().__init__(**{"strip": False, "widget": widget, "help_text": help_text, **options})

    def clean(self, value: Any) -> str:
        password: str = super().clean(value)
        if password:
            password_validation.validate_password(password)
        return password


class AddMemberForm(forms.ModelForm):  # type: ignore[type-arg]  # only its stub is generic
    display_name = DisplayNameField(label="Name")
    password = PasswordField()

    class Meta:
        model = User
        fields = ("email", "display_name", "password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].required = True


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]  # only its stub is generic
    display_name = DisplayNameField(label="Name")
    new_password = PasswordField(
        required=False, help_text="Leave empty to keep the present one. Setting one ends the person's sessions."
    )

    class Meta:
        model = User
        fields = ("display_name", "email", "is_staff", "is_superuser", "groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who may only look gets no fields at all, and a guest's form has no e-mail address.
        name = self.fields.get("display_name")
        if isinstance(name, DisplayNameField):
            name.is_staff = self.instance.is_staff
        if "email" in self.fields:
            self.fields["email"].required = True
