"""The forms of the chat's admin pages. They check what the services will: a refusal belongs beside its field."""

from __future__ import annotations

from typing import Any

from django import forms

from chat.models import Ban, Room
from chat.services.rooms import CREATABLE, clean_room_name
from realtime.errors import ClientError


class RoomForm(forms.ModelForm):  # type: ignore[type-arg]  # only its stub is generic
    class Meta:
        model = Room
        fields = ("name", "kind", "mode", "slow_seconds", "is_listed", "position", "retention_hours", "code_expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            choices = [(kind.value, kind.label) for kind in Room.Kind if kind in CREATABLE]
            self.fields["kind"] = forms.ChoiceField(choices=choices)

    def clean_name(self) -> str:
        try:
            return clean_room_name(self.cleaned_data["name"])
        except ClientError as error:
            raise forms.ValidationError(error.message) from error


class BanForm(forms.ModelForm):  # type: ignore[type-arg]  # only its stub is generic
    class Meta:
        model = Ban
        fields = ("user", "room", "reason", "until")
        help_texts = {"room": "Empty bans from everything."}  # noqa: RUF012  read by Django, never changed
