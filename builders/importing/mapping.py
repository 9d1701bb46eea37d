"""Which column is which: by a known format, by what the header says, and by what the values look like.

Nothing is guessed. A column is mapped where its header says so and its values agree; all else is left for a person to
say, with what speaks for what.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Final

import msgspec
from rapidfuzz import fuzz

from builders.importing import presets
from builders.importing.evidence import NEEDED, agreement, filled, is_maps_link, is_vetoed, telling_field
from builders.importing.fields import FIELDS, IGNORED
from builders.importing.headers import is_nameless, normalised, significant
from builders.importing.presets import BUILDERS, Preset, matching_preset
from builders.importing.synonyms import WEAK_NAMES, ambiguous_forms, exact_forms, field_named, names_of
from builders.models.sources import Rank

# How sure each way of finding out is; below `CERTAIN` a column is asked.
EXACT: Final = 1.0
NEAR: Final = 0.8
BY_VALUES: Final = 0.6
VETOED: Final = 0.3
CERTAIN: Final = 0.8
_ALIKE = 90
_SHOWN_SAMPLES = 3
_SHOWN_LENGTH = 80
_UNKNOWN_SOURCE = "file"
# Tests that only the right values pass: a header with words around the name will do, as long as the values agree.
_TELLING_CHECKS = frozenset(
    {"email", "phone", "website", "maps_url", "url", "latitude", "longitude", "country", "rating", "year"}
)


class ColumnProposal(msgspec.Struct, kw_only=True):
    """What one column seems to be. `candidates` are what it may be where `ask` is set; "" is a column to leave out."""

    index: int
    header: str
    field: str = IGNORED
    confidence: float = 0.0
    evidence: str = ""
    ask: bool = False
    candidates: list[str] = []
    samples: list[str] = []


class Mapping(msgspec.Struct, kw_only=True):
    """What staff confirmed: one field for each column, "" for those that are left out."""

    fields: list[str]
    preset: str = ""
    target: str = BUILDERS

    @property
    def is_named(self) -> bool:
        """Whether it is known where the names of the firms stand, without which no row can be read."""
        return "name" in self.fields


class Proposal(msgspec.Struct, kw_only=True):
    """A mapping to confirm. `rank` is one of `Rank`; `target` says what the rows are: builders, or leads."""

    columns: list[ColumnProposal]
    preset: str | None = None
    source: str = _UNKNOWN_SOURCE
    rank: int = Rank.REGISTER
    target: str = BUILDERS

    @property
    def questions(self) -> list[ColumnProposal]:
        return [column for column in self.columns if column.ask]

    def mapping(self) -> Mapping:
        """Return the mapping as it is proposed; what is asked is left out."""
        return Mapping(fields=[column.field for column in self.columns], preset=self.preset or "", target=self.target)


def propose(header: Sequence[str], samples: Sequence[Sequence[str]]) -> Proposal:
    """Return what the columns of a table seem to be. `samples` are its first rows: 200 filled cells of each count."""
    columns = [list(cells) for cells in zip_longest(*samples, fillvalue="")] if samples else []
    cells = [filled(columns[index]) if index < len(columns) else [] for index in range(len(header))]
    preset = matching_preset(list(header))
    found = [_column(index, name, cells[index], preset) for index, name in enumerate(header)]
    if preset is None or preset.target == BUILDERS:
        _ask_about_rivals(found, preset)
    for column in found:
        column.samples = [text[:_SHOWN_LENGTH] for text in dict.fromkeys(cells[column.index])][:_SHOWN_SAMPLES]
    if preset is None:
        return Proposal(columns=found)
    return Proposal(columns=found, preset=preset.id, source=preset.source, rank=int(preset.rank), target=preset.target)


def _column(index: int, header: str, cells: list[str], preset: Preset | None) -> ColumnProposal:
    column = ColumnProposal(index=index, header=header)
    of_preset = preset.field_of(header) if preset is not None else None
    if of_preset is not None and preset is not None:
        _take(column, of_preset, EXACT, f"column of {preset.label}")
        # Cells of our own were checked before they were written.
        if preset.target == BUILDERS and not preset.is_own:
            _weigh(column, cells, is_of_format=True)
        return column
    field = field_named(header)
    ambiguous = ambiguous_forms().get(normalised(header))
    if field == IGNORED and is_nameless(header) and telling_field(cells):
        _take_nearest(column, "", cells)
    elif field is not None and ambiguous is None:
        _take(column, field, EXACT, "name of the column")
        _weigh(column, cells)
    elif ambiguous is not None:
        _decide(column, ambiguous, cells)
    else:
        _take_nearest(column, header, cells)
    return column


def _take(column: ColumnProposal, field: str, confidence: float, evidence: str) -> None:
    column.field, column.confidence, column.evidence, column.ask = field, confidence, evidence, False


def _ask(column: ColumnProposal, confidence: float, evidence: str, candidates: Sequence[str]) -> None:
    column.field, column.confidence, column.evidence, column.ask = IGNORED, confidence, evidence, True
    column.candidates = list(dict.fromkeys(name for name in candidates if name))


def _weigh(column: ColumnProposal, cells: list[str], *, is_of_format: bool = False) -> None:
    """Let the values confirm what the name of the column says, or forbid it."""
    if column.field in ("website", "maps_url"):
        _tell_maps_from_sites(column, cells)
    elif column.field == "address_full" and (agreement("json", cells) or 0) >= NEEDED:
        column.field = "address_json"
    if column.field == IGNORED:
        column.evidence += ", left out unless asked for"
        return
    part = agreement(FIELDS[column.field].check, cells)
    if part is None:
        return
    if not is_vetoed(FIELDS[column.field].check, column.field, cells, is_of_format=is_of_format):
        column.evidence += f", {part:.0%} of the values agree"
        return
    said = column.field
    _ask(column, VETOED, f"the name says {said}, but only {part:.0%} of the values do", [telling_field(cells), said])


def _tell_maps_from_sites(column: ColumnProposal, cells: list[str]) -> None:
    """Links to maps and links to sites stand in columns of the same names."""
    if not cells:
        return
    maps = sum(map(is_maps_link, cells)) / len(cells)
    if maps >= NEEDED:
        column.field = "maps_url"
    elif maps <= 1 - NEEDED and agreement("website", cells) >= NEEDED:  # type: ignore[operator]
        column.field = "website"


def _decide(column: ColumnProposal, candidates: tuple[str, ...], cells: list[str]) -> None:
    """Let the values say which of several fields it is; where they fit more than one, ask."""
    told = telling_field(cells)
    if told in candidates:
        _take(column, told, NEAR, f"the name may be {' or '.join(candidates)}; the values are {told}")
    else:
        _ask(column, BY_VALUES, "the name may mean several things", candidates)


def _take_nearest(column: ColumnProposal, header: str, cells: list[str]) -> None:
    near = _nearest(significant(header)) if header.strip() else ()
    if len(near) == 1:
        _take(column, near[0], NEAR, "name of the column, nearly")
        _weigh(column, cells)
    elif near:
        _ask(column, BY_VALUES, "the name may mean several things", near)
    elif told := telling_field(cells):
        _ask(column, BY_VALUES, f"the values look like {told}", [told])
    else:
        _ask(column, 0.0, "neither the name nor the values are known", [])


@lru_cache(maxsize=1024)
def _nearest(header: str) -> tuple[str, ...]:
    """Return the fields with a name that is nearly this one: in another order, with a slip, or with a word beside it.

    A word beside the name ("sales phone") counts for what values can prove. It would make a firm's name of *company
    motto*, and nothing in the values would say no.
    """
    found = []
    for name, field in exact_forms().items():
        if field == IGNORED or fuzz.token_set_ratio(header, name) < _ALIKE:
            continue
        is_provable = FIELDS[field].check in _TELLING_CHECKS
        if is_provable or fuzz.token_sort_ratio(header, name) >= _ALIKE:
            found.append(field)
        else:
            # Not near enough to be taken, but enough to make another reading uncertain.
            found.append(f"?{field}")
    sure = [field for field in found if not field.startswith("?")]
    if not sure:
        return ()
    return tuple(dict.fromkeys(field.removeprefix("?") for field in found))


def _ask_about_rivals(columns: list[ColumnProposal], preset: Preset | None) -> None:
    """Where two columns claim to be what a firm has one of, keep the better named and ask about the rest."""
    claims: dict[str, list[ColumnProposal]] = {}
    for column in columns:
        if column.field and not FIELDS[column.field].is_many and column.field not in _JOINT_FIELDS:
            claims.setdefault(column.field, []).append(column)
    for field, rivals in claims.items():
        of_preset = [column for column in rivals if preset is not None and preset.field_of(column.header) is not None]
        # A format knows which of its columns come first; others may still claim the same.
        rest = [column for column in rivals if column not in of_preset]
        if len(rivals) < 2 or not rest:
            continue
        winner = None if of_preset else _winner(field, rest)
        for column in rest:
            if column is not winner:
                _ask(column, BY_VALUES, f"another column is {field} as well", [*_other_readings(column, field), field])


# Fields that two columns say together, or one for the other: the first that is filled counts, and they are compared.
_JOINT_FIELDS = frozenset({"country", "latitude", "longitude"})
_OTHER_READINGS = {"name": "contact_name", "title": "contact_role", "nombre": "contact_name"}


def _other_readings(column: ColumnProposal, field: str) -> list[str]:
    other = _OTHER_READINGS.get(normalised(column.header)) if field == "name" else None
    return [other] if other else []


def _winner(field: str, rivals: list[ColumnProposal]) -> ColumnProposal | None:
    """Return the column whose name is the best one for the field, None where two are as good."""
    ranked = sorted(rivals, key=lambda column: _quality(field, column))
    first, second = (_quality(field, column) for column in ranked[:2])
    return ranked[0] if first < second else None


def _quality(field: str, column: ColumnProposal) -> tuple[float, int]:
    """Return a key that is the smaller, the more surely the column is the field."""
    if field == "external_key":
        # Any of them is a key; the table of synonyms has those that others know, too, in front.
        names = [normalised(name) for name in names_of(field)]
        form = normalised(column.header)
        return -column.confidence, names.index(form) if form in names else len(names)
    return -column.confidence, int(normalised(column.header) in WEAK_NAMES)


def left_open(header: Sequence[str], mapping: Mapping) -> list[str]:
    """Return the columns that are left out because it is not known what they are."""
    preset = matching_preset(list(header)) if mapping.preset else None
    return [
        name
        for name, field in zip(header, mapping.fields, strict=True)
        if field == IGNORED and field_named(name) != IGNORED and (preset is None or preset.field_of(name) != IGNORED)
    ]


def known_presets() -> list[tuple[str, str]]:
    """Return id and label of every format, for a list to choose from."""
    return [(preset.id, preset.label) for preset in presets.PRESETS]
