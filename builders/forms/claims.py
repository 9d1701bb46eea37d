"""The forms of the claim page. They check shapes; the rules are in `services.claiming`."""

from __future__ import annotations

from django import forms

from builders.services.claiming import DIGITS, LONGEST_STATEMENT, SHORTEST_STATEMENT
from realtime.errors import ClientError


class ClaimForm(forms.Form):
    """What all of them have: a refusal stands beside the field that it names."""

    def add_refusal(self, error: ClientError) -> None:
        self.add_error(error.field if error.field in self.fields else None, error.message)


class MailboxForm(ClaimForm):
    email = forms.EmailField(
        label="Your address at the firm",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )

    def __init__(self, domain: str, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # what a request has
        self.fields["email"].help_text = f"An address that ends in {domain}. A code goes there."
        self.fields["email"].widget.attrs["placeholder"] = f"you@{domain}"


class StatementForm(ClaimForm):
    statement = forms.CharField(
        label="How do you belong to the firm?",
        min_length=SHORTEST_STATEMENT,
        max_length=LONGEST_STATEMENT,
        error_messages={"min_length": f"Say a little more: at least {SHORTEST_STATEMENT} characters."},
        help_text="For staff alone: your role, and how they can check it, such as a number in the trade register.",
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
    )


class CodeForm(ClaimForm):
    code = forms.CharField(
        label="Code from the e-mail",
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "class": "field__code",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "placeholder": "0" * DIGITS,
            }
        ),
    )
