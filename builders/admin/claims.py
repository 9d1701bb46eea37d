"""Who says that a builder is theirs: the queue, and one claim with all that helps to decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.requests import person_of
from builders.admin.rights import may
from builders.models import Claim, Location
from builders.permissions import can_decide_claims
from builders.queries.staff import place_of
from builders.services.claiming import LONGEST_REASON, approve, reject, withdraw
from operations.admin import ReadOnlyAdmin
from realtime.errors import ClientError

State = Claim.State
# What is done to a claim, the verb for it, and what it is then.
_ACTS: dict[str, tuple[Callable[..., Claim], str]] = {
    "approve": (approve, "is the owner now"),
    "reject": (reject, "is refused"),
    "withdraw": (withdraw, "is the owner no longer"),
}


class WaitingFirstFilter(admin.SimpleListFilter):
    """What waits for staff, unless somebody asks for the others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, str(label).lower()) for value, label in State.choices if value != State.WAITING]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name]):
                choice["display"] = "waiting for staff"
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset.waiting()  # type: ignore[attr-defined]


class DecisionForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The person is told this. To refuse or withdraw a claim takes a reason.",
    )


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ("builder_link", "place", "user", "mailbox", "created_at", "decided_by")
    list_display_links = None
    list_filter = (WaitingFirstFilter, "created_at")
    search_fields = ("builder__name", "=builder__uid", "user__display_name", "=user__uid", "email")
    ordering: ClassVar[list[str]] = ["created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        claims: QuerySet[Claim] = super().get_queryset(request)
        places = Prefetch("builder__locations", Location.objects.filter(is_headquarters=True))
        return claims.select_related("builder", "user", "decided_by").prefetch_related(places)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, can_decide_claims)

    @admin.display(description="builder", ordering="builder__name")
    def builder_link(self, claim: Claim) -> SafeString:
        url = reverse("admin:builders_claim_change", args=[claim.pk])
        return format_html('<a href="{}">{}</a>', url, claim.builder.name)

    @admin.display(description="headquarters")
    def place(self, claim: Claim) -> str:
        return place_of(claim.builder)

    @admin.display(description="mail at the firm")
    def mailbox(self, claim: Claim) -> str:
        return f"{claim.email}, {'proved' if claim.email_proved_at else 'not proved'}" if claim.email else "none"

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show one claim, and decide on it."""
        if not may(request, can_decide_claims):
            raise PermissionDenied
        if not object_id.isdecimal():
            raise Http404
        claim = get_object_or_404(self.get_queryset(request), pk=object_id)
        form = DecisionForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._act(request, claim, form.cleaned_data["reason"])
            except ClientError as error:
                form.add_error("reason" if error.field == "reason" else None, error.message)
        builder = claim.builder
        context = {
            **self.admin_site.each_context(request),
            "title": f"Claim of {builder.name}",
            "opts": self.opts,
            "claim": claim,
            "builder": builder,
            "place": place_of(builder),
            "form": form,
            "earlier": claim.user.claims.exclude(pk=claim.pk).select_related("builder").order_by("-pk")[:10],
            "others": builder.claims.exclude(pk=claim.pk).select_related("user").order_by("-pk")[:10],
        }
        return TemplateResponse(request, "admin/builders/claim.html", context)

    def _act(self, request: HttpRequest, claim: Claim, reason: str) -> HttpResponse:
        name = request.POST.get("act", "")
        if name not in _ACTS:
            raise ClientError("bad_request", "Choose what becomes of the claim.")
        act, outcome = _ACTS[name]
        act(actor=person_of(request), claim=claim, reason=reason)
        subject = claim.user.display_name if name != "reject" else f"The claim of {claim.user.display_name}"
        self.message_user(request, f"{subject} {outcome}: {claim.builder.name}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:builders_claim_changelist"))
