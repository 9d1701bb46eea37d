"""Admin actions that ask before they act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from realtime.errors import ClientError


def act_when_confirmed(
    model_admin: admin.ModelAdmin,  # type: ignore[type-arg]  # only its stub is generic
    request: HttpRequest,
    chosen: QuerySet[Any],
    *,
    action: str,
    verb: str,
    act: Callable[[Any], object],
    warning: str = "",
    phrase: str = "",
    facts: Mapping[Any, str] | None = None,
) -> HttpResponse | None:
    """Show what would be acted on; once confirmed, call `act(row)` for each row and say for how many it was done.

    With a `phrase`, confirming means to type it: it names what would be lost. `facts` stand beside the rows, by their
    primary key. A row that refuses (`ClientError`) is reported and costs the others nothing.
    """
    if "confirmed" not in request.POST or (phrase and not _is_typed(request)):
        context = {
            **model_admin.admin_site.each_context(request),
            "title": f"{verb}?",
            "verb": verb,
            "action": action,
            "warning": warning,
            "phrase": phrase,
            "is_mistyped": "confirmed" in request.POST,
            "chosen": [(row, (facts or {}).get(row.pk, "")) for row in chosen],
            "opts": model_admin.opts,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "operations/confirm.html", context)
    done = 0
    for row in chosen:
        try:
            act(row)
            done += 1
        except ClientError as error:
            model_admin.message_user(request, f"{row}: {error.message}", messages.ERROR)
    if done:
        model_admin.message_user(request, f"{verb}: done for {done}.", messages.SUCCESS)
    return None


def _is_typed(request: HttpRequest) -> bool:
    # Compared with the phrase as it was shown: in a busy room the count in it has moved on since.
    typed, shown = request.POST.get("typed", ""), request.POST.get("phrase", "")
    return bool(shown) and " ".join(typed.split()).casefold() == shown.casefold()
