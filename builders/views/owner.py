"""The pages on which owners look after their firm. Services decide; a refusal stands beside the field that it names."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_countries import countries

from accounts.requests import person_of
from builders.comparing import FIELDS, plain, said
from builders.completeness import completeness
from builders.forms.profile import SECTIONS, ProjectForm, Section
from builders.models import Builder, PortfolioImage, PortfolioProject
from builders.permissions import is_owner
from builders.queries.imports import said_in
from builders.record import Project, Record
from builders.services.builders import BuilderChanged, update_builder
from builders.services.pictures import MOST_PICTURES, add_picture, change_picture, remove_picture
from builders.services.portfolio import add_project, change_project, remove_project
from builders.services.stored import load
from builders.wording import field_label
from realtime.errors import ClientError


@never_cache
@login_required
@require_safe
def my_firms(request: HttpRequest) -> HttpResponse:
    """Lead to the firm of the person, or list them where there are more."""
    mine = Builder.objects.filter(owner=person_of(request), claim_state=Builder.ClaimState.CLAIMED, merged_into=None)
    firms = list(mine.order_by("name_folded", "pk"))
    if len(firms) == 1:
        return redirect("builders:my_firm", firms[0].uid)
    return render(request, "builders/my_firms.html", {"firms": firms})


@never_cache
@login_required
@require_safe
def my_firm(request: HttpRequest, uid: str) -> HttpResponse:
    """Show how complete the profile is, and where to go on."""
    builder, record = _own(request, uid)
    pictures = PortfolioImage.objects.filter(project__builder=builder).count()
    context = {
        "builder": builder,
        "has_others": Builder.objects.filter(owner=builder.owner, merged_into=None).count() > 1,
        "completeness": completeness(record, pictures),
        "sections": [(key, form.title) for key, form in SECTIONS.items()],
    }
    return render(request, "builders/my_firm.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, uid: str, section: str) -> HttpResponse:
    """Show one section of the profile, and save it."""
    builder, record = _own(request, uid)
    if section not in SECTIONS:
        raise Http404
    if request.method != "POST":
        return _section_page(request, builder, SECTIONS[section](record))
    form = SECTIONS[section](record, request.POST)
    if not form.is_valid():
        return _section_page(request, builder, form, status=422)
    try:
        update_builder(
            actor=person_of(request), builder=builder.pk, values=form.values(), expected_rev=_expected(request)
        )
    except BuilderChanged as error:
        return _section_page(request, builder, form, status=error.status, now=_spoken(form, record))
    except ClientError as error:
        form.add_refusal(error)
        return _section_page(request, builder, form, status=error.status)
    messages.success(request, "Saved.")
    return redirect(request.path if "more" in request.POST else "builders:my_firm", *_back(request, uid))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def portfolio(request: HttpRequest, uid: str) -> HttpResponse:
    """List the projects, and take a new one."""
    builder, _ = _own(request, uid)
    form = ProjectForm(request.POST if request.method == "POST" else None, use_required_attribute=False)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = add_project(
                    actor=person_of(request), builder=builder.pk, values=form.project(), expected_rev=_expected(request)
                )
            except ClientError as error:
                form.add_refusal(error)
                status = error.status
            else:
                messages.success(request, "Added.")
                return redirect("builders:my_project", uid, made.pk)
    projects = PortfolioProject.objects.filter(builder=builder).prefetch_related("images")
    context = {"builder": builder, "projects": projects, "form": form, "countries": _country_names()}
    return render(request, "builders/my_portfolio.html", context, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project(request: HttpRequest, uid: str, project: int) -> HttpResponse:
    """Show one project, change it, or remove it."""
    builder, _ = _own(request, uid)
    there = get_object_or_404(PortfolioProject, builder=builder, pk=project)
    if request.method != "POST":
        return _project_page(request, builder, there, ProjectForm(initial=_shown(there), use_required_attribute=False))
    form = ProjectForm(request.POST, use_required_attribute=False)
    is_removal = "remove" in request.POST
    if not is_removal and not form.is_valid():
        return _project_page(request, builder, there, form, status=422)
    actor, expected_rev = person_of(request), _expected(request)
    try:
        if is_removal:
            remove_project(actor=actor, project=there, expected_rev=expected_rev)
        else:
            change_project(actor=actor, project=there, values=form.project(), expected_rev=expected_rev)
    except ClientError as error:
        if is_removal:
            form = ProjectForm(initial=_shown(there), use_required_attribute=False)
            messages.error(request, error.message)
        else:
            form.add_refusal(error)
        return _project_page(request, builder, there, form, status=error.status)
    messages.success(request, "Removed." if is_removal else "Saved.")
    return redirect("builders:my_portfolio", uid)


@never_cache
@login_required
@require_POST
def pictures(request: HttpRequest, uid: str, project: int) -> HttpResponse:
    """Take a picture of a project, change its caption, or take it away."""
    builder, _ = _own(request, uid)
    there = get_object_or_404(PortfolioProject, builder=builder, pk=project)
    try:
        _change_pictures(request, there)
    except ClientError as error:
        messages.error(request, error.message)
        form = ProjectForm(initial=_shown(there), use_required_attribute=False)
        return _project_page(request, builder, there, form, status=error.status)
    return redirect("builders:my_project", uid, there.pk)


def _change_pictures(request: HttpRequest, there: PortfolioProject) -> None:
    actor, caption, file = person_of(request), request.POST.get("caption", ""), request.FILES.get("file")
    if "picture" not in request.POST:
        if file is None:
            raise ClientError("invalid", "Choose a picture first.", field="file")
        add_picture(actor=actor, project=there, file=file, caption=caption)
        messages.success(request, "The picture is there.")
        return
    text = request.POST["picture"]
    image = there.images.filter(pk=int(text)).first() if text.isascii() and text.isdecimal() else None
    if image is None:
        raise ClientError("not_found", "There is no such picture.")
    if "remove" in request.POST:
        remove_picture(actor=actor, image=image)
        messages.success(request, "The picture is gone.")
    else:
        change_picture(actor=actor, image=image, caption=caption)
        messages.success(request, "Saved.")


def _own(request: HttpRequest, uid: str) -> tuple[Builder, Record]:
    """Return the person's own builder. Anybody else's does not exist here."""
    builder = Builder.objects.filter(uid=uid, merged_into=None).first()
    if builder is None or not is_owner(person_of(request), builder):
        raise Http404
    stored = load([builder.pk])[builder.pk]
    # Read together: the form shows the record of this very state.
    builder.rev = stored.rev
    return builder, stored.record


def _expected(request: HttpRequest) -> int:
    """Return the state that the page was opened at. Without one nothing fits, and the person is shown what is there."""
    text = request.POST.get("expected_rev", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(2**63)) else 0


def _back(request: HttpRequest, uid: str) -> list[str]:
    return [] if "more" in request.POST else [uid]


def _section_page(
    request: HttpRequest,
    builder: Builder,
    form: Section,
    *,
    status: int = 200,
    now: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    context = {"builder": builder, "form": form, "now": now, "countries": _country_names()}
    return render(request, "builders/my_section.html", context, status=status)


def _project_page(
    request: HttpRequest, builder: Builder, there: PortfolioProject, form: ProjectForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "builder": builder,
        "project": there,
        "images": there.images.all(),
        "most_pictures": MOST_PICTURES,
        "form": form,
        "countries": _country_names(),
    }
    return render(request, "builders/my_project.html", context, status=status)


def _shown(there: PortfolioProject) -> dict[str, Any]:
    fields = Project.__struct_fields__
    return {name: getattr(there, name) for name in fields} | {"country": there.country.code or ""}


def _country_names() -> list[str]:
    return [country.name for country in countries]


def _spoken(form: Section, record: Record) -> list[tuple[str, str]]:
    """Return what stands in the fields of a section now, in words."""
    values = [(name, plain(said(record, FIELDS[name]))) for name in form.writes]
    return [(field_label(name), said_in(name, value)) for name, value in values]
