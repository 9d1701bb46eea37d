"""How rooms and people look on a page."""

from __future__ import annotations

from django import template

register = template.Library()

HUES = 8


@register.filter
def hue(uid: str) -> str:
    """Return the class of a room's or a person's hue. frontend/src/text/hue.ts does the same sum in the browser."""
    total = 0
    for character in uid:
        total = (total * 31 + ord(character)) % 9973
    return f"hue-{total % HUES}"


@register.filter
def initial(name: str) -> str:
    """Return the first letter of a name, large."""
    return (name.strip() or "?")[0].upper()


@register.filter
def people(count: int) -> str:
    """Return a head count in words."""
    if count == 0:
        return "quiet for now"
    return "1 person here" if count == 1 else f"{count} people here"
