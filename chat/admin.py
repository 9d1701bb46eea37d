"""Rooms, messages and bans in the admin site. Every act goes through the services, which check, number and log it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts.requests import person_of
from chat import events
from chat.admin_forms import BanForm, RoomForm
from chat.models import Ban, Message, Room
from chat.services import bans, rooms
from chat.services import messages as chat_messages
from operations.admin import ReadOnlyAdmin, ServiceAdmin
from operations.confirmation import act_when_confirmed
from realtime.runtime import online


@admin.register(Room)
class RoomAdmin(ServiceAdmin):
    list_display = ("name", "mode", "online_now", "members", "code", "kind", "is_listed", "archived_at")
    list_filter = ("kind", "mode", "is_listed", ("archived_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "uid", "code", "short_code")
    ordering: ClassVar[list[str]] = ["position", "name"]
    form = RoomForm
    readonly_fields = ("uid", "code", "short_code", "invite_link", "created_by", "created_at", "archived_at", "head")
    actions = ("close", "reopen", "rotate_codes", "clear", "archive")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        present = Q(memberships__left_at=None, memberships__removed_at=None)
        found: QuerySet[Room] = super().get_queryset(request)
        return found.select_related("cursor", "created_by").annotate(member_count=Count("memberships", filter=present))

    def get_fieldsets(self, request: HttpRequest, obj: Room | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["name", "kind", "is_listed"]})]
        editable = ["name", "mode", "slow_seconds", "is_listed", "position", "retention_hours"]
        entrance = ["code", "short_code", "invite_link", "code_expires_at"]
        facts = ["uid", "created_by", "created_at", "archived_at", "head"]
        return [(None, {"fields": editable}), ("Entrance", {"fields": entrance}), ("Facts", {"fields": facts})]

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        actor, data = person_of(request), form.cleaned_data
        if not change:
            room = rooms.create_room(actor=actor, name=data["name"], kind=data["kind"], is_listed=data["is_listed"])
            obj.pk, obj._state.adding = room.pk, False
            obj.refresh_from_db()
            return
        # The form has put the new values into `obj`; the service starts from the stored row.
        changes = {name: data[name] for name in form.changed_data}
        rooms.change_room(actor=actor, room=Room.objects.get(pk=obj.pk), **changes)

    @admin.display(description="here now")
    def online_now(self, room: Room) -> int:
        return online(room.uid)

    @admin.display(description="members", ordering="member_count")
    def members(self, room: Room) -> int:
        return getattr(room, "member_count", 0)

    @admin.display(description="changes", ordering="cursor__head")
    def head(self, room: Room) -> int:
        return room.cursor.head

    @admin.display(description="invite link")
    def invite_link(self, room: Room) -> str:
        return format_html('<a href="{0}">{0}</a>', events.invite_url(room))

    @admin.action(description="Close (nobody enters, nobody writes)", permissions=["change"])
    def close(self, request: HttpRequest, chosen: QuerySet[Room]) -> HttpResponse | None:
        return self._confirmed(request, chosen, "close", "Close", rooms.close_room)

    @admin.action(description="Open again", permissions=["change"])
    def reopen(self, request: HttpRequest, chosen: QuerySet[Room]) -> HttpResponse | None:
        return self._confirmed(request, chosen, "reopen", "Open again", rooms.reopen_room)

    @admin.action(description="Make new codes and a new link", permissions=["change"])
    def rotate_codes(self, request: HttpRequest, chosen: QuerySet[Room]) -> HttpResponse | None:
        warning = "Posters and links with the present codes stop working at once."
        return self._confirmed(request, chosen, "rotate_codes", "Make new codes", rooms.rotate_codes, warning=warning)

    @admin.action(description="Clear all messages", permissions=["change"])
    def clear(self, request: HttpRequest, chosen: QuerySet[Room]) -> HttpResponse | None:
        visible = Message.objects.visible().filter(room__in=chosen, deleted_at=None)
        counts = dict(visible.values_list("room").annotate(Count("pk")))
        facts = {
            room.pk: f"{counted(counts.get(room.pk, 0), 'message')}, {self.members(room)} in it" for room in chosen
        }
        total = counted(sum(counts.values()), "message")
        shown = {
            "warning": f"{total} will disappear for everybody. This cannot be undone.",
            "phrase": f"clear {total}",
            "facts": facts,
        }
        return self._confirmed(request, chosen, "clear", "Clear all messages", rooms.clear_room, **shown)

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, chosen: QuerySet[Room]) -> HttpResponse | None:
        warning = "Archived rooms disappear from every list and take no messages. What was said stays."
        return self._confirmed(request, chosen, "archive", "Archive", rooms.archive_room, warning=warning)

    def _confirmed(
        self,
        request: HttpRequest,
        chosen: QuerySet[Room],
        action: str,
        verb: str,
        act: Callable[..., object],
        **shown: Any,
    ) -> HttpResponse | None:
        """Ask first, showing a `warning`, a `phrase` to type and `facts` where they are given."""
        actor = person_of(request)
        return act_when_confirmed(
            self,
            request,
            chosen,
            action=action,
            verb=verb,
            act=lambda room: act(actor=actor, room=room),
            **shown,
        )


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """To find and read what was said, and to delete it as a moderator would: a tombstone stays."""

    list_display = ("room_link", "seq", "sender", "shown_text", "created_at", "is_edited", "is_deleted")
    list_filter = ("kind", "created_at", ("deleted_at", admin.EmptyFieldListFilter))
    search_fields = ("body", "uid", "=sender__uid", "room__name")
    ordering: ClassVar[list[str]] = ["-id"]
    list_select_related = ("room", "sender")
    fields = ("room", "seq", "rev", "uid", "sender", "kind", "body", "created_at", "edited_at", "deleted_at")
    # The room leads to itself; a link within the link of the row would be none.
    list_display_links = ("seq",)
    actions = ("delete_messages",)

    @admin.display(description="room", ordering="room__name")
    def room_link(self, message: Message) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:chat_room_change", args=[message.room_id]), message.room.name
        )

    @admin.display(description="text")
    def shown_text(self, message: Message) -> str:
        return message.body if len(message.body) <= 120 else f"{message.body[:119]}…"

    @admin.display(boolean=True, description="edited")
    def is_edited(self, message: Message) -> bool:
        return message.edited_at is not None

    @admin.display(boolean=True, description="deleted")
    def is_deleted(self, message: Message) -> bool:
        return message.deleted_at is not None

    @admin.action(description="Delete (leaves a tombstone)", permissions=["moderate"])
    def delete_messages(self, request: HttpRequest, chosen: QuerySet[Message]) -> HttpResponse | None:
        actor = person_of(request)

        def delete(message: Message) -> None:
            chat_messages.delete_message(actor=actor, room_uid=message.room.uid, seq=message.seq)

        warning = "The text and all its versions are deleted for everybody. This cannot be undone."
        facts = {
            message.pk: f"{message.sender or 'somebody who left'}: {self.shown_text(message)}" for message in chosen
        }
        return act_when_confirmed(
            self, request, chosen, action="delete_messages", verb="Delete", act=delete, warning=warning, facts=facts
        )

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_room")


@admin.register(Ban)
class BanAdmin(ServiceAdmin):
    list_display = ("user", "where", "reason", "until", "created_by", "created_at", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("user__display_name", "=user__uid", "reason", "room__name")
    ordering: ClassVar[list[str]] = ["-id"]
    list_select_related = ("user", "room", "created_by")
    form = BanForm
    fields = ("user", "room", "reason", "until")
    autocomplete_fields = ("user", "room")
    actions = ("lift",)

    def has_change_permission(self, request: HttpRequest, obj: Ban | None = None) -> bool:
        return False

    @admin.display(description="from", ordering="room__name")
    def where(self, ban: Ban) -> str:
        return ban.room.name if ban.room else "everywhere"

    def save_model(self, request: HttpRequest, obj: Ban, form: Any, change: bool) -> None:
        data = form.cleaned_data
        ban = bans.ban_user(
            actor=person_of(request), user=data["user"], room=data["room"], until=data["until"], reason=data["reason"]
        )
        obj.pk, obj._state.adding = ban.pk, False
        obj.refresh_from_db()

    @admin.action(description="Lift", permissions=["add"])
    def lift(self, request: HttpRequest, chosen: QuerySet[Ban]) -> HttpResponse | None:
        actor = person_of(request)
        return act_when_confirmed(
            self,
            request,
            chosen,
            action="lift",
            verb="Lift",
            act=lambda ban: bans.lift_ban(actor=actor, ban=ban),
            facts={ban.pk: f"{ban.user}, from {self.where(ban)}" for ban in chosen},
        )


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 message`, `2 messages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
