"""Builders that may be there twice: the queue, the two side by side, and merges that can be taken back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.requests import person_of
from builders.admin.rights import may
from builders.comparing import FIELDS
from builders.duplicates.combining import SIDES
from builders.duplicates.rules import explain
from builders.models import Builder, DuplicateCandidate, Location, MergeRecord
from builders.permissions import can_merge_builders
from builders.queries.pairs import chosen, compared
from builders.queries.staff import place_of
from builders.services.duplicates import decide
from builders.services.merging import merge, unmerge
from builders.services.stored import Stored, load
from operations.admin import ReadOnlyAdmin
from operations.confirmation import act_when_confirmed
from realtime.errors import ClientError

State = DuplicateCandidate.State
_COMPARE = "admin:builders_duplicatecandidate_compare"


class OpenFirstFilter(admin.SimpleListFilter):
    """What waits, unless somebody asks for what was decided."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in State.choices if value != State.OPEN]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name]):
                choice["display"] = "open"
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset.waiting()  # type: ignore[attr-defined]


@admin.register(DuplicateCandidate)
class DuplicateCandidateAdmin(ReadOnlyAdmin):
    list_display = ("pair", "where", "score", "why", "decided")
    list_display_links = None
    list_filter = (OpenFirstFilter,)
    search_fields = ("first__name", "second__name", "=first__uid", "=second__uid")
    ordering: ClassVar[list[str]] = ["-score", "pk"]
    actions = ("two_firms", "branches", "open_again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DuplicateCandidate]:
        places = Location.objects.filter(is_headquarters=True)
        pairs: QuerySet[DuplicateCandidate] = super().get_queryset(request)
        return pairs.select_related("first", "second", "decided_by").prefetch_related(
            Prefetch("first__locations", places), Prefetch("second__locations", places)
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.compare_view)
        name = _COMPARE.partition(":")[2]
        return [path("compare/<str:kept>/<str:dropped>/", view, name=name), *super().get_urls()]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, can_merge_builders)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may(request, can_merge_builders)

    # --- the queue --------------------------------------------------------------------------------------------

    @admin.display(description="pair")
    def pair(self, candidate: DuplicateCandidate) -> SafeString:
        kept, dropped = _in_order(candidate)
        url = reverse(_COMPARE, args=[kept.uid, dropped.uid])
        return format_html('<a href="{}">{} <br>{}</a>', url, kept.name, dropped.name)

    @admin.display(description="headquarters")
    def where(self, candidate: DuplicateCandidate) -> SafeString:
        kept, dropped = _in_order(candidate)
        return format_html("{} <br>{}", place_of(kept) or "not known", place_of(dropped) or "not known")

    @admin.display(description="why")
    def why(self, candidate: DuplicateCandidate) -> str:
        return ", ".join(explain(candidate.reasons))

    @admin.display(description="decided")
    def decided(self, candidate: DuplicateCandidate) -> str:
        if candidate.state == State.OPEN:
            return ""
        return f"{candidate.get_state_display().lower()}, by {candidate.decided_by or 'somebody'}"

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may(request, can_merge_builders):
            raise PermissionDenied
        if not object_id.isdecimal():
            raise Http404
        candidate = get_object_or_404(DuplicateCandidate.objects.select_related("first", "second"), pk=object_id)
        return HttpResponseRedirect(reverse(_COMPARE, args=[each.uid for each in _in_order(candidate)]))

    @admin.action(description="Two firms", permissions=["decide"])
    def two_firms(self, request: HttpRequest, pairs: QuerySet[DuplicateCandidate]) -> HttpResponse | None:
        return self._decide(request, pairs, "two_firms", "Two firms", State.DISTINCT)

    @admin.action(description="Branches of one firm", permissions=["decide"])
    def branches(self, request: HttpRequest, pairs: QuerySet[DuplicateCandidate]) -> HttpResponse | None:
        return self._decide(request, pairs, "branches", "Branches of one firm", State.BRANCH)

    @admin.action(description="Open again", permissions=["decide"])
    def open_again(self, request: HttpRequest, pairs: QuerySet[DuplicateCandidate]) -> HttpResponse | None:
        return self._decide(request, pairs, "open_again", "Open again", State.OPEN)

    def _decide(
        self, request: HttpRequest, pairs: QuerySet[DuplicateCandidate], action: str, verb: str, state: str
    ) -> HttpResponse | None:
        actor = person_of(request)
        return act_when_confirmed(
            self,
            request,
            pairs,
            action=action,
            verb=verb,
            act=lambda pair: decide(actor=actor, candidate=pair, state=state),
            facts={pair.pk: f"{pair.first.name} and {pair.second.name}" for pair in pairs},
        )

    # --- side by side -----------------------------------------------------------------------------------------

    def compare_view(self, request: HttpRequest, kept: str, dropped: str) -> HttpResponse:
        """Show two builders, and merge the second into the first or say that they are two."""
        if not may(request, can_merge_builders):
            raise PermissionDenied
        first, second = get_object_or_404(Builder, uid=kept), get_object_or_404(Builder, uid=dropped)
        if first.pk == second.pk:
            raise Http404
        gone = next((each for each in (first, second) if each.merged_into_id is not None), None)
        if gone is not None:
            self.message_user(request, f"{gone.name} is merged into another builder.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:builders_mergerecord_changelist"))
        ids = sorted((first.pk, second.pk))
        candidate = DuplicateCandidate.objects.filter(first=ids[0], second=ids[1]).first()
        if request.method == "POST":
            try:
                return self._act(request, first, second, candidate)
            except ClientError as error:
                self.message_user(request, error.message, messages.ERROR)
        stored = load([first.pk, second.pk])
        sides = [(first, stored[first.pk]), (second, stored[second.pk])]
        context = {
            **self.admin_site.each_context(request),
            "title": "Side by side",
            "opts": self.opts,
            "kept": first,
            "dropped": second,
            "facts": [_facts(builder, there) for builder, there in sides],
            "revs": f"{first.rev},{second.rev}",
            "fields": compared(stored[first.pk].record, stored[second.pk].record),
            "candidate": candidate,
            "reasons": explain(candidate.reasons) if candidate is not None else [],
        }
        return TemplateResponse(request, "admin/builders/compare.html", context)

    def _act(
        self, request: HttpRequest, kept: Builder, dropped: Builder, candidate: DuplicateCandidate | None
    ) -> HttpResponse:
        actor, act = person_of(request), request.POST.get("act")
        if act in (State.DISTINCT, State.BRANCH) and candidate is not None:
            decide(actor=actor, candidate=candidate, state=act)
            self.message_user(request, f"{kept.name} and {dropped.name}: {State(act).label}.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:builders_duplicatecandidate_changelist"))
        if act != "merge":
            raise ClientError("bad_request", "Choose what they are.")
        stored = load([kept.pk, dropped.pk])
        answers = {name: side for name in FIELDS if (side := request.POST.get(f"take-{name}", "")) in SIDES}
        merge(
            actor=actor,
            kept=kept,
            dropped=dropped,
            choices=chosen(stored[kept.pk].record, stored[dropped.pk].record, answers),
            expected_revs=_revs(request.POST.get("revs", "")),
        )
        self.message_user(request, _merged(kept, dropped), messages.SUCCESS)
        page = "admin:builders_duplicatecandidate_changelist"
        if candidate is not None:
            return HttpResponseRedirect(reverse(page))
        return HttpResponseRedirect(reverse("admin:builders_builder_change", args=[kept.pk]))


