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

    `avoided` are those that are given away and not written yet. One statement, and a second one where names are taken.
    Writers of builders that collide in spite of it meet at the unique constraint.
    """
    waiting = [(builder, _named(builder)) for builder in builders if not builder.slug]
    taken = set(avoided)
    if waiting:
        taken |= _taken([slug for _, slug in waiting])
    namesakes = []
    for builder, slug in waiting:
        if slug in taken:
            namesakes.append((builder, _marked(builder, slug)))
        else:
            builder.slug = slug
            taken.add(slug)
    if namesakes:
        taken |= _taken([slug for _, slugs in namesakes for slug in slugs])
    for builder, slugs in namesakes:
        builder.slug = next(slug for slug in slugs if slug not in taken)
        taken.add(builder.slug)


def _named(builder: Stored) -> str:
    name = slug_of(builder.record.name) or "builder"
    return f"{name}-builder" if name in _RESERVED else name


def _marked(builder: Stored, name: str) -> list[str]:
    headquarters = builder.record.headquarters
    city = slug_of(headquarters.city)[:30].strip("-") if headquarters else ""
    # The uid is random, so the last one is free.
    return [*([f"{name[:85]}-{city}"] if city else []), f"{name}-{builder.uid[:6]}", f"{name}-{builder.uid}"]


def _taken(slugs: Iterable[str]) -> set[str]:
    wanted = listed(slugs)
    sql = f"""SELECT slug FROM builders_builder WHERE slug {among("text")}
        UNION ALL SELECT slug FROM builders_formerslug WHERE slug {among("text")}"""  # noqa: S608
    return {slug for (slug,) in fetch(sql, [wanted, wanted])}
