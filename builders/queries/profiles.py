"""One builder as its page shows it, and what stands at an address where there is none any more."""

from __future__ import annotations

from typing import NamedTuple

from builders.models import Builder, FormerSlug

# A chain of merges is as long as staff make it; a ring cannot come about, and would end here.
_LONGEST_CHAIN = 10


class Moved(NamedTuple):
    """The builder has another address by now."""

    slug: str


class Gone(NamedTuple):
    """The builder is listed no more. It was in that country, if that is known."""

    name: str
    country: str


def builder_page(slug: str) -> Builder | Moved | Gone | None:
    """Return the builder at an address with all that its page shows. Seven statements; two to five without one."""
    # No slug holds a NUL, and PostgreSQL would refuse the statement for one.
    if "\x00" in slug:
        return None
    whole = Builder.objects.prefetch_related(
        "locations", "services", "specialisations", "certifications", "portfolio__images"
    )
    builder = whole.filter(slug=slug).first()
    if builder is None:
        former = FormerSlug.objects.filter(slug=slug).select_related("builder").first()
        return None if former is None else _present(former.builder)
    if builder.is_active and builder.merged_into_id is None:
        return builder
    return _present(builder)


def _present(builder: Builder) -> Moved | Gone:
    """Return where the builder is now: the one it was merged into, and that one, and so on."""
    for _ in range(_LONGEST_CHAIN):
        if builder.merged_into is None:
            break
        builder = builder.merged_into
    if builder.is_active and builder.merged_into_id is None:
        return Moved(builder.slug)
    headquarters = builder.headquarters
    return Gone(builder.name, str(headquarters.country or "") if headquarters else "")
