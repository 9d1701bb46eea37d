"""The log, the servers and the jobs in the admin site: to read, and to run a job now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from operations.jobs import Job, all_jobs, is_running
from operations.models import ActivityEvent, ScheduledRun, ServerNode
from operations.nodes import SILENT
from operations.services import JobForbidden, can_run_jobs, run_job_now
from realtime.errors import ClientError

# No column of a database holds it.
_NO_KEY = 2**63


class GuardedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # only its stub is generic
    """A list that refuses what no page of it sends."""

    def lookup_allowed(  # type: ignore[override]  # its stub has an overload for each kind of request
        self, lookup: str, value: Any, request: HttpRequest
    ) -> bool:
        # On SQLite a pattern is tried in this very process, and there are patterns that never end.
        return not lookup.endswith("regex") and super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not all(map(self._is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise BadRequest("There is no such row.")
        return super().changelist_view(request, extra_context)

    def _is_key(self, text: str) -> bool:
        try:
            key = self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return abs(key) < _NO_KEY if isinstance(key, int) else "\x00" not in text


class ReadOnlyAdmin(GuardedAdmin):
    """Rows that the product writes and nobody edits."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ServiceAdmin(GuardedAdmin):
    """A model admin whose forms are saved by services; what a service refuses is shown above the form."""

    list_per_page = 50
    show_full_result_count = False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ClientError as error:
            # The transaction around the form is rolled back by now, so nothing is half saved.
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ActivityEvent)
class ActivityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "actor_name", "target")
    list_filter = ("at",)
    search_fields = ("kind", "actor_name", "target")
    ordering: ClassVar[list[str]] = ["-id"]


@admin.register(ServerNode)
class ServerNodeAdmin(ReadOnlyAdmin):
    list_display = ("name", "is_alive", "version", "started_at", "seen_at", "connections", "spool_pending")
    ordering: ClassVar[list[str]] = ["name"]

    @admin.display(boolean=True, description="alive")
    def is_alive(self, node: ServerNode) -> bool:
        return node.seen_at > timezone.now() - SILENT


@admin.register(ScheduledRun)
class ScheduledRunAdmin(ReadOnlyAdmin):
    """The jobs with their last run; who may, runs one now."""

    list_display = ("job", "every", "state", "started_at", "duration", "result", "next_at")
    list_display_links = None
    ordering: ClassVar[list[str]] = ["job"]
    change_list_template = "operations/jobs.html"

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "run_now") if can_run_jobs(request.user) else self.list_display

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.run_view))
        return [path("<path:job>/run/", view, name="operations_scheduledrun_run"), *super().get_urls()]

    def run_view(self, request: HttpRequest, job: str) -> HttpResponse:
        """Run a job, and go back to the list with a message about how it ended."""
        try:
            run = run_job_now(actor=request.user, name=job)
        except JobForbidden as error:
            raise PermissionDenied from error
        except ClientError as error:
            self.message_user(request, f"Job {job}: {error.message}", messages.ERROR)
        else:
            outcome = f"Job {job}: {run.result or 'done'} ({_duration(run)})"
            self.message_user(request, outcome, messages.SUCCESS if run.is_ok else messages.ERROR)
        return HttpResponseRedirect(reverse("admin:operations_scheduledrun_changelist"))

    @admin.display(description="every")
    def every(self, run: ScheduledRun) -> str:
        job = _job_of(run)
        return _spoken(job.every) if job else "no longer part of this version"

    @admin.display(description="state")
    def state(self, run: ScheduledRun) -> str:
        if run.started_at is None:
            return "not run yet"
        if run.finished_at is not None:
            return "done" if run.is_ok else "failed"
        job = _job_of(run)
        return "running" if job and is_running(run, job.limit) else "never finished"

    @admin.display(description="duration")
    def duration(self, run: ScheduledRun) -> str:
        return _duration(run)

    @admin.display(description="start")
    def run_now(self, run: ScheduledRun) -> str:
        job = _job_of(run)
        if job is None or is_running(run, job.limit):
            return ""
        # One form around the table would send all rows: each button names the address of its own job, in the form that
        # the template puts beside the list.
        url = reverse("admin:operations_scheduledrun_run", args=[run.job])
        button = '<button class="button" form="run-job" formaction="{}" aria-label="Run {} now">Run now</button>'
        return format_html(button, url, run.job)


def _job_of(run: ScheduledRun) -> Job | None:
    return next((job for job in all_jobs() if job.name == run.job), None)


def _duration(run: ScheduledRun) -> str:
    if run.started_at is None or run.finished_at is None:
        return "not measured"
    return f"{(run.finished_at - run.started_at).total_seconds():.2f} s"


def _spoken(every: timedelta) -> str:
    """Return an interval as one says it: `minute`, `5 minutes`, `hour`, `7 days`."""
    for seconds, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, rest = divmod(int(every.total_seconds()), seconds)
        if count and not rest:
            return unit if count == 1 else f"{count} {unit}s"
    return f"{every.total_seconds():g} seconds"
