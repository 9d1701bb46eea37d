"""Template filters for the forms of the account pages."""

from __future__ import annotations

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def without_placeholder(field: BoundField) -> SafeString:
    """Render a field without the placeholder that django-allauth gives it: it would only repeat the label."""
    return field.as_widget(attrs={"placeholder": False})
