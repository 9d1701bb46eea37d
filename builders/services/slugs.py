"""Addresses of builders: made once, kept for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from builders.folding import slug_of
from builders.services.stored import Stored
from builders.services.tables import among, fetch, listed

# Pages and routes that lie where builders do.
_RESERVED = frozenset({"search", "in", "stats", "leads"})
_LONGEST_NAME, _LONGEST_CITY, _MARK = 85, 30, 6


def give_slugs(builders: Sequence[Stored]) -> None:
    """Give each builder that has none a slug that nobody has or had."""
    waiting = [builder for builder in builders if not builder.slug]
    slugs = free_slugs([wishes_of(builder) for builder in waiting])
    for builder, slug in zip(waiting, slugs, strict=True):
        builder.slug = slug


def wishes_of(builder: Stored) -> tuple[str, ...]:
    """Return what a builder would be called: the name, then with the city, then with a mark that nobody else has."""
    if builder.slug:
        return (builder.slug,)
    name = slug_of(builder.record.name) or "builder"
    if name in _RESERVED:
        name = f"{name}-builder"
    headquarters = builder.record.headquarters
    city = _city(headquarters.city) if headquarters else ""
    in_city = (f"{name[:_LONGEST_NAME]}-{city}",) if city else ()
    # The uid is random, so the last one is free.
    return (name, *in_city, f"{name}-{builder.uid[:_MARK]}", f"{name}-{builder.uid}")


def free_slugs(wishes: Sequence[tuple[str, ...]], avoided: Iterable[str] = ()) -> list[str]:
    """Return for each the first of its wishes that nobody has or had. One statement, and a second one for namesakes.

    `avoided` are those that are given away and cannot be seen yet. Writers of builders that collide in spite of it meet
    at the unique constraint.
    """
    if not wishes:
        return []
    taken = _taken([first for first, *_ in wishes]).union(avoided)
    found, namesakes = [], []
    for number, (first, *_) in enumerate(wishes):
        if first in taken:
            namesakes.append(number)
        taken.add(first)
        found.append(first)
    if namesakes:
        taken |= _taken([slug for number in namesakes for slug in wishes[number]])
    for number in namesakes:
        found[number] = next(slug for slug in wishes[number] if slug not in taken)
        taken.add(found[number])
    return found


@lru_cache(maxsize=4096)
def _city(name: str) -> str:
    return slug_of(name)[:_LONGEST_CITY].strip("-")


def _taken(slugs: Iterable[str]) -> set[str]:
    wanted = listed(slugs)
    sql = f"""SELECT slug FROM builders_builder WHERE slug {among("text")}
        UNION ALL SELECT slug FROM builders_formerslug WHERE slug {among("text")}"""  # noqa: S608
    return {slug for (slug,) in fetch(sql, [wanted, wanted])}
