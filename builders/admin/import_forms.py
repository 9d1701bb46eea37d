"""The forms of an import: the file, its columns, how to read it, and what happens to fields that have a value."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from django import forms
from django.utils.text import capfirst
from django_countries import countries

from builders.comparing import ADD, FIELDS, POLICIES
from builders.importing import exported, limits
from builders.importing.fields import FIELDS as COLUMN_FIELDS
from builders.importing.fields import IGNORED
from builders.importing.layout import Layout
from builders.importing.mapping import CERTAIN, ColumnProposal, Proposal
from builders.models import ImportJob, MappingPreset, Rank
from builders.wording import field_label

# A choice of its own: an empty one says that nobody has answered yet.
LEFT_OUT: Final = "-"
_LEFT_OUT_WORDS: Final = "left out"
_CONFIRMED: Final = "confirmed"
_ASKED: Final = "asked"
_NAME: Final = "name"
_ENCODINGS = "utf-8 cp1252 cp1250 cp1251 cp1254 iso-8859-1 utf-16 gb18030 shift_jis".split()
_DELIMITERS = ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"))
_POLICY_WORDS = {
    "replace": "take the new value",
    "add": "keep its items, add the new ones",
    "fill": "fill only what is empty",
    "keep": "leave it as it is",
}
# What nobody but the directory itself and the firms speaks with.
_RANKS = [(rank.value, rank.label.capitalize()) for rank in Rank if rank < Rank.STAFF]


def _regions() -> list[tuple[str, str]]:
    return [("", "as each row says"), *((code, str(name)) for code, name in countries)]


class ColumnRow(NamedTuple):
    """A column with its field in the form, and how sure its reading is."""

    column: ColumnProposal
    field: forms.BoundField
    surety: str


class UploadForm(forms.Form):
    file = forms.FileField(
        help_text=f"CSV, TSV, XLSX, ODS or JSON, up to {limits.MAX_UPLOAD >> 20} MB.",
        error_messages={"empty": "This file is empty.", "required": "Choose a file first."},
    )
    source = forms.CharField(
        required=False,
        max_length=40,
        help_text="Whose data it is, such as the name of the fair. A format that is known brings its own.",
    )
    region = forms.ChoiceField(
        label="Country of telephone numbers",
        required=False,
        choices=_regions,
        help_text="For numbers that do not say it themselves, in rows that name no country.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > limits.MAX_UPLOAD:
            raise forms.ValidationError(
                f"This file has {file.size >> 20} MB, and {limits.MAX_UPLOAD >> 20} MB are taken here. "
                "Import it on the server with manage.py import_builders, or in parts."
            )
        return file


class ColumnsForm(forms.Form):
    """One choice for each column, and what they have in common. What may be several things has to be decided."""

    source = forms.CharField(
        max_length=40, help_text="Builders are found again by the keys that this source gives them: keep to one name."
    )
    rank = forms.TypedChoiceField(
        label="It is trusted like",
        choices=_RANKS,
        coerce=int,
        help_text="What comes from a source that is trusted more, or was set by hand, stays.",
    )
    region = forms.ChoiceField(label="Country of telephone numbers", required=False, choices=_regions)
    preset_name = forms.CharField(
        label="Remember these columns as",
        required=False,
        max_length=80,
        help_text="The next file with the same columns is then understood at once.",
    )

    def __init__(
        self, job: ImportJob, proposal: Proposal | None, preset: MappingPreset | None, data: Any = None
    ) -> None:
        initial = {"source": job.source, "rank": job.rank, "region": job.region}
        if preset is not None:
            initial["source"] = preset.source
        super().__init__(data, initial=initial)
        # Only our own export speaks with the word of staff, and stays what it is.
        own = [] if job.rank < Rank.STAFF else [(job.rank, job.get_rank_display().capitalize())]
        self.fields["rank"].choices = [*_RANKS, *own]  # type: ignore[attr-defined]
        self.proposal = proposal
        self.columns = [] if proposal is None else proposal.columns
        chosen, self.is_settled = _chosen(job, proposal, preset)
        for column in self.columns:
            self.fields[_name(column)] = _field(column, chosen[column.index])
        if proposal is None:
            # Records have no columns to remember.
            del self.fields["preset_name"]

    @property
    def rows(self) -> list[ColumnRow]:
        """Return the columns that say something, or may: those that are asked first."""
        rows = [row for row in self._all_rows() if row.surety != _LEFT_OUT_WORDS]
        return sorted(rows, key=lambda row: (row.surety != _ASKED, row.column.index))

    @property
    def left_out(self) -> list[ColumnRow]:
        """Return the columns that are known to say nothing here: a profile of Google has hundreds."""
        return [row for row in self._all_rows() if row.surety == _LEFT_OUT_WORDS]

    def _all_rows(self) -> list[ColumnRow]:
        return [ColumnRow(column, self[_name(column)], _surety(column, self.is_settled)) for column in self.columns]

    @property
    def common(self) -> list[forms.BoundField]:
        return [self[name] for name in ("source", "rank", "region", "preset_name") if name in self.fields]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # Our own export has columns of its own.
        is_free = self.proposal is not None and self.proposal.preset != exported.PRESET
        if is_free and not self.errors and _NAME not in [cleaned[_name(column)] for column in self.columns]:
            raise forms.ValidationError("Say which column holds the names of the firms: no builder is without one.")
        return cleaned

    def mapping(self) -> dict[str, Any] | None:
        if self.proposal is None:
            return None
        given = [self.cleaned_data[_name(column)] for column in self.columns]
        fields = [IGNORED if field == LEFT_OUT else field for field in given]
        mapping = msgspec.structs.replace(self.proposal.mapping(), fields=fields)
        plain: dict[str, Any] = msgspec.to_builtins(mapping)
        return plain


class LayoutForm(forms.Form):
    """How the file is read, where finding out has failed."""

    sheet = forms.ChoiceField(required=False)
    encoding = forms.ChoiceField(required=False)
    delimiter = forms.ChoiceField(label="Cells are parted by", required=False)
    header_row = forms.IntegerField(
        label="Row with the names of the columns", required=False, min_value=0, help_text="0 if there is none."
    )
    repaired = forms.MultipleChoiceField(
        label="Repair text that was misread before it came here", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, layout: Layout, data: Any = None) -> None:
        super().__init__(
            data,
            initial={
                "sheet": layout.sheet,
                "encoding": layout.encoding,
                "delimiter": layout.delimiter,
                "header_row": layout.header_row,
                "repaired": layout.repaired,
            },
        )
        self.layout = layout
        encodings = dict.fromkeys([layout.encoding, *_ENCODINGS])
        self._offer("sheet", [(name, name) for name in layout.sheets] if len(layout.sheets) > 1 else [])
        self._offer("encoding", [(name, name) for name in encodings if name] if layout.kind == "csv" else [])
        delimiters = [*_DELIMITERS]
        if layout.delimiter and layout.delimiter not in dict(delimiters):
            delimiters.insert(0, (layout.delimiter, layout.delimiter))
        self._offer("delimiter", delimiters if layout.kind == "csv" else [])
        offers = [(r.column, f"{r.column}: “{r.before}” becomes “{r.after}”") for r in layout.repairs]
        self._offer("repaired", offers)
        if layout.kind == "json":
            del self.fields["header_row"]

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        if choices:
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields[name]

    def chosen(self) -> Layout:
        """Return the layout to read by. Where the names stand is found out anew on another sheet or by other cells."""
        data, layout = self.cleaned_data, self.layout
        has_moved = any(data.get(name) and data[name] != getattr(layout, name) for name in ("sheet", "delimiter"))
        row = data.get("header_row")
        return Layout(
            kind=layout.kind,
            encoding=data.get("encoding") or layout.encoding,
            delimiter=data.get("delimiter") or layout.delimiter,
            quote=layout.quote if not has_moved else "",
            header_row=None if has_moved and row == layout.header_row else row,
            sheet=data.get("sheet") or layout.sheet,
            shape=layout.shape,
            repaired=data.get("repaired") or [],
        )


class PolicyForm(forms.Form):
    """What becomes of a field that has a value already, one choice for each field that the rows say something about."""

    def __init__(self, job: ImportJob, names: list[str], data: Any = None) -> None:
        super().__init__(data)
        for name in names:
            field = FIELDS[name]
            # To add makes sense of lists alone.
            policies = [policy for policy in POLICIES if policy != ADD or field.policy == ADD]
            self.fields[name] = forms.ChoiceField(
                label=capfirst(field_label(name)),
                choices=[(policy, _POLICY_WORDS[policy]) for policy in policies],
                initial=job.policy.get(name, field.policy),
            )

    def policy(self) -> dict[str, str]:
        """Return what differs from what is done anyway."""
        return {name: what for name, what in self.cleaned_data.items() if what != FIELDS[name].policy}


def _name(column: ColumnProposal) -> str:
    return f"column-{column.index}"


def _must_be_decided(column: ColumnProposal) -> bool:
    return column.ask and bool(column.candidates)


def _chosen(job: ImportJob, proposal: Proposal | None, preset: MappingPreset | None) -> tuple[list[str], bool]:
    """Return the field of each column, and whether somebody has confirmed them: for this file, or in a preset."""
    if proposal is None:
        return [], False
    proposed = [column.field for column in proposal.columns]
    fields = list(job.mapping.get("fields") or proposed)
    is_confirmed = job.staged_at is not None or fields != proposed
    if not is_confirmed and preset is not None:
        fields, is_confirmed = list(preset.mapping["fields"]), True
    asks = [_must_be_decided(column) and not is_confirmed for column in proposal.columns]
    chosen = [field or ("" if is_asked else LEFT_OUT) for field, is_asked in zip(fields, asks, strict=True)]
    return chosen, is_confirmed


def _field(column: ColumnProposal, chosen: str) -> forms.ChoiceField:
    every = [(name, field.label) for name, field in COLUMN_FIELDS.items()]
    likely = [(name, COLUMN_FIELDS[name].label) for name in column.candidates]
    choices: list[Any] = [(LEFT_OUT, "Leave out")]
    if _must_be_decided(column):
        choices.insert(0, ("", "Please choose"))
    if likely:
        choices.append(("Likely", likely))
    choices.append(("All fields", every))
    return forms.ChoiceField(
        label=column.header or f"Column {column.index + 1}",
        choices=choices,
        initial=chosen,
        required=_must_be_decided(column),
        error_messages={"required": "This column may be several things: choose one, or leave it out."},
    )


def _surety(column: ColumnProposal, is_settled: bool) -> str:
    if column.ask:
        # What somebody has answered once is no question any more.
        return _CONFIRMED if is_settled else _ASKED if column.candidates else "not known"
    if not column.field:
        return _LEFT_OUT_WORDS
    return "sure" if column.confidence > CERTAIN else "likely"
