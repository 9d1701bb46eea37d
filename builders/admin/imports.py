"""Imports in the admin site: a file arrives, its columns are confirmed, it is looked at, written, and taken back.

One address for each import shows what it is at; what has to be done is sent to addresses below it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import person_of
from builders.admin.import_forms import ColumnsForm, LayoutForm, PolicyForm, UploadForm
from builders.admin.rights import may
from builders.comparing import FIELDS
from builders.importing.layout import Layout
from builders.models import ImportJob, ImportRow
from builders.permissions import can_import
from builders.queries import imports as queries
from builders.services import imports
from builders.services.imports import FileNotRead
from builders.services.presets import preset_for, save_preset
from builders.wording import field_label
from operations.admin import ReadOnlyAdmin
from operations.downloads import download
from realtime.errors import ClientError

State = ImportJob.State
Outcome = ImportRow.Outcome
_FOLDER = "admin/builders/imports"
_ROWS_OF_A_PAGE = 25
_SAMPLES = 5
_STEPS = ("File", "Columns", "Preview", "Result")
_NEVER_WRITTEN = (State.UPLOADED, State.STAGING, State.STAGED)

Page = Callable[["ImportJobAdmin", HttpRequest, ImportJob], HttpResponseBase]


def of_job(view: Page) -> Callable[[ImportJobAdmin, HttpRequest, str], HttpResponseBase]:
    """Give a page its import, check the right, and show what a service refuses on the page of the import."""

    @wraps(view)
    def page(site: ImportJobAdmin, request: HttpRequest, uid: str) -> HttpResponseBase:
        if not may(request, can_import):
            raise PermissionDenied
        job = get_object_or_404(ImportJob, uid=uid)
        try:
            return view(site, request, job)
        except ClientError as error:
            site.message_user(request, error.message, messages.ERROR)
            return to(job)

    return page


def to(job: ImportJob, page: str = "page") -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse(f"admin:builders_importjob_{page}", args=[job.uid]))


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    list_display = ("file_link", "source", "stands", "found", "created_by", "created_at")
    list_display_links = None
    list_filter = ("state", "created_at")
    search_fields = ("file_name", "source", "uid")
    ordering: ClassVar[list[str]] = ["-id"]
    list_select_related = ("created_by",)

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, tuple[str, Any]] = {
            "page": ("", require_GET(self.job_view)),
            "columns": ("columns/", self.columns_view),
            "layout": ("layout/", require_POST(self.layout_view)),
            "policy": ("policy/", require_POST(self.policy_view)),
            "commit": ("commit/", require_POST(self.commit_view)),
            "cancel": ("cancel/", require_POST(self.cancel_view)),
            "retry": ("retry/", require_POST(self.retry_view)),
            "undo": ("undo/", self.undo_view),
            "rows": ("rows/", require_GET(self.rows_view)),
            "decide": ("decide/", require_POST(self.decide_view)),
            "errors": ("errors.csv", require_GET(self.errors_view)),
            "progress": ("progress.json", require_GET(self.progress_view)),
        }
        view = self.admin_site.admin_view
        return [
            *(
                path(f"job/<str:uid>/{end}", view(page), name=f"builders_importjob_{n}")
                for n, (end, page) in pages.items()
            ),
            *super().get_urls(),
        ]

    # --- rights: one for all that an import is ----------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, can_import)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, can_import)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, can_import) or super().has_module_permission(request)

    # --- the list ---------------------------------------------------------------------------------------------

    @admin.display(description="file", ordering="file_name")
    def file_link(self, job: ImportJob) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:builders_importjob_page", args=[job.uid]), job.file_name
        )

    @admin.display(description="state", ordering="state")
    def stands(self, job: ImportJob) -> str:
        return queries.progress_of(job).line.rstrip(".")

    @admin.display(description="rows")
    def found(self, job: ImportJob) -> str:
        return ", ".join(f"{count:,} {label}" for _, label, count in queries.counts_of(job))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may(request, can_import):
            raise PermissionDenied
        if not object_id.isdecimal():
            raise Http404
        return to(get_object_or_404(ImportJob, pk=object_id))

    # --- upload and columns -----------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not may(request, can_import):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                job = imports.create_import(
                    actor=person_of(request),
                    file=file,
                    name=file.name,
                    source=form.cleaned_data["source"],
                    region=form.cleaned_data["region"],
                )
            except ClientError as error:
                form.add_error("file", error.message)
            else:
                return to(job, "columns")
        known = ImportJob.objects.order_by("source").values_list("source", flat=True).distinct()
        return self._show(request, "upload", "Import builders", form=form, sources=known, step=1)

    @of_job
    def columns_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        if job.state not in (State.UPLOADED, State.STAGED, State.FAILED):
            return to(job)
        try:
            proposal = imports.proposal_of(job)
        except FileNotRead as error:
            # The page of the import would lead here again.
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:builders_importjob_changelist"))
        preset = preset_for(proposal) if proposal is not None else None
        form = ColumnsForm(job, proposal, preset, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                self._confirm(request, job, form)
            except ClientError as error:
                form.add_error(None, error.message)
            else:
                return to(job)
        layout = msgspec.convert(job.layout, Layout)
        shown = {"form": form, "layout": layout, "layout_form": LayoutForm(layout), "proposal": proposal}
        shown["is_empty"] = bool(form.columns) and not any(column.samples for column in form.columns)
        shown["is_settled"] = form.is_settled
        return self._show(request, "columns", job.file_name, job=job, preset=preset, step=2, **shown)

    def _confirm(self, request: HttpRequest, job: ImportJob, form: ColumnsForm) -> None:
        actor, data = person_of(request), form.cleaned_data
        imports.confirm_mapping(
            actor=actor,
            job=job,
            mapping=form.mapping(),
            rank=data["rank"],
            source=data["source"],
            region=data["region"],
        )
        if data.get("preset_name"):
            header = [column.header for column in form.columns]
            save_preset(actor=actor, job=job, name=data["preset_name"], header=header)
        imports.stage(job)

    @of_job
    def layout_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        form = LayoutForm(msgspec.convert(job.layout, Layout), request.POST)
        if not form.is_valid():
            self.message_user(request, "The file cannot be read that way.", messages.ERROR)
            return to(job, "columns")
        try:
            imports.change_layout(actor=person_of(request), job=job, layout=form.chosen())
        except ClientError as error:
            self.message_user(request, f"It is no table that way: {error.message}", messages.ERROR)
        return to(job, "columns")

    # --- what an import is at ---------------------------------------------------------------------------------

    @of_job
    def job_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        if job.state == State.UPLOADED:
            return to(job, "columns")
        progress = queries.progress_of(job)
        if progress.is_running:
            return self._show(request, "progress", job.file_name, job=job, progress=progress, step=_step(job))
        if job.state == State.STAGED:
            return self._preview(request, job)
        waiting = [pair for pair in queries.counts_of(job) if pair[0] in (Outcome.REVIEW, Outcome.CONFLICT)]
        return self._show(
            request,
            "result",
            job.file_name,
            job=job,
            counts=queries.counts_of(job),
            left=job.counts.get("left", 0),
            waiting=waiting if job.state == State.COMMITTED else [],
            is_to_be_written=job.state == State.COMMITTED and queries.waits_to_be_written(job),
            can_be_undone=queries.can_be_undone(job),
            can_be_retried=job.state == State.FAILED and not queries.can_be_undone(job),
            step=4,
        )

    def _preview(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        changing = queries.field_counts(job)
        names = [name for name, _ in changing] + [name for name in job.policy if name not in dict(changing)]
        samples = [
            (outcome, label, count, queries.views_of(queries.rows_of(job, outcome)[:_SAMPLES]))
            for outcome, label, count in queries.counts_of(job)
            if outcome in (Outcome.UPDATED, Outcome.CREATED, Outcome.REVIEW)
        ]
        written = job.counts.get(Outcome.CREATED, 0) + job.counts.get(Outcome.UPDATED, 0)
        return self._show(
            request,
            "preview",
            job.file_name,
            job=job,
            counts=queries.counts_of(job),
            samples=sorted(samples, key=lambda sample: sample[0] != Outcome.UPDATED),
            problems=queries.problem_counts(job),
            changing=[(field_label(name), count) for name, count in changing],
            policy_form=PolicyForm(job, [name for name in names if name in FIELDS]),
            summed=queries.SUMMED,
            written=written,
            can_decide=True,
            conflicts=queries.conflicts_ahead(job),
            other=queries.other_writer(job),
            step=3,
        )

    @of_job
    def progress_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        progress = queries.progress_of(job)
        answer = JsonResponse(progress._asdict() | {"state": job.state})
        answer["Cache-Control"] = "no-store"
        return answer

    @of_job
    def rows_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        outcome, after = request.GET.get("outcome", ""), request.GET.get("after", "")
        if outcome not in ("", "problems", *Outcome.values):
            raise Http404
        start = int(after) if after.isdecimal() and len(after) < 16 else 0
        found = list(queries.rows_of(job, outcome, start)[: _ROWS_OF_A_PAGE + 1])
        rows, rest = found[:_ROWS_OF_A_PAGE], found[_ROWS_OF_A_PAGE:]
        return self._show(
            request,
            "rows",
            job.file_name,
            job=job,
            rows=[queries.view_of(row) for row in rows],
            outcome=outcome,
            label=dict(Outcome.choices).get(outcome, "with remarks" if outcome else "all rows").lower(),
            counts=queries.counts_of(job),
            next=rows[-1].number if rest else None,
            can_decide=job.state in (State.STAGED, State.COMMITTED),
            step=_step(job),
        )

    # --- what is done to it -----------------------------------------------------------------------------------

    @of_job
    def policy_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        form = PolicyForm(job, [name for name in request.POST if name in FIELDS], request.POST)
        if form.is_valid():
            policy = {name: what for name, what in job.policy.items() if name not in form.fields} | form.policy()
            imports.confirm_mapping(actor=person_of(request), job=job, policy=policy)
            imports.stage(job)
        return to(job)

    @of_job
    def commit_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        imports.commit_import(actor=person_of(request), job=job)
        return to(job)

    @of_job
    def cancel_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        imports.cancel_import(actor=person_of(request), job=job)
        return to(job)

    @of_job
    def retry_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        imports.stage(job)
        return to(job)

    @of_job
    def undo_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        if request.method == "POST":
            imports.undo_import(actor=person_of(request), job=job)
            return to(job)
        if not queries.can_be_undone(job):
            return to(job)
        return self._show(
            request, "undo", f"Undo {job.file_name}?", job=job, forecast=queries.undo_forecast(job), step=4
        )

    @of_job
    def decide_view(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        number, choice = request.POST.get("number", ""), request.POST.get("choice", "")
        row = get_object_or_404(ImportRow, job=job, number=number if number.isdecimal() else -1)
        if choice not in ("new", "same") or (choice == "same" and row.builder_id is None):
            raise Http404
        builder = row.builder if choice == "same" else None
        imports.decide_row(actor=person_of(request), job=job, number=row.number, builder=builder)
        self.message_user(request, f"Row {row.number}: decided.", messages.SUCCESS)
        rows = reverse("admin:builders_importjob_rows", args=[job.uid])
        return HttpResponseRedirect(f"{rows}?outcome={row.outcome}&after={row.number - 1}")

    @of_job
    def errors_view(self, request: HttpRequest, job: ImportJob) -> HttpResponseBase:
        stem = (
            "".join(letter for letter in Path(job.file_name).stem if letter.isascii() and letter.isalnum()) or "import"
        )
        lines = imports.errors_of(job)
        return download(request, lines, name=f"{stem}-errors.csv", content_type="text/csv; charset=utf-8")

    def _show(self, request: HttpRequest, page: str, title: str, *, step: int, **context: Any) -> HttpResponse:
        context |= self.admin_site.each_context(request)
        context |= {"title": title, "opts": self.opts, "step": step, "steps": _STEPS, "step_name": _STEPS[step - 1]}
        return TemplateResponse(request, f"{_FOLDER}/{page}.html", context)


def _step(job: ImportJob) -> int:
    return 3 if job.state in _NEVER_WRITTEN else 4
