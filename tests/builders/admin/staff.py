"""People at the admin site of the directory, and what they do there."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client

from accounts.models import User
from builders.models import Builder
from builders.services.builders import create_builder
from realtime.ids import new_uid
from tests.rig import client_of

LIST = "/admin/builders/builder/"


def staff_with(*rights: str) -> User:
    user = User.objects.create_user(f"{new_uid()}@example.org", display_name="Mo", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def client_with(*rights: str) -> Client:
    return client_of(staff_with(*rights))


def builder(name: str = "Stände Müller", **values: Any) -> Builder:
    return create_builder(actor=None, values={"name": name, **values})


def fields_of(page: Any) -> dict[str, str]:
    """Return what a browser would send if somebody pressed Save on a page of one builder, nothing changed."""
    fields: dict[str, str] = {}
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        formset = inline.formset
        forms += [formset.management_form, *formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is True:
                fields[bound.html_name] = "on"
            elif value is not None and value is not False and value != []:
                fields[bound.html_name] = str(value)
    return fields


def prefix_of(page: Any, plural: str) -> str:
    """Return the prefix of the rows with this name, such as *contacts*."""
    [found] = [f.formset.prefix for f in page.context["inline_admin_formsets"] if f.opts.verbose_name_plural == plural]
    return str(found)


def add_row(page: Any, fields: dict[str, str], plural: str, **values: Any) -> None:
    prefix = prefix_of(page, plural)
    number = int(fields[f"{prefix}-TOTAL_FORMS"])
    fields[f"{prefix}-TOTAL_FORMS"] = str(number + 1)
    fields |= {f"{prefix}-{number}-{name}": str(value) for name, value in values.items()}


def messages_of(response: Any) -> list[str]:
    found = re.findall(r'<li class="(?:success|error|warning|info)">(.*?)</li>', response.content.decode(), re.DOTALL)
    return [" ".join(text.split()) for text in found]


def act(client: Client, action: str, *rows: Model, page: str = LIST, **more: str) -> Any:
    return client.post(page, {"action": action, "_selected_action": [row.pk for row in rows], **more}, follow=True)


def confirm(client: Client, action: str, *rows: Model, page: str = LIST, **more: str) -> Any:
    return act(client, action, *rows, page=page, confirmed="yes", **more)
