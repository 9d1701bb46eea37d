"""Admin actions that ask before they act."""

from __future__ import annotations

from collections.abc import Callable
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
) -> HttpResponse | None:
    """Show what would be acted on; once confirmed, call `act(row)` for each row and say for how many it was done.

    A row that refuses (`ClientError`) is reported and costs the others nothing.
    """
    if "confirmed" not in request.POST:
        context = {
            **model_admin.admin_site.each_context(request),
            "title": f"{verb}?",
            "verb": verb,
            "action": action,
            "warning": warning,
            "chosen": chosen,
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
