"""Pictures of projects: stored under a name made of what they show, in the widths of pages."""

from __future__ import annotations

import datetime as dt
from typing import IO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from builders.models import Builder, PortfolioImage, PortfolioProject
from builders.permissions import can_change_builders, is_owner
from builders.pictures import WIDTHS, Encoded, PictureRefused, encoded
from builders.services.derived import refresh
from operations.activity import record
from realtime.errors import ClientError, NotFound

FOLDER = "portfolio"
MOST_PICTURES = 12
# A file is written before its row, so a young one without a row may be about to get it.
_KEPT_WITHOUT_ROW = dt.timedelta(hours=1)


def add_picture(*, actor: User | None, project: PortfolioProject, file: IO[bytes], caption: str = "") -> PortfolioImage:
    """Show a picture with a project, behind those that are there.

    Raises `PictureRefused` (`invalid` or `too_large`, field `file`) and `ClientError` `forbidden`, `invalid`.
    """
    _authorise(actor, project)
    # Outside the transaction: decoding takes a second for a large picture.
    picture = encoded(file)
    name = _store(picture)
    with transaction.atomic():
        held = _locked(project)
        count, last = held.images.count(), held.images.aggregate(last=Max("position"))["last"]
        if count >= MOST_PICTURES:
            raise PictureRefused("invalid", f"A project shows {MOST_PICTURES} pictures at most. Remove one first.")
        image = held.images.create(
            file=name,
            width=picture.width,
            height=picture.height,
            caption=_caption(caption),
            position=0 if last is None else last + 1,
        )
        _note(actor, held, "added")
    return image


@transaction.atomic
def change_picture(*, actor: User | None, image: PortfolioImage, caption: str) -> None:
    """Say something else about a picture."""
    _authorise(actor, image.project)
    held = _locked(image.project)
    if not held.images.filter(pk=image.pk).update(caption=_caption(caption)):
        raise NotFound("There is no such picture.")
    _note(actor, held, "changed")


@transaction.atomic
def remove_picture(*, actor: User | None, image: PortfolioImage) -> None:
    """Show a picture no more. `remove_unused_files` deletes its files."""
    _authorise(actor, image.project)
    held = _locked(image.project)
    if not held.images.filter(pk=image.pk).delete()[0]:
        raise NotFound("There is no such picture.")
    _note(actor, held, "removed")


def remove_unused_files() -> str:
    """Delete the files of pictures that nobody shows any more. Return one line about it, for the list of jobs."""
    if not default_storage.exists(FOLDER):
        return "0 files removed"
    used = {name.rpartition("-")[0] for name in PortfolioImage.objects.values_list("file", flat=True)}
    removed, young = 0, timezone.now() - _KEPT_WITHOUT_ROW
    for file in default_storage.listdir(FOLDER)[1]:
        name = f"{FOLDER}/{file}"
        if name.rpartition("-")[0] not in used and default_storage.get_modified_time(name) < young:
            default_storage.delete(name)
            removed += 1
    return f"{removed} files removed"


def _authorise(actor: User | None, project: PortfolioProject) -> None:
    if not can_change_builders(actor) and not is_owner(actor, project.builder):
        raise ClientError("forbidden", "You may not change the pictures of this builder.")


def _locked(project: PortfolioProject) -> PortfolioProject:
    """Return the project as it is now, with its builder locked: positions are counted, and builders are merged."""
    held = PortfolioProject.objects.filter(pk=project.pk).first()
    if held is None or not Builder.objects.select_for_update(no_key=True).filter(pk=held.builder_id).exists():
        raise NotFound("There is no such project.")
    return held


def _caption(text: str) -> str:
    text = " ".join(text.replace("\x00", " ").split())
    if len(text) > 160:
        raise ClientError("invalid", "A caption has at most 160 characters.", field="caption")
    return text


def _store(picture: Encoded) -> str:
    """Write the files and return the name of the widest. Those of a picture that is shown already stay."""
    widest = f"{FOLDER}/{picture.digest}-{WIDTHS[-1]}.webp"
    if PortfolioImage.objects.filter(file=widest).exists():
        return widest
    for width, content in picture.files.items():
        name = f"{FOLDER}/{picture.digest}-{width}.webp"
        # One that was left behind is written again: it is young then, and nobody removes it before its row is there.
        default_storage.delete(name)
        default_storage.save(name, ContentFile(content))
    return widest


def _note(actor: User | None, project: PortfolioProject, what: str) -> None:
    refresh([project.builder_id])
    record(f"builders.picture.{what}", actor=actor, target=project.builder.uid)
