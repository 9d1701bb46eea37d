"""What staff see of an import: how far it is, what it would change, and what an undo would do. Reads alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, QuerySet

from builders.comparing import FIELDS
from builders.importing import lease
from builders.models import Builder, ImportChange, ImportJob, ImportRow
from builders.wording import field_label, value_text

State = ImportJob.State
Outcome = ImportRow.Outcome
# Sums over rows look at so many of them: the page says so, and a preview of half a million rows opens at once.
SUMMED = 5000
_SHOWN_TEXT = 400
_WHOLE = 100
_IN_TITLE = ("key", "name")


class Progress(NamedTuple):
    """`percent` is None where nobody knows how long the file is. `line` says in words what is going on."""

    is_running: bool
    percent: int | None
    line: str


class Change(NamedTuple):
    """What becomes of a field. Of lists, what comes and goes; of anything else, what was there and what will be."""

    field: str
    before: str
    after: str
    added: list[str]
    removed: list[str]


class RowView(NamedTuple):
    number: int
    outcome: str
    label: str
    name: str
    place: str
    reason: str
    builder: Builder | None
    changes: list[Change]
    problems: list[dict[str, Any]]
    facts: list[tuple[str, str]]
    is_written: bool
    can_be_decided: bool


class Forecast(NamedTuple):
    """What an undo would do to how many builders."""

    deleted: int
    restored: int
    left: int


_DOING = {
    State.STAGING: "Reading the file",
    State.COMMITTING: "Writing to the directory",
    State.UNDOING: "Taking back what was written",
}


def progress_of(job: ImportJob) -> Progress:
    """Say truly how it stands, also after a crash: a step that nobody works on does not look as if it went on."""
    if job.state not in lease.RUNNING:
        return Progress(False, None, job.get_state_display().capitalize() + ".")
    doing = _DOING[State(job.state)]
    percent = min(_WHOLE - 1, job.progress * _WHOLE // job.total) if job.total else None
    rows = f"row {job.progress:,} of about {job.total:,}" if job.progress else "just begun"
    if job.wants_cancel and job.state != State.UNDOING:
        return Progress(True, percent, f"Stopping after the present rows ({rows}).")
    if job.worker and lease.is_free(job):
        line = f"{doing} was interrupted ({rows}). Nothing is lost: it goes on by itself within a minute or two."
        return Progress(True, percent, line)
    if not job.worker:
        return Progress(True, percent, f"{doing}: waiting to begin.")
    return Progress(True, percent, f"{doing}: {rows}.")


def counts_of(job: ImportJob) -> list[tuple[str, str, int]]:
    """Return outcome, label and number, without those of which there are none."""
    return [(value, label.lower(), job.counts[value]) for value, label in Outcome.choices if job.counts.get(value)]


def rows_of(job: ImportJob, outcome: str = "", after: int = 0) -> QuerySet[ImportRow]:
    """Return rows by number; `outcome` is one of `Outcome`, or *problems* for all that something was said about."""
    written = ImportChange.objects.filter(job=job, row_number=OuterRef("number"), is_undone=False)
    rows = ImportRow.objects.filter(job=job, number__gt=after).annotate(is_written=Exists(written))
    rows = rows.defer("before").order_by("number").select_related("builder")
    if outcome == "problems":
        return rows.exclude(problems=[])
    return rows.filter(outcome=outcome) if outcome else rows


def views_of(rows: QuerySet[ImportRow]) -> list[RowView]:
    return [view_of(row) for row in rows]


def problem_counts(job: ImportJob) -> list[tuple[str, str, int]]:
    """Return column, message and number of rows, the most frequent first, among the first `SUMMED` rows."""
    found: Counter[tuple[str, str]] = Counter()
    lists: Iterable[Any] = rows_of(job).values_list("problems", flat=True)[:SUMMED]
    for problems in lists:
        found.update({(problem.get("column", ""), problem.get("message", "")) for problem in problems})
    return [(column, message, count) for (column, message), count in found.most_common(30)]


def field_counts(job: ImportJob) -> list[tuple[str, int]]:
    """Return the fields that would change, and in how many of the first `SUMMED` rows that change anything."""
    found: Counter[str] = Counter()
    changing: Iterable[Any] = rows_of(job, Outcome.UPDATED).values_list("difference", flat=True)[:SUMMED]
    for difference in changing:
        found.update(difference.keys())
    return found.most_common()


def undo_forecast(job: ImportJob) -> Forecast:
    changes = ImportChange.objects.filter(job=job, is_undone=False)
    untouched = changes.filter(builder__rev=F("rev"))
    deleted = untouched.filter(is_new=True).count()
    same = untouched.count()
    return Forecast(deleted, same - deleted, changes.count() - same)


def can_be_undone(job: ImportJob) -> bool:
    return (
        job.state in (State.COMMITTED, State.FAILED) and ImportChange.objects.filter(job=job, is_undone=False).exists()
    )


def waits_to_be_written(job: ImportJob) -> bool:
    """Tell whether somebody has decided on rows since the import was written."""
    return ImportRow.objects.filter(job=job, is_decided=True).exists()


def other_writer(job: ImportJob) -> ImportJob | None:
    """Return the import that is writing at present, which this one has to wait for."""
    writing = ImportJob.objects.filter(target=job.target, state__in=[State.COMMITTING, State.UNDOING])
    return writing.exclude(pk=job.pk).first()


def conflicts_ahead(job: ImportJob) -> int:
    """Return how many rows would be conflicts if they were written now, counted up to `SUMMED`."""
    changing = ImportRow.objects.filter(job=job, outcome=Outcome.UPDATED)
    if job.committed_at is not None:
        changing = changing.filter(is_decided=True)
    return changing.exclude(builder__rev=F("builder_rev"))[:SUMMED].count()


def said_in(field: str, value: Any) -> str:
    """Return what stands in a field of a builder as one line to read: of a range both ends, of a rating the votes."""
    if value is None or field not in FIELDS or len(FIELDS[field].attributes) == 1:
        return shown(value, field)
    first, second = value
    if field == "rating":
        return f"{shown(first)} from {second or 'no'} votes"
    if first == second:
        return shown(first)
    if second is None:
        return f"{first:,} or more"
    return f"up to {second:,}" if first is None else f"{first:,}–{second:,}"


def shown(value: Any, field: str = "") -> str:
    """Return a value of a record as one line to read."""
    text = value_text(value, field) or "nothing"
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"


def view_of(row: Any) -> RowView:
    """Return how a row of `rows_of` is shown."""
    values = row.values
    return RowView(
        number=row.number,
        outcome=row.outcome,
        label=row.get_outcome_display().lower(),
        name=values.get("name") or "without a name",
        place=value_text({key: (values.get("headquarters") or {}).get(key) for key in ("city", "country")}),
        reason=row.reason,
        builder=row.builder,
        changes=[_change(field, *pair) for field, pair in row.difference.items()],
        problems=row.problems,
        facts=[(field_label(name), shown(value, name)) for name, value in values.items() if name not in _IN_TITLE],
        is_written=row.is_written,
        can_be_decided=row.outcome in (Outcome.REVIEW, Outcome.CONFLICT),
    )


def _change(field: str, before: Any, after: Any) -> Change:
    name = field_label(field)
    if field in FIELDS and FIELDS[field].identity is not None:
        old, new = ([value_text(item, field) for item in items or []] for items in (before, after))
        return Change(
            name, "", "", [text for text in new if text not in old], [text for text in old if text not in new]
        )
    return Change(name, said_in(field, before), said_in(field, after), [], [])
