"""The page on which a firm is claimed: `services.claiming` decides, and a refusal stands beside the field it names."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.addresses import client_address
from accounts.models import User
from builders.forms.claims import ClaimForm, CodeForm, MailboxForm, StatementForm
from builders.models import Builder, Claim, FormerSlug
from builders.permissions import can_claim, is_owner
from builders.services.claiming import LIFETIME, Way, confirm_code, start_claim, way_of
from realtime.errors import ClientError

State = Claim.State


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, slug: str) -> HttpResponse:
    builder = Builder.objects.listed().filter(slug=slug).first()
    if builder is None:
        return _to_present_slug(slug)
    user = request.user
    if not isinstance(user, User) or not can_claim(user):
        if request.method == "POST":
            return redirect(f"{reverse('account_login')}?{urlencode({'next': request.path})}")
        return render(request, "builders/claim.html", {"builder": builder, "is_stranger": True})
    if is_owner(user, builder):
        return redirect("builders:my_firm", builder.uid)
    if request.method == "POST":
        return _take(request, user, builder)
    return _page(request, user, builder)


def _to_present_slug(slug: str) -> HttpResponse:
    former = (
        FormerSlug.objects.filter(slug=slug, builder__in=Builder.objects.listed()).select_related("builder").first()
    )
    if former is None:
        raise Http404
    return redirect("builders:claim", former.builder.slug, permanent=True)


def _take(request: HttpRequest, user: User, builder: Builder) -> HttpResponse:
    form: ClaimForm
    if "code" in request.POST:
        form = CodeForm(request.POST)
    elif "email" in request.POST:
        form = MailboxForm(builder.domain, request.POST)
    else:
        form = StatementForm(request.POST)
    if not form.is_valid():
        return _page(request, user, builder, form, status=422)
    try:
        _do(request, user, builder, form)
    except ClientError as error:
        form.add_refusal(error)
        return _page(request, user, builder, form, status=error.status)
    return redirect(request.path)


def _do(request: HttpRequest, user: User, builder: Builder, form: ClaimForm) -> None:
    address = client_address(request)
    if isinstance(form, CodeForm):
        confirm_code(actor=user, builder=builder, code=form.cleaned_data["code"], address=address)
        messages.success(request, "The code is right.")
    else:
        start_claim(actor=user, builder=builder, address=address, **form.cleaned_data)


def _page(
    request: HttpRequest, user: User, builder: Builder, form: ClaimForm | None = None, *, status: int = 200
) -> HttpResponse:
    mine = Claim.objects.filter(builder=builder, user=user).order_by("-pk").first()
    way = way_of(builder)
    has_code = mine is not None and mine.state == State.CODE_SENT and _is_in_time(mine)
    if isinstance(form, CodeForm) and not has_code:
        # Its field has no place on the page any more.
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    context: dict[str, Any] = {
        "builder": builder,
        "claim": mine,
        "way": way.value,
        "minutes": int(LIFETIME.total_seconds() // 60),
        "is_waiting": mine is not None and mine.state == State.WAITING,
        "is_refused": mine is not None and mine.state in (State.REFUSED, State.WITHDRAWN),
        "is_taken": builder.claim_state == Builder.ClaimState.CLAIMED,
        "code_form": (form if isinstance(form, CodeForm) else CodeForm()) if has_code else None,
        "statement_form": form if isinstance(form, StatementForm) else StatementForm(),
    }
    if way is Way.CODE:
        context["mailbox_form"] = form if isinstance(form, MailboxForm) else MailboxForm(builder.domain)
    return render(request, "builders/claim.html", context, status=status)


def _is_in_time(mine: Claim) -> bool:
    return mine.expires_at is not None and mine.expires_at > timezone.now()
