"""Uploaded files: kept for a while, for those who want to know what was imported, and not for ever."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Final

from django.core.files.storage import default_storage
from django.utils import timezone

from builders.importing import lease
from builders.models import ImportJob, ImportRow

# After its arrival. The errors file and the undo need no file, and an import that nobody has written by then is over.
KEPT: Final = dt.timedelta(days=30)
# A file without an import is of one that is just arriving, or of a process that died.
_ARRIVING: Final = dt.timedelta(days=1)
_FOLDER: Final = "private/imports"
State = ImportJob.State


def remove_old_files() -> str:
    """Remove uploaded files after `KEPT`, and previews that nobody has used. Return one line, for the list of jobs."""
    old = ImportJob.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(state__in=lease.RUNNING)
    # What a commit that failed has written can still be taken back.
    unused = old.filter(state__in=(State.UPLOADED, State.STAGED, State.FAILED)).exclude(changes__is_undone=False)
    jobs = list(unused.values_list("pk", flat=True))
    ImportRow.objects.filter(job__in=jobs).delete()
    ImportJob.objects.filter(pk__in=jobs).update(state=State.CANCELLED)
    removed = 0
    for job in old.exclude(file="").iterator():
        job.file.delete(save=False)
        job.file = ""
        job.save(update_fields=["file"])
        removed += 1
    return f"{removed + _remove_orphans()} removed"


def _remove_orphans() -> int:
    """Remove files that belong to no import."""
    if not default_storage.exists(_FOLDER):
        return 0
    names = [f"{_FOLDER}/{name}" for name in default_storage.listdir(_FOLDER)[1]]
    known = set(ImportJob.objects.filter(file__in=names).values_list("file", flat=True))
    removed = 0
    for name in names:
        # Another process may remove it at this moment.
        with suppress(FileNotFoundError):
            if name not in known and default_storage.get_modified_time(name) < timezone.now() - _ARRIVING:
                default_storage.delete(name)
                removed += 1
    return removed
