"""After rows of builders were written by other means than `writing`: what follows from them, made anew."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.db import transaction
from django.utils import timezone

from builders.folding import fold, street_key
from builders.models import Location, Service
from builders.places import city_key
from builders.services.provenance import Origin, said_by
from builders.services.stored import load
from builders.services.tables import among, fetch, listed, update_rows
from builders.services.writing import replace


@transaction.atomic
def refresh(builders: Iterable[int], *, fields: Iterable[str] = (), origin: Origin | None = None) -> None:
    """Set folded columns, domain, search text and weighted rating of builders, one `rev` on.

    `fields` are those that somebody has just set by hand, and `origin` who: they are locked against imports.
    """
    ids, now, fields = sorted(set(builders)), timezone.now(), sorted(set(fields))
    _fold_places(ids)
    _fold_services(ids)
    changes = []
    for before in load(ids, lock=True).values():
        after = msgspec.structs.replace(before, rev=before.rev + 1, updated_at=now)
        if origin is not None and fields:
            after.provenance = {**before.provenance, **said_by(fields, origin, now)}
            after.locked_fields = sorted({*before.locked_fields, *fields})
        changes.append((before, after))
    replace(changes)


def _fold_places(ids: list[int]) -> None:
    rows = fetch(f"SELECT id, city, street FROM builders_location WHERE builder_id {among('bigint')}", [listed(ids)])  # noqa: S608
    folded = [(pk, city_key(city)[:240] if city else "", street_key(street)[:600]) for pk, city, street in rows]
    update_rows(Location, ("id", "city_folded", "street_folded"), folded)


def _fold_services(ids: list[int]) -> None:
    rows = fetch(f"SELECT id, name FROM builders_service WHERE builder_id {among('bigint')}", [listed(ids)])  # noqa: S608
    update_rows(Service, ("id", "name_folded"), [(pk, fold(name)[:240]) for pk, name in rows])
