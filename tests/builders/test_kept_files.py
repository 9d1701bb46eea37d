"""Uploaded files go after a while; what was imported from them can still be looked at and taken back."""

from __future__ import annotations

import datetime as dt
import io
import os
import time

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from builders.importing import kept_files, runner
from builders.importing.rejects import errors_csv
from builders.models import Builder, ImportJob, ImportRow
from builders.services import imports
from builders.services.imports import FileNotRead
from tests.builders.firms import write

pytestmark = pytest.mark.django_db(transaction=True)
OLD = kept_files.KEPT + dt.timedelta(hours=1)


def preview(age: dt.timedelta) -> ImportJob:
    text = b"Company Name,City\nMesse Eins,Graz\n,Wien\n"
    job = imports.create_import(actor=None, file=io.BytesIO(text), name="firms.csv", source="fair")
    imports.stage(job, in_background=False)
    runner.run(job.pk)
    ImportJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - age)
    job.refresh_from_db()
    return job


def test_file_of_an_old_import_goes_and_its_errors_and_its_undo_stay():
    job = write(preview(OLD))
    name = job.file.name
    assert kept_files.remove_old_files() == "1 removed"
    job.refresh_from_db()
    assert (bool(job.file), default_storage.exists(name), job.state) == (False, False, "committed")
    lines = "".join(errors_csv(job)).splitlines()
    assert lines[0].endswith("Company Name,City,error_row,error_column,error_code,error_message")
    assert lines[1].startswith(",Wien,3,Company Name,no_name,")
    with pytest.raises(FileNotRead):
        imports.proposal_of(job)
    imports.undo_import(actor=None, job=job, in_background=False)
    runner.run(job.pk)
    assert not Builder.objects.exists()
    assert kept_files.remove_old_files() == "0 removed"


def test_preview_that_nobody_used_goes_with_its_rows():
    job = preview(OLD)
    kept_files.remove_old_files()
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not ImportRow.objects.exists()


@pytest.mark.parametrize("state", ["young", "committing"])
def test_what_is_young_or_at_work_stays(state):
    job = preview(OLD if state == "committing" else OLD - dt.timedelta(hours=2))
    if state == "committing":
        imports.commit_import(actor=None, job=job, in_background=False)
    assert kept_files.remove_old_files() == "0 removed"
    assert default_storage.exists(job.file.name)


def test_file_without_an_import_goes_after_a_day():
    name = default_storage.save("private/imports/left", ContentFile(b"x"))
    assert kept_files.remove_old_files() == "0 removed"
    yesterday = time.time() - 25 * 60 * 60
    os.utime(default_storage.path(name), (yesterday, yesterday))
    assert kept_files.remove_old_files() == "1 removed"
    assert not default_storage.exists(name)
