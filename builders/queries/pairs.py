"""Two builders side by side, as whoever merges them looks at them."""

from __future__ import annotations

from typing import Any, NamedTuple

from builders.comparing import FIELDS, plain, said
from builders.duplicates.combining import SIDES, differing, sides, takes_both
from builders.queries.imports import said_in, shown
from builders.record import Record
from builders.wording import field_label


class FieldPair(NamedTuple):
    """What both say in a field. `side` is whose value a merge takes by itself, `sides` are those to choose from.

    Where nothing has to be chosen, `note` says which of them the value comes from.
    """

    name: str
    label: str
    kept: str
    dropped: str
    differs: bool
    note: str
    side: str
    sides: list[str]


def compared(kept: Record, dropped: Record) -> list[FieldPair]:
    """Return the fields that either fills, those in which they differ first."""
    taken, open_fields = sides(kept, dropped), set(differing(kept, dropped))
    pairs = []
    for name, field in FIELDS.items():
        ours, theirs = said(kept, field), said(dropped, field)
        if ours is None and theirs is None:
            continue
        offered = [side for side in SIDES if side != SIDES[-1] or takes_both(name)]
        pairs.append(
            FieldPair(
                name=name,
                label=field_label(name),
                kept=_lines(name, ours),
                dropped=_lines(name, theirs),
                differs=name in open_fields,
                note="" if ours is not None and theirs is not None else "stays" if theirs is None else "is taken over",
                side=taken[name],
                sides=offered,
            )
        )
    return sorted(pairs, key=lambda pair: not pair.differs)


def chosen(kept: Record, dropped: Record, answers: dict[str, str]) -> dict[str, str]:
    """Return what somebody has chosen otherwise than it would be taken anyway: that alone is a choice by hand."""
    taken, open_fields = sides(kept, dropped), differing(kept, dropped)
    return {name: answers[name] for name in open_fields if name in answers and answers[name] != taken[name]}


def _lines(field: str, value: Any) -> str:
    value = plain(value)
    if FIELDS[field].identity is not None and value:
        return "\n".join(shown(item, field) for item in value)
    return said_in(field, value)
