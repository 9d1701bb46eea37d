"""The projects of a builder one by one: changed in place, because pictures hang on them."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from builders.comparing import fitted, misfits
from builders.models import Builder, PortfolioProject
from builders.permissions import can_change_builders, is_owner
from builders.record import Project, Record
from builders.services.builders import OWNER, STAFF, BuilderChanged
from builders.services.derived import refresh
from builders.services.stored import load
from builders.tidying import tidied
from operations.activity import record
from realtime.errors import ClientError, NotFound

MOST_PROJECTS = 100


@transaction.atomic
def add_project(*, actor: User | None, builder: int, values: Project, expected_rev: int) -> PortfolioProject:
    """Add a project. Raises `ClientError` `invalid` with the field, and `BuilderChanged`."""
    _lock(actor, builder, expected_rev)
    if PortfolioProject.objects.filter(builder=builder).count() >= MOST_PROJECTS:
        raise ClientError("invalid", f"A builder shows {MOST_PROJECTS} projects at most. Remove one first.")
    project = PortfolioProject(builder_id=builder)
    _fill(project, values)
    project.save()
    _note(actor, builder, "added")
    return project


@transaction.atomic
def change_project(*, actor: User | None, project: PortfolioProject, values: Project, expected_rev: int) -> None:
    """Change what is said of a project; its pictures stay."""
    _lock(actor, project.builder_id, expected_rev)
    held = _present(project)
    _fill(held, values)
    held.save(update_fields=["name", "trade_show", "year", "city", "country", "stand_m2"])
    _note(actor, held.builder_id, "changed")


@transaction.atomic
def remove_project(*, actor: User | None, project: PortfolioProject, expected_rev: int) -> None:
    """Remove a project with its pictures."""
    _lock(actor, project.builder_id, expected_rev)
    held = _present(project)
    builder = held.builder_id
    held.delete()
    _note(actor, builder, "removed")


def _lock(actor: User | None, builder: int, expected_rev: int) -> None:
    there = load([builder], lock=True).get(builder)
    if there is None or there.merged_into is not None:
        raise NotFound("There is no such builder.")
    if not can_change_builders(actor) and not is_owner(actor, Builder.objects.get(pk=builder)):
        raise ClientError("forbidden", "You may not do that to a builder.")
    if there.rev != expected_rev:
        raise BuilderChanged


def _present(project: PortfolioProject) -> PortfolioProject:
    found = PortfolioProject.objects.filter(pk=project.pk, builder=project.builder_id).first()
    if found is None:
        raise NotFound("There is no such project.")
    return found


def _fill(project: PortfolioProject, values: Project) -> None:
    [tidy] = fitted(tidied(Record(), Record(name="-", portfolio=[values]))).portfolio or [values]
    if not tidy.name:
        raise ClientError("invalid", "A project needs a name.", field="name")
    for problem in misfits(Record(name="-", portfolio=[tidy])):
        raise ClientError("invalid", problem.message, field=problem.field)
    project.name, project.trade_show, project.year = tidy.name, tidy.trade_show, tidy.year
    project.city, project.country, project.stand_m2 = tidy.city, tidy.country, tidy.stand_m2


def _note(actor: User | None, builder: int, what: str) -> None:
    origin = STAFF if can_change_builders(actor) else OWNER
    refresh([builder], fields=["portfolio"], origin=origin)
    uid = Builder.objects.values_list("uid", flat=True).get(pk=builder)
    record(f"builders.project.{what}", actor=actor, target=uid)
