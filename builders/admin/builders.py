"""The directory as staff see it: found by any name, changed through the services, and done to many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django_countries import countries

from accounts.models import User
from accounts.requests import person_of
from builders.admin.builder_forms import BuilderForm, PortfolioFormSet, changed_values
from builders.admin.inlines import INLINES
from builders.models import Builder, ImportJob, Location, Rank, SourceKey
from builders.queries.staff import COUNTED_AT_MOST, CappedPaginator, matching, place_of, staff_list
from builders.services.builders import SWITCHES, delete_builder, unlock_fields, update_builder
from builders.services.bulk import add_builder
from builders.services.portfolio import add_project, change_project, remove_project
from builders.wording import field_label
from operations.admin import ServiceAdmin
from operations.confirmation import act_when_confirmed
from realtime.errors import ClientError

# More than anybody reads through before confirming; an import is the way to change more.
MOST_AT_ONCE = 500
_PAIR = 2
# The attribute of a request whose form was refused by a service: it is shown once more, with the reason.
_REFUSAL = "builders_refusal"


class CountryFilter(admin.SimpleListFilter):
    title = "country"
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Location.objects.exclude(country="").order_by().values_list("country", flat=True).distinct()
        return sorted(((code, str(countries.name(code)) or code) for code in codes), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Builder]) -> QuerySet[Builder]:
        if not self.value():
            return queryset
        places = Location.objects.filter(country=self.value())
        return queryset.filter(pk__in=places.values("builder_id"))


class SourceFilter(admin.SimpleListFilter):
    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = ImportJob.objects.order_by("source").values_list("source", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Builder]) -> QuerySet[Builder]:
        if not self.value():
            return queryset
        return queryset.filter(pk__in=SourceKey.objects.filter(source=self.value()).values("builder_id"))


@admin.register(Builder)
class BuilderAdmin(ServiceAdmin):
    list_display = ("name", "place", "is_active", "is_verified", "is_featured", "claim_state", "rating")
    list_filter = (
        "is_active",
        "is_verified",
        "is_featured",
        "claim_state",
        "plan",
        "status",
        CountryFilter,
        SourceFilter,
    )
    # The box appears with any field in it; `get_search_results` says what is searched.
    search_fields = ("search_text",)
    search_help_text = "Words of the name, a service or a place; or a whole e-mail address, telephone, domain or key."
    sortable_by = ("name", "rating")
    ordering: ClassVar[list[str]] = ["name_folded"]
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    change_form_template = "admin/builders/builder.html"
    form = BuilderForm
    inlines = INLINES
    readonly_fields = ("address", "claim", "keys", "where_from", "created_at", "updated_at")
    actions = ("verify", "unverify", "feature", "unfeature", "deactivate", "reactivate", "merge", "delete_for_good")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Builder]:
        return staff_list()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return matching(queryset, search_term), False

    def get_fieldsets(self, request: HttpRequest, obj: Builder | None = None) -> Any:
        profile = ["name", "description", "website", "language_names", "specialisation_names"]
        figures = [
            ("founded", "projects_completed"),
            ("team_min", "team_max"),
            ("stand_min_m2", "stand_max_m2"),
            ("rating", "review_count"),
        ]
        standing = ["status", "plan", ("is_verified", "is_featured", "is_active")]
        shown = [(None, {"fields": profile}), ("Figures", {"fields": figures}), ("Standing", {"fields": standing})]
        if obj is not None:
            facts = ["address", "claim", "keys", ("created_at", "updated_at"), "where_from"]
            if self.has_change_permission(request, obj):
                facts += ["seen_rev", *(["unlock"] if obj.locked_fields else [])]
            shown.append(("Where it comes from", {"fields": facts}))
        return shown

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"counted_at_most": COUNTED_AT_MOST, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {"country_names": [name for _, name in countries], **(extra_context or {})}
        # Past the parent's own way, which leads back to an empty form: a page of rows is too much to type twice.
        view = admin.ModelAdmin.changeform_view
        try:
            return view(self, request, object_id, form_url, context)
        except ClientError as error:
            setattr(request, _REFUSAL, error)
            return view(self, request, object_id, form_url, context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, _REFUSAL, None)
        return form if refusal is None else type("RefusedForm", (form,), {"refusal": refusal})

    def save_model(self, request: HttpRequest, obj: Builder, form: Any, change: bool) -> None:
        """Leave it to `save_related`: a builder and its rows are one write."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        actor, values = person_of(request), changed_values(form, formsets)
        switches = {name: form.cleaned_data[name] for name in SWITCHES if name in form.changed_data}
        builder = form.instance
        if not change:
            made = add_builder(actor=actor, values=values, switches=switches)
            builder.pk, builder._state.adding = made.pk, False
            builder.refresh_from_db()
            return
        rev = form.cleaned_data["seen_rev"]
        values.pop("portfolio", None)
        if values or switches:
            rev = update_builder(actor=actor, builder=builder.pk, values=values, expected_rev=rev, **switches).rev
        for formset in formsets:
            if isinstance(formset, PortfolioFormSet):
                self._save_projects(actor, builder.pk, formset, rev)
        freed = form.cleaned_data.get("unlock")
        if freed:
            unlock_fields(actor=actor, builder=builder.pk, fields=freed)

    def _save_projects(self, actor: User, builder: int, formset: PortfolioFormSet, rev: int) -> None:
        for project, values in formset.edits():
            if values is None:
                remove_project(actor=actor, project=project, expected_rev=rev)
            elif project._state.adding:
                add_project(actor=actor, builder=builder, values=values, expected_rev=rev)
            else:
                change_project(actor=actor, project=project, values=values, expected_rev=rev)
            rev += 1

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        # Django's own reads what its formsets saved, and these save nothing.
        return [{"added": {}}] if add else [{"changed": {"fields": sorted(changed_values(form, formsets))}}]

    # --- columns and facts ------------------------------------------------------------------------------------

    @admin.display(description="headquarters")
    def place(self, builder: Builder) -> str:
        return place_of(builder)

    @admin.display(description="address in the directory")
    def address(self, builder: Builder) -> str:
        former = builder.former_slugs.values_list("slug", flat=True)
        return ", formerly ".join([builder.slug, *former])

    @admin.display(description="claim")
    def claim(self, builder: Builder) -> str:
        return f"{builder.get_claim_state_display()}{f', by {builder.owner}' if builder.owner else ''}"

    @admin.display(description="names at its sources")
    def keys(self, builder: Builder) -> str:
        return ", ".join(str(key) for key in builder.source_keys.order_by("source", "key")[:50]) or "none"

    @admin.display(description="who said what")
    def where_from(self, builder: Builder) -> SafeString:
        ranks = dict(Rank.choices)
        rows = [
            (
                field_label(name),
                entry.get("source", ""),
                ranks.get(entry.get("rank"), ""),
                _day(entry.get("at")),
                "locked" if name in builder.locked_fields else "",
            )
            for name, entry in sorted(builder.provenance.items())
        ]
        if not rows:
            return format_html("nothing is known")
        cells = format_html_join(
            "\n", "<tr><th scope='row'>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows
        )
        head = "<tr><th>field</th><th>source</th><th>rank</th><th>on</th><th>by hand</th></tr>"
        return format_html("<table class='facts'><thead>" + head + "</thead><tbody>{}</tbody></table>", cells)

    # --- actions ----------------------------------------------------------------------------------------------

    @admin.action(description="Verify", permissions=["change"])
    def verify(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        return self._set(request, chosen, "verify", "Verify", values={"is_verified": True})

    @admin.action(description="Take the verification back", permissions=["change"])
    def unverify(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        return self._set(request, chosen, "unverify", "Take the verification back", values={"is_verified": False})

    @admin.action(description="Feature (stands first in lists)", permissions=["change"])
    def feature(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        return self._set(request, chosen, "feature", "Feature", is_featured=True)

    @admin.action(description="Feature no longer", permissions=["change"])
    def unfeature(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        return self._set(request, chosen, "unfeature", "Feature no longer", is_featured=False)

    @admin.action(description="Deactivate (out of the directory)", permissions=["change"])
    def deactivate(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        warning = "They disappear from the directory and keep everything. Imports go on updating them."
        return self._set(request, chosen, "deactivate", "Deactivate", warning=warning, is_active=False)

    @admin.action(description="Reactivate", permissions=["change"])
    def reactivate(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        return self._set(request, chosen, "reactivate", "Reactivate", is_active=True)

    @admin.action(description="Delete for good", permissions=["delete"])
    def delete_for_good(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        count = chosen.count()
        actor, what = person_of(request), f"{count} builder{'s' if count != 1 else ''}"
        return self._confirmed(
            request,
            chosen,
            "delete_for_good",
            "Delete for good",
            lambda builder: delete_builder(actor=actor, builder=builder.pk),
            warning=f"{what} will be gone with everything that belongs to them. This cannot be undone, "
            "and the next import of their source brings them again. Deactivate is what can be taken back.",
            phrase=f"delete {what}",
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # For the action, which goes through the services; Django's own page of deletion does not.
        is_page = request.resolver_match is not None and request.resolver_match.url_name == "builders_builder_delete"
        return not is_page and request.user.has_perm("builders.delete_builder")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["show_delete"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def _set(
        self,
        request: HttpRequest,
        chosen: QuerySet[Builder],
        action: str,
        verb: str,
        *,
        values: dict[str, Any] | None = None,
        warning: str = "",
        **switches: bool,
    ) -> HttpResponse | None:
        actor = person_of(request)

        def act(builder: Model) -> None:
            update_builder(actor=actor, builder=builder.pk, values=values or {}, **switches)

        return self._confirmed(request, chosen, action, verb, act, warning=warning)

    def _confirmed(
        self,
        request: HttpRequest,
        chosen: QuerySet[Builder],
        action: str,
        verb: str,
        act: Callable[[Any], object],
        **shown: Any,
    ) -> HttpResponse | None:
        if chosen[: MOST_AT_ONCE + 1].count() > MOST_AT_ONCE:
            message = f"Choose {MOST_AT_ONCE} builders at most. More are changed by an import."
            self.message_user(request, message, messages.ERROR)
            return None
        facts = {builder.pk: place_of(builder) for builder in chosen}
        return act_when_confirmed(self, request, chosen, action=action, verb=verb, act=act, facts=facts, **shown)

    @admin.action(description="Merge two into one", permissions=["change"])
    def merge(self, request: HttpRequest, chosen: QuerySet[Builder]) -> HttpResponse | None:
        uids = list(chosen.order_by("pk").values_list("uid", flat=True)[: _PAIR + 1])
        if len(uids) != _PAIR:
            self.message_user(request, "Choose exactly two builders to merge.", messages.ERROR)
            return None
        return HttpResponseRedirect(reverse("admin:builders_duplicatecandidate_compare", args=uids))


def _day(at: str | None) -> str:
    moment = parse_datetime(at) if at else None
    return f"{moment:%Y-%m-%d}" if moment else ""
