"""An import taken back: exactly as it was, but for what somebody has written since."""

from __future__ import annotations

import pytest

from builders.importing import runner, undo
from builders.models import Builder, ImportChange, ImportJob, PortfolioProject
from builders.record import Project
from builders.services import imports
from builders.services.builders import create_builder, delete_builder, update_builder
from tests.builders.firms import cells, everything, staged, write

pytestmark = pytest.mark.django_db(transaction=True)


def take_back(job: ImportJob) -> ImportJob:
    imports.undo_import(actor=None, job=job, in_background=False)
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def test_directory_is_exactly_as_it_was(monkeypatch):
    monkeypatch.setattr(undo, "CHUNK", 7)
    write(staged([cells(n) for n in range(20)]))
    create_builder(actor=None, values={"name": "By hand", "portfolio": [Project(name="Hall 1", year=2020)]})
    before = everything()
    changed = [
        cells(
            n,
            name=f"Neu {n}",
            email=f"new{n}@firm.example",
            city="Wien",
            services="Rental",
            website="https://x.example/",
        )
        for n in range(30)
    ]
    job = write(staged(changed, policy={"emails": "replace", "services": "replace"}))
    assert job.counts == {"updated": 20, "created": 10}
    assert everything() != before
    assert take_back(job).state == "undone"
    assert everything() == before


def test_what_was_written_since_is_left_alone():
    write(staged([cells(1), cells(2)]))
    job = write(staged([cells(1, name="Neu 1"), cells(2, name="Neu 2"), cells(3), cells(4)]))
    one, three = Builder.objects.get(name="Neu 1"), Builder.objects.get(name__contains=" 3 ")
    update_builder(actor=None, builder=one.pk, values={"description": "edited"})
    update_builder(actor=None, builder=three.pk, values={"description": "edited"})
    take_back(job)
    assert job.counts["left"] == 2
    assert sorted(Builder.objects.values_list("name", flat=True)) == [
        "Neu 1",
        "Stände 2 & Söhne GmbH",
        "Stände 3 & Söhne GmbH",
    ]
    assert Builder.objects.get(pk=one.pk).description == "edited"
    assert ImportChange.objects.filter(job=job, is_undone=False).count() == 2


def test_builder_that_is_gone_is_left_alone():
    job = write(staged([cells(1), cells(2)]))
    delete_builder(actor=None, builder=Builder.objects.first().pk)
    take_back(job)
    assert (job.state, job.counts["left"]) == ("undone", 1)
    assert not Builder.objects.exists()


def test_undone_file_can_be_imported_again():
    rows = [cells(n) for n in range(5)]
    take_back(write(staged(rows)))
    assert staged(rows).counts == {"created": 5}


def test_pictures_of_a_project_survive_an_import_and_its_undo():
    write(staged([cells(1)]))
    builder = Builder.objects.get()
    update_builder(actor=None, builder=builder.pk, values={"portfolio": [Project(name="Hall 1", year=2020)]})
    project = PortfolioProject.objects.get()
    take_back(write(staged([cells(1, name="Neu")])))
    assert PortfolioProject.objects.get().pk == project.pk


def test_undo_goes_on_after_its_worker_died(monkeypatch):
    monkeypatch.setattr(undo, "CHUNK", 4)
    job = write(staged([cells(n) for n in range(12)]))
    imports.undo_import(actor=None, job=job, in_background=False)

    def die(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run(job.pk, die)
    assert Builder.objects.count() == 8
    ImportJob.objects.update(lease_until=None)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == "undone"
    assert not Builder.objects.exists()
