"""People and their sessions in the admin site. Every act goes through `accounts.services` and is logged there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import allauth.mfa.admin  # noqa: F401  registers what is unregistered below
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import Count, ManyToManyField, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString, mark_safe

from accounts import services
from accounts.admin_forms import AddMemberForm, PersonForm
from accounts.models import Session, User
from accounts.permissions import can_manage
from accounts.requests import person_of
from operations import activity
from operations.confirmation import act_when_confirmed
from realtime.errors import ClientError

# Its form shows the secret that the one-time codes are made from. `remove_second_factor` is what staff need of it.
admin.site.unregister(Authenticator)

RIGHTS = ("is_staff", "is_superuser", "groups")


class KindFilter(admin.SimpleListFilter):
    """Guests, members or staff; `prefix` leads from the listed row to the person."""

    title = "kind"
    parameter_name = "kind"
    prefix = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("guest", "guests"), ("member", "members"), ("staff", "staff")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("guest", "member", "staff"):
            return queryset
        is_guest, is_staff = self.value() == "guest", self.value() == "staff"
        return queryset.filter(**{f"{self.prefix}is_guest": is_guest, f"{self.prefix}is_staff": is_staff})


class KindOfSessionFilter(KindFilter):
    prefix = "user__"


@admin.register(User)
class PersonAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # only its stub is generic
    """Guests, members and staff. Guests come in by themselves; nobody is deleted, for their messages would go too."""

    list_display = ("display_name", "kind", "email", "uid", "is_active", "sessions_alive", "date_joined")
    list_filter = (KindFilter, "is_active", "date_joined")
    search_fields = ("uid", "display_name", "email")
    ordering: ClassVar[list[str]] = ["-id"]
    list_per_page = 50
    # Counting every row again for each search is slow with many guests, and the figure helps nobody.
    show_full_result_count = False
    readonly_fields: ClassVar[list[str]] = ["uid", "kind", "is_active", "date_joined", "last_login", "sessions_alive"]
    # Boxes to tick: the two lists that Django offers are hard to use on a phone.
    formfield_overrides: ClassVar[dict[Any, Any]] = {ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}
    form = PersonForm
    actions = ("end_sessions", "disable", "enable", "remove_second_factor")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request).annotate(session_count=Count("sessions"))
        return people

    @admin.display(description="kind")
    def kind(self, user: User) -> str:
        return "guest" if user.is_guest else "staff" if user.is_staff else "member"

    @admin.display(description="sessions", ordering="session_count")
    def sessions_alive(self, user: User) -> int:
        return getattr(user, "session_count", 0)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **options: Any) -> Any:
        if obj is None:
            options["form"] = AddMemberForm
        return super().get_form(request, obj, change=change, **options)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["email", "display_name", "password"]})]
        facts = ("Facts", {"fields": ["uid", "kind", "is_active", "sessions_alive", "date_joined", "last_login"]})
        if obj.is_guest:
            return [(None, {"fields": ["display_name"]}), facts]
        member = (None, {"fields": ["display_name", "email", "new_password"]})
        return [member, facts, ("Rights", {"fields": list(RIGHTS)})]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fixed = list(self.readonly_fields)
        # Whoever may change people could otherwise give themselves every right.
        if not request.user.is_superuser or obj == request.user:
            fixed += RIGHTS
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or can_manage(person_of(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ClientError as error:
            # The transaction around the form is rolled back by now, so nothing is half saved.
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        data, changed, actor = form.cleaned_data, set(form.changed_data), person_of(request)
        if not change:
            member = services.register_member(actor=actor, **data)
            obj.pk, obj._state.adding = member.pk, False
            obj.refresh_from_db()
            return
        # The form has put the new values into `obj`; the services start from the stored row.
        user = User.objects.get(pk=obj.pk)
        if changed & {"is_staff", "is_superuser"}:
            services.set_rights(actor=actor, user=user, is_staff=obj.is_staff, is_superuser=obj.is_superuser)
        if "display_name" in changed:
            services.rename(actor=actor, user=user, display_name=data["display_name"])
        if "email" in changed:
            services.change_email(actor=actor, user=user, email=data["email"])
        if data.get("new_password"):
            keep = request.session.session_key if user == actor else None
            services.set_password(actor=actor, user=user, password=data["new_password"], keep=keep)
            if keep:
                services.keep_signed_in(request.session, user)

    def save_related(self, request: HttpRequest, form: forms.ModelForm[User], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "groups" in form.changed_data:
            names = [group.name for group in form.cleaned_data["groups"]]
            activity.record(
                "accounts.groups.changed", actor=person_of(request), target=form.instance.uid, data={"groups": names}
            )

    @admin.action(description="End all sessions (log out everywhere)", permissions=["change"])
    def end_sessions(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._confirmed(request, people, "end_sessions", "Log out everywhere", services.end_sessions)

    @admin.action(description="Disable (no log-in until enabled)", permissions=["change"])
    def disable(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._confirmed(request, people, "disable", "Disable", services.disable_user)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._confirmed(request, people, "enable", "Enable", services.enable_user)

    @admin.action(description="Remove the second factor (lost phone)", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        act = services.remove_second_factor
        return self._confirmed(request, people, "remove_second_factor", "Remove the second factor", act)

    def _confirmed(
        self, request: HttpRequest, people: QuerySet[User], action: str, verb: str, act: Callable[..., object]
    ) -> HttpResponse | None:
        """Ask first; once confirmed, do `act` to each person and say what happened to how many."""
        return act_when_confirmed(
            self, request, people, action=action, verb=verb, act=lambda user: act(actor=person_of(request), user=user)
        )


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # only its stub is generic
    """Who is logged in. A session's key opens it, so neither page nor form ever holds one: a digest stands in."""

    list_display = ("handle", "person", "last_change", "expire_date")
    list_display_links = None
    list_filter = (KindOfSessionFilter,)
    search_fields = ("user__uid", "user__display_name", "user__email")
    ordering: ClassVar[list[str]] = ["-expire_date"]
    list_select_related = ("user",)
    list_per_page = 50
    show_full_result_count = False
    actions = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).filter(expire_date__gt=timezone.now(), user__isnull=False)

    @admin.display(description="session")
    def handle(self, session: Session) -> str:
        return handle_of(session.session_key)[:8]

    @admin.display(description="person", ordering="user__display_name")
    def person(self, session: Session) -> str:
        return f"{session.user} ({session.user.uid})" if session.user else ""

    @admin.display(description="last change")
    def last_change(self, session: Session) -> datetime:
        return session.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)

    @admin.display(description=mark_safe('<input type="checkbox" id="action-toggle" aria-label="Select all">'))
    def action_checkbox(self, session: Session) -> SafeString:
        label = f"Select the session of {session.user}"
        attributes = {"class": "action-select", "aria-label": label}
        handle = handle_of(session.session_key)
        return forms.CheckboxInput(attributes, lambda value: False).render(helpers.ACTION_CHECKBOX_NAME, handle)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        handles = set(request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
        keys = queryset.values_list("session_key", flat=True)
        form = request.POST.copy()
        form.setlist(helpers.ACTION_CHECKBOX_NAME, [key for key in keys if handle_of(key) in handles])
        # From here on Django works with keys, as it does for any other list.
        request.POST = form  # type: ignore[assignment]
        return super().response_action(request, queryset)

    @admin.action(description="End the chosen sessions")
    def end(self, request: HttpRequest, sessions: QuerySet[Session]) -> None:
        done = 0
        for key in list(sessions.values_list("session_key", flat=True)):
            try:
                services.end_session(key=key, actor=person_of(request))
                done += 1
            except ClientError as error:
                self.message_user(request, error.message, messages.ERROR)
        if done:
            self.message_user(request, f"Sessions ended: {done}.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        # The list only: the page of one session would carry its key in the address.
        return obj is None and request.user.has_perm("accounts.view_session")


def handle_of(key: str) -> str:
    """Return a stand-in for a session key that tells nothing about it."""
    return salted_hmac("accounts.admin.session", key).hexdigest()[:24]
