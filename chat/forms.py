"""The forms of the pages. They check shapes; the rules are in the services."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from accounts.names import MAX_LENGTH, MIN_LENGTH
from chat.models import Room
from chat.text import MAX_CHARACTERS
from realtime.errors import ClientError


class NameForm(forms.Form):
    """Asks for a display name, of those who have none yet."""

    display_name = forms.CharField(
        label="Your name",
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "nickname", "dir": "auto"}),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(user, User):
            del self.fields["display_name"]

    def add_refusal(self, error: ClientError) -> None:
        """Show a service's refusal beside the field that it names, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, error.message)


class EnterForm(NameForm):
    """A room code, and a name where there is none yet."""

    code = forms.CharField(
        label="Room code",
        max_length=60,
        widget=forms.TextInput(
            attrs={
                "class": "field__code",
                "placeholder": "blue-stage-4207",
                "autocomplete": "off",
                "autocapitalize": "none",
                "autocorrect": "off",
                "spellcheck": "false",
                "data-room-code": "",
            }
        ),
    )


class CreateRoomForm(NameForm):
    """A new room."""

    name = forms.CharField(
        label="Name of the room",
        min_length=2,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    kind = forms.ChoiceField(choices=[(kind.value, kind.label) for kind in (Room.Kind.PUBLIC, Room.Kind.PRIVATE)])


class MessageForm(forms.Form):
    """A message written without the page's script. `client_id` makes a second press of the button harmless."""

    text = forms.CharField(max_length=MAX_CHARACTERS)
    client_id = forms.UUIDField()
