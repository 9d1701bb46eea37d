"""Two builders made one, and two again.

The dropped builder keeps its row, unlisted, and what was not taken of it. What is taken changes hands row by row, so
that pictures, claims and links stay what they are; one record notes both as they were and what moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from builders.comparing import FIELDS, fitted, misfits, said
from builders.duplicates.combining import BOTH, DROPPED, KEPT, SIDES, combined, differing, sides, takes_both
from builders.models import (
    Builder,
    Claim,
    DuplicateCandidate,
    FormerSlug,
    MergeRecord,
    PortfolioImage,
    PortfolioProject,
    SourceKey,
)
from builders.permissions import can_merge_builders
from builders.services.builders import BuilderChanged
from builders.services.snapshots import kept as snapshot_of
from builders.services.snapshots import read, restore
from builders.services.stored import Stored, load
from builders.services.writing import replace
from operations.activity import record as record_act
from realtime.errors import ClientError, NotFound

Moved = dict[str, Any]
_OPEN_CLAIMS = (Claim.State.CODE_SENT, Claim.State.WAITING)
# What a merge does not decide on, and an edit may have changed meanwhile.
_SWITCHES = ("is_active", "is_featured", "owner", "claim_state", "merged_into")


class EditedSince(ClientError):
    """`changed` names the fields of either builder that are not as the merge left them."""

    def __init__(self, changed: list[str]) -> None:
        super().__init__("conflict", f"Changed since the merge: {', '.join(changed)}. It cannot be taken back.")
        self.changed = changed


@transaction.atomic
def merge(
    *,
    actor: User | None,
    kept: Builder,
    dropped: Builder,
    choices: Mapping[str, str],
    expected_revs: tuple[int, int],
) -> MergeRecord:
    """Make `kept` of the two; `dropped` leaves the directory, and its addresses and source keys lead to `kept`.

    `choices` say of a field whose value it gets: `kept`, `dropped`, or `both` of a list. What nobody chose gets the
    value that is there, both lists, else that of `kept`. `expected_revs` are those that the choice was made at.
    Raises `BuilderChanged` where a builder has another by now.
    """
    _require_right(actor)
    _check_choices(choices)
    first, second = _locked_pair(kept.pk, dropped.pk, expected_revs)
    chosen = sides(first.record, second.record, choices)
    after = _merged(first, second, chosen, choices)
    for problem in misfits(after.record):
        raise ClientError("invalid", problem.message, field=problem.field)
    moved = _move(first, second, chosen["portfolio"])
    gone = msgspec.structs.replace(
        second, rev=second.rev + 1, updated_at=after.updated_at, merged_into=first.id, keys=[]
    )
    # The projects changed hands already, with their pictures.
    at_hand = msgspec.structs.replace(first, record=_with_projects(first, after))
    replace([(at_hand, after), (second, gone)])
    moved["candidate"] = _close_candidate(actor, first.id, second.id)
    note = MergeRecord.objects.create(
        kept_id=first.id,
        dropped_id=second.id,
        choices=chosen,
        kept_before=snapshot_of(first),
        dropped_before=snapshot_of(second),
        moved=moved,
        kept_rev=after.rev,
        dropped_rev=gone.rev,
        merged_by=actor,
    )
    record_act("builders.builder.merged", actor=actor, target=second.uid, data={"into": first.uid})
    return note


@transaction.atomic
def unmerge(*, actor: User | None, record: MergeRecord) -> None:
    """Put both builders back as they were. Raises `EditedSince` with what was changed after the merge."""
    _require_right(actor)
    present = load([record.kept_id, record.dropped_id], lock=True)
    # Behind the builders, as in every service: whoever merges locks in the same order.
    note = MergeRecord.objects.select_for_update().filter(pk=record.pk).first()
    if note is None or len(present) < len((note.kept_id, note.dropped_id)):
        raise NotFound("One of these builders has been deleted.")
    if note.undone_at is not None:
        raise ClientError("conflict", "This merge has been taken back already.")
    _refuse_if_built_upon(note)
    _refuse_if_edited(note, present)
    _move_back(note)
    kept, dropped = read(note.kept_before), read(note.dropped_before)
    restore({kept.id: note.kept_before, dropped.id: note.dropped_before})
    note.undone_at = timezone.now()
    note.save(update_fields=["undone_at"])
    record_act("builders.merge.undone", actor=actor, target=dropped.uid, data={"from": kept.uid})


# --- what becomes of the two ---------------------------------------------------------------------------------------


def _merged(first: Stored, second: Stored, chosen: Mapping[str, str], choices: Mapping[str, str]) -> Stored:
    """Return `first` as the merge leaves it. What was chosen by hand is locked, like any other edit by hand."""
    origins = {KEPT: first, DROPPED: second}
    provenance, locked = {}, set()
    for name, side in chosen.items():
        source = origins.get(side) or _weightier(name, first, second)
        if name in source.provenance:
            provenance[name] = source.provenance[name]
        holders = (first, second) if side == BOTH else (source,)
        locked |= {name} & {locked_field for holder in holders for locked_field in holder.locked_fields}
    locked |= set(choices) & set(differing(first.record, second.record))
    after = msgspec.structs.replace(
        first,
        record=fitted(combined(first.record, second.record, chosen)),
        provenance=provenance,
        locked_fields=sorted(locked),
        is_featured=first.is_featured or second.is_featured,
        keys=sorted([*first.keys, *second.keys], key=lambda key: (key.source, key.key)),
        rev=first.rev + 1,
        updated_at=timezone.now(),
    )
    if second.claim_state == Builder.ClaimState.CLAIMED and first.owner is None:
        after.owner, after.claim_state = second.owner, second.claim_state
    elif first.claim_state == Builder.ClaimState.UNCLAIMED:
        after.claim_state = second.claim_state
    return after


def _weightier(name: str, first: Stored, second: Stored) -> Stored:
    ranks = [(builder.provenance.get(name) or {}).get("rank", 0) for builder in (first, second)]
    return second if ranks[1] > ranks[0] else first


def _with_projects(first: Stored, after: Stored) -> Any:
    return msgspec.structs.replace(first.record, portfolio=after.record.portfolio)


# --- rows that change hands ----------------------------------------------------------------------------------------


def _move(first: Stored, second: Stored, portfolio: str) -> Moved:
    """Give to `first` what hangs on `second`, and return what went, by table."""
    keys = SourceKey.objects.filter(builder=second.id)
    slugs = FormerSlug.objects.filter(builder=second.id)
    merged = Builder.objects.filter(merged_into=second.id)
    claims = _claims_that_fit(first.id, second.id)
    moved: Moved = {
        "slugs": list(slugs.values_list("pk", flat=True)),
        "merged": list(merged.values_list("pk", flat=True)),
        "claims": claims,
        **_move_portfolio(first.id, second.id, portfolio),
    }
    keys.update(builder=first.id)
    slugs.update(builder=first.id)
    merged.update(merged_into=first.id)
    Claim.objects.filter(pk__in=claims).update(builder=first.id)
    moved["slug"] = FormerSlug.objects.create(slug=second.slug, builder_id=first.id).pk
    return moved


def _claims_that_fit(first: int, second: int) -> list[int]:
    """Return the claims that can follow: nobody claims a builder twice, and one claim alone is approved."""
    there = Claim.objects.filter(builder=first)
    people = there.filter(state__in=_OPEN_CLAIMS).values_list("user", flat=True)
    fitting = Claim.objects.filter(builder=second).exclude(Q(user__in=list(people)) & Q(state__in=_OPEN_CLAIMS))
    if there.filter(state=Claim.State.APPROVED).exists():
        fitting = fitting.exclude(state=Claim.State.APPROVED)
    return list(fitting.values_list("pk", flat=True))


def _move_portfolio(first: int, second: int, side: str) -> Moved:
    """Swap, move or leave the projects; those that are not taken wait with the dropped builder."""
    ours = list(PortfolioProject.objects.filter(builder=first).order_by("pk"))
    theirs = list(PortfolioProject.objects.filter(builder=second).order_by("pk"))
    identity = FIELDS["portfolio"].identity
    if identity is None or side == KEPT:
        return {"projects": [], "parked": [], "images": {}}
    if side == DROPPED:
        _give([project.pk for project in theirs], first)
        _give([project.pk for project in ours], second)
        return {"projects": [p.pk for p in theirs], "parked": [p.pk for p in ours], "images": {}}
    known = {identity(project): project.pk for project in ours}
    new = [project.pk for project in theirs if identity(project) not in known]
    twins = {project.pk: known[identity(project)] for project in theirs if identity(project) in known}
    images = dict(PortfolioImage.objects.filter(project__in=twins).values_list("pk", "project_id"))
    for image, project in images.items():
        PortfolioImage.objects.filter(pk=image).update(project=twins[project])
    _give(new, first)
    return {"projects": new, "parked": [], "images": images}


def _give(projects: list[int], builder: int) -> None:
    PortfolioProject.objects.filter(pk__in=projects).update(builder=builder)


def _move_back(note: MergeRecord) -> None:
    moved = note.moved
    _give(moved["projects"], note.dropped_id)
    _give(moved["parked"], note.kept_id)
    for image, project in moved["images"].items():
        PortfolioImage.objects.filter(pk=image).update(project=project)
    FormerSlug.objects.filter(pk=moved["slug"]).delete()
    FormerSlug.objects.filter(pk__in=moved["slugs"]).update(builder=note.dropped_id)
    Builder.objects.filter(pk__in=moved["merged"]).update(merged_into=note.dropped_id)
    Claim.objects.filter(pk__in=moved["claims"]).update(builder=note.dropped_id)
    if moved["candidate"] is not None:
        pk, state = moved["candidate"]
        DuplicateCandidate.objects.filter(pk=pk).update(state=state, decided_by=None, decided_at=None)


def _close_candidate(actor: User | None, first: int, second: int) -> tuple[int, str] | None:
    low, high = sorted((first, second))
    pair = DuplicateCandidate.objects.select_for_update().filter(first=low, second=high).first()
    if pair is None:
        return None
    was = pair.state
    pair.state, pair.decided_by, pair.decided_at = DuplicateCandidate.State.MERGED, actor, timezone.now()
    pair.save(update_fields=["state", "decided_by", "decided_at"])
    return pair.pk, was


# --- what stands against it ----------------------------------------------------------------------------------------


def _require_right(actor: User | None) -> None:
    if not can_merge_builders(actor):
        raise ClientError("forbidden", "You may not merge builders.")


def _check_choices(choices: Mapping[str, str]) -> None:
    for name, side in choices.items():
        if name not in FIELDS:
            raise ClientError("invalid", f"A builder has no field {name}.", field="choices")
        if side not in SIDES or (side == BOTH and not takes_both(name)):
            raise ClientError("invalid", f"{side} is no choice for {name}.", field="choices")


def _locked_pair(kept: int, dropped: int, expected_revs: tuple[int, int]) -> tuple[Stored, Stored]:
    if kept == dropped:
        raise ClientError("invalid", "A builder cannot be merged with itself.", field="dropped")
    # By primary key, whichever is kept: two who merge the same two wait for each other, and not each for the other.
    present = load([kept, dropped], lock=True)
    first, second = present.get(kept), present.get(dropped)
    if first is None or second is None or first.merged_into is not None or second.merged_into is not None:
        raise NotFound("One of these builders is gone, or is merged already.")
    if (first.rev, second.rev) != expected_revs:
        raise BuilderChanged
    owners = {builder.owner for builder in (first, second) if builder.claim_state == Builder.ClaimState.CLAIMED}
    if len(owners) > 1:
        raise ClientError("conflict", "Both are claimed, by two people. Withdraw one claim first.", field="owner")
    return first, second


def _refuse_if_built_upon(note: MergeRecord) -> None:
    kept = Builder.objects.get(pk=note.kept_id)
    if kept.merged_into_id is not None:
        raise ClientError("conflict", f"{kept.name} has been merged itself since. Take that back first.")
    later = MergeRecord.objects.filter(kept=note.kept_id, undone_at=None, pk__gt=note.pk)
    if later.exists():
        raise ClientError("conflict", f"Another builder has been merged into {kept.name} since. Take that back first.")


def _refuse_if_edited(note: MergeRecord, present: Mapping[int, Stored]) -> None:
    now = [present[note.kept_id], present[note.dropped_id]]
    if [builder.rev for builder in now] == [note.kept_rev, note.dropped_rev]:
        return
    first, second = read(note.kept_before), read(note.dropped_before)
    left = [_merged(first, second, note.choices, {}), msgspec.structs.replace(second, merged_into=first.id, keys=[])]
    changed = {name for before, after in zip(left, now, strict=True) for name in _changes(before, after)}
    if changed:
        raise EditedSince(sorted(changed))


def _changes(left: Stored, now: Stored) -> list[str]:
    found = []
    for name, field in FIELDS.items():
        values = [said(left.record, field), said(now.record, field)]
        # Projects stand in the order of their rows, whoever had them first; which are parked is no edit.
        if name == "portfolio" and now.merged_into is None:
            values = [sorted(map(repr, value or ())) for value in values]
        if values[0] != values[1] and not (name == "portfolio" and now.merged_into is not None):
            found.append(name)
    found += [name for name in _SWITCHES if getattr(left, name) != getattr(now, name)]
    keys = [{(key.source, key.key) for key in builder.keys} for builder in (left, now)]
    return [*found, "source keys"] if keys[0] != keys[1] else found