class TakenBackFilter(admin.SimpleListFilter):
    title = "taken back"
    parameter_name = "taken_back"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "no"), ("yes", "yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MergeRecord]) -> QuerySet[MergeRecord]:
        return (
            queryset.filter(undone_at=None)
            if self.value() == "no"
            else (queryset.exclude(undone_at=None) if self.value() == "yes" else queryset)
        )


@admin.register(MergeRecord)
class MergeRecordAdmin(ReadOnlyAdmin):
    """What was merged, to be taken back."""

    list_display = ("what", "merged_by", "merged_at", "undone_at")
    list_display_links = None
    list_filter = (TakenBackFilter, "merged_at")
    search_fields = ("kept__name", "dropped__name", "=kept__uid", "=dropped__uid")
    ordering: ClassVar[list[str]] = ["-id"]
    list_select_related = ("kept", "dropped", "merged_by")
    actions = ("take_back",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The list alone: the page of one record would show two builders as JSON.
        return obj is None and may(request, can_merge_builders)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may(request, can_merge_builders)

    @admin.display(description="merge", ordering="kept__name")
    def what(self, record: MergeRecord) -> SafeString:
        page = reverse("admin:builders_builder_change", args=[record.kept_id])
        return format_html('{} into <a href="{}">{}</a>', record.dropped.name, page, record.kept.name)

    @admin.action(description="Take back (two builders again)", permissions=["decide"])
    def take_back(self, request: HttpRequest, records: QuerySet[MergeRecord]) -> HttpResponse | None:
        actor = person_of(request)
        return act_when_confirmed(
            self,
            request,
            records,
            action="take_back",
            verb="Take back",
            act=lambda record: unmerge(actor=actor, record=record),
            warning="Both builders become what they were. Where either was changed since, nothing is done.",
            facts={record.pk: f"{record.dropped.name} out of {record.kept.name}" for record in records},
        )


def _in_order(candidate: DuplicateCandidate) -> tuple[Builder, Builder]:
    """Return the pair, the one in front that more speaks for keeping: claimed, verified, or there longer."""

    def weight(builder: Builder) -> tuple[bool, bool, bool]:
        return builder.claim_state == Builder.ClaimState.CLAIMED, builder.is_verified, builder.is_active

    first, second = candidate.first, candidate.second
    return (second, first) if weight(second) > weight(first) else (first, second)


def _facts(builder: Builder, stored: Stored) -> list[tuple[str, str]]:
    """Return what no field says and whoever keeps one of two wants to know."""
    return [
        ("claim", builder.get_claim_state_display().lower()),
        ("in the directory", "yes" if builder.is_active else "no, inactive"),
        ("sources", ", ".join(dict.fromkeys(key.source for key in stored.keys)) or "by hand"),
        ("since", f"{builder.created_at:%Y-%m-%d}"),
    ]


def _revs(text: str) -> tuple[int, int]:
    first, comma, second = text.partition(",")
    if not (comma and first.isdecimal() and second.isdecimal() and len(text) < 40):
        raise ClientError("bad_request", "Load the page again.")
    return int(first), int(second)


def _merged(kept: Builder, dropped: Builder) -> SafeString:
    records = reverse("admin:builders_mergerecord_changelist")
    return format_html('{} is part of {} now. <a href="{}">Take a merge back</a>.', dropped.name, kept.name, records)
