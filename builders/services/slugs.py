"""Addresses of builders: made once, kept for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from builders.folding import slug_of
from builders.services.stored import Stored
from builders.services.tables import among, fetch, listed

# Pages and routes that lie where builders do.
_RESERVED = frozenset({"search", "in", "stats", "leads"})


def give_slugs(builders: Sequence[Stored], avoided: Iterable[str] = ()) -> None:
    """Give each builder that has none a slug that nobody has or had: the name, then with the city, then with a mark.

    `avoided` are those that are given away and not written yet. One statement. Writers of builders that collide in
    spite of it meet at the unique constraint.
    """
    wanted = {id(builder): _candidates(builder) for builder in builders if not builder.slug}
    taken = _taken(slug for candidates in wanted.values() for slug in candidates) | set(avoided)
    for builder in builders:
        if builder.slug:
            continue
        builder.slug = next(slug for slug in wanted[id(builder)] if slug not in taken)
        taken.add(builder.slug)


def _candidates(builder: Stored) -> list[str]:
    name = slug_of(builder.record.name) or "builder"
    name = f"{name}-builder" if name in _RESERVED else name
    headquarters = builder.record.headquarters
    city = slug_of(headquarters.city)[:30].strip("-") if headquarters else ""
    # The uid is random, so the last one is free.
    return [name, *([f"{name[:85]}-{city}"] if city else []), f"{name}-{builder.uid[:6]}", f"{name}-{builder.uid}"]


def _taken(slugs: Iterable[str]) -> set[str]:
    wanted = listed(slugs)
    sql = f"""SELECT slug FROM builders_builder WHERE slug {among("text")}
        UNION ALL SELECT slug FROM builders_formerslug WHERE slug {among("text")}"""  # noqa: S608
    return {slug for (slug,) in fetch(sql, [wanted, wanted])}
