"""A preview becomes builders: as shown, once, whatever happens on the way."""

from __future__ import annotations

import msgspec
import pytest
from django.utils import timezone

from builders.comparing import FIELDS, assign, differing_fields, said
from builders.importing import commit, lease, runner
from builders.importing.sharing import Crew
from builders.models import Builder, ContactPoint, FormerSlug, ImportJob, ImportRow, Location, SourceKey
from builders.record import Place, Record
from builders.services import imports
from builders.services.builders import delete_builder, update_builder
from builders.services.provenance import fields_of
from builders.services.snapshots import snapshot
from builders.services.stored import load
from realtime.errors import ClientError
from tests.builders.firms import cells, everything, new_job, staged, understood, write
from tests.rig import statements

pytestmark = pytest.mark.django_db(transaction=True)


def test_new_builder_stands_in_the_directory_with_all_it_has():
    job = write(staged([cells(0)]))
    assert job.state == "committed"
    builder = Builder.objects.get()
    assert (builder.slug, builder.domain, builder.name_folded) == ("stande-0-sohne-gmbh", "", "stande 0 sohne gmbh")
    assert builder.weighted_rating > 3
    assert "dusseldorf" in builder.search_text
    [plain] = snapshot([builder.pk]).values()
    expected = understood(cells(0))
    assert plain["record"]["headquarters"] == {"country": "DE", "city": "Düsseldorf", "street": "Messeallee 0"}
    assert plain["record"]["emails"] == expected.emails
    assert plain["record"]["rating"] == "4.5"
    assert [service["name"] for service in plain["record"]["services"]] == ["Modular stands", "Graphics"]
    assert builder.provenance["phones"] | {"at": ""} == {
        "source": "fair",
        "rank": 30,
        "job": job.uid,
        "row": 2,
        "at": "",
    }
    key = SourceKey.objects.get()
    assert (key.source, key.key, key.builder_id) == ("fair", "F-0", builder.pk)


def test_second_run_of_the_same_file_changes_nothing():
    rows = [cells(n) for n in range(50)]
    write(staged(rows))
    before = everything()
    job = write(staged(rows))
    assert job.counts == {"unchanged": 50}
    assert everything() == before


def test_second_run_is_unchanged_too_where_the_rows_have_to_be_read():
    write(staged([cells(n) for n in range(20)]))
    SourceKey.objects.update(fingerprint="")
    before = Builder.objects.values_list("pk", "rev")
    job = write(staged([cells(n) for n in range(20)]))
    assert job.counts == {"unchanged": 20}
    assert list(Builder.objects.values_list("pk", "rev")) == list(before)
    assert not SourceKey.objects.filter(fingerprint="").exists()


def test_changed_rows_change_their_builders_alone():
    write(staged([cells(n) for n in range(4)]))
    job = write(staged([cells(n, phone="+4940555555") if n == 2 else cells(n) for n in range(4)]))
    assert job.counts == {"updated": 1, "unchanged": 3}
    changed = Builder.objects.get(rev=2)
    phones = (
        ContactPoint.objects.filter(builder=changed, kind="phone").order_by("position").values_list("value", flat=True)
    )
    assert list(phones) == ["+49301000002", "+4940555555"]
    assert changed.provenance["phones"]["job"] == job.uid
    assert changed.provenance["name"]["job"] != job.uid


def test_rows_that_stay_alike_keep_their_primary_keys():
    write(staged([cells(1)]))
    place = Location.objects.get()
    write(staged([cells(1, phone="+4940555555")]))
    assert Location.objects.get().pk == place.pk


def test_builder_that_was_changed_since_the_preview_is_a_conflict():
    write(staged([cells(1), cells(2)]))
    job = staged([cells(1, name="From the file"), cells(2, name="Also from the file")])
    first = ImportRow.objects.get(job=job, number=2).builder
    update_builder(actor=None, builder=first.pk, values={"description": "meanwhile"})
    write(job)
    assert job.counts == {"conflict": 1, "updated": 1}
    assert Builder.objects.get(pk=first.pk).name == "Stände 1 & Söhne GmbH"
    row = ImportRow.objects.get(job=job, number=2)
    assert (row.outcome, row.reason) == ("conflict", "the builder was changed since the preview")


def test_builder_that_is_gone_since_the_preview_is_a_conflict():
    write(staged([cells(1)]))
    job = staged([cells(1, name="Neu")])
    delete_builder(actor=None, builder=Builder.objects.get().pk)
    assert write(job).counts == {"conflict": 1}
    assert not Builder.objects.exists()


def test_record_that_another_import_brought_meanwhile_is_a_conflict():
    first, second = staged([cells(1)]), staged([cells(1)])
    write(first)
    assert write(second).counts == {"conflict": 1}
    assert Builder.objects.count() == 1


def test_conflict_can_be_decided_and_written_afterwards():
    write(staged([cells(1)]))
    job = staged([cells(1, name="Neu")])
    builder = Builder.objects.get()
    update_builder(actor=None, builder=builder.pk, values={"description": "meanwhile"})
    write(job)
    imports.decide_row(actor=None, job=job, number=2, builder=builder)
    assert write(job).counts["updated"] == 1
    assert Builder.objects.get().name == "Neu"
    assert Builder.objects.get().description == "meanwhile"


def test_row_to_be_looked_at_is_left_out_until_somebody_decides():
    write(staged([cells(1)]))
    job = staged([cells(1, key="other", phone="+4940555555")], source="elsewhere")
    assert job.counts == {"review": 1}
    write(job)
    assert Builder.objects.count() == 1
    imports.decide_row(actor=None, job=job, number=2, builder=None)
    write(job)
    assert Builder.objects.count() == 2


@pytest.mark.parametrize("chunk", [5, 2000], ids=["one chunk of several", "one chunk"])
def test_row_that_the_database_refuses_stops_no_other(monkeypatch, chunk):
    monkeypatch.setattr(commit, "CHUNK", chunk)
    # A value that passes our checks and not those of the database.
    monkeypatch.setattr("builders.importing.reading.misfits", lambda record: [])
    rows = [cells(n) for n in range(30)]
    job = staged(rows)
    row = ImportRow.objects.get(job=job, number=17)
    row.values = {**row.values, "team_min": 10, "team_max": 1}
    row.save()
    write(job)
    assert job.counts == {"created": 29, "error": 1}
    assert Builder.objects.count() == 29
    assert ImportRow.objects.get(job=job, outcome="error").number == 17


def test_slugs_are_unique_and_old_ones_are_not_given_again():
    write(staged([cells(1)]))
    builder = Builder.objects.get()
    FormerSlug.objects.create(slug="stande-2-sohne-gmbh", builder=builder)
    write(
        staged([cells(1, key="x", name="Stände 1 & Söhne GmbH", phone="", street="", city="Wien", email=""), cells(2)])
    )
    slugs = list(Builder.objects.order_by("pk").values_list("slug", flat=True))
    assert slugs == ["stande-1-sohne-gmbh", "stande-1-sohne-gmbh-wien", "stande-2-sohne-gmbh-saint-etienne"]


def test_one_import_writes_at_a_time():
    job = staged([cells(1)])
    new_job(state=ImportJob.State.COMMITTING)
    with pytest.raises(ClientError) as refused:
        imports.commit_import(actor=None, job=job, in_background=False)
    assert refused.value.code == "conflict"
    job.refresh_from_db()
    assert job.state == "staged"


def test_nobody_else_takes_a_job_that_is_worked_on():
    job = new_job(state=ImportJob.State.COMMITTING)
    assert lease.claim(job.pk, lease.new_worker())
    assert lease.claim(job.pk, lease.new_worker()) is None


@pytest.mark.parametrize("is_lapsed", [True, False], ids=["lapsed", "its process is dead"])
def test_job_of_a_dead_worker_is_free(is_lapsed):
    job = new_job(state=ImportJob.State.COMMITTING)
    assert lease.claim(job.pk, lease.new_worker())
    if is_lapsed:
        ImportJob.objects.update(worker="elsewhere:1:2:abc", lease_until=timezone.now())
    else:
        ImportJob.objects.update(worker=lease.new_worker().replace(":", ":9", 1))
    assert lease.claim(job.pk, lease.new_worker())


def test_worker_that_was_replaced_writes_nothing(monkeypatch):
    job = staged([cells(n) for n in range(10)])
    imports.commit_import(actor=None, job=job, in_background=False)
    worker = lease.new_worker()
    claimed = lease.claim(job.pk, worker)
    ImportJob.objects.filter(pk=job.pk).update(worker="somebody else")
    with pytest.raises(lease.LeaseLost):
        commit.commit(claimed, worker, Crew())
    assert not Builder.objects.exists()


def test_cancelled_while_writing_takes_back_what_is_written(monkeypatch):
    monkeypatch.setattr(commit, "CHUNK", 5)
    job = staged([cells(n) for n in range(20)])
    imports.commit_import(actor=None, job=job, in_background=False)

    def cancel(rows: int) -> None:
        if Builder.objects.count() >= 10:
            imports.cancel_import(actor=None, job=ImportJob.objects.get(pk=job.pk))

    runner.run(job.pk, cancel)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not Builder.objects.exists()


@pytest.mark.parametrize("count", [10, 200])
def test_statements_do_not_grow_with_the_rows(count):
    job = staged([cells(n) for n in range(count)])
    assert statements(lambda: write(job)) < 60


def test_what_is_written_is_what_was_shown():
    write(staged([cells(n) for n in range(6)]))
    job = staged([cells(n, phone=f"+4940555{n:03}", name=f"Neu {n}", city="Wien", services="Rental") for n in range(8)])
    shown = {row.builder_id: row.difference for row in ImportRow.objects.filter(job=job, outcome="updated")}
    new = [row.values for row in ImportRow.objects.filter(job=job, outcome="created").order_by("number")]
    assert len(shown) == 6
    before = {pk: builder.record for pk, builder in load(shown).items()}
    write(job)
    for pk, builder in load(shown).items():
        changed = differing_fields(before[pk], builder.record)
        assert changed == set(shown[pk])
        for name, (old, after) in shown[pk].items():
            for record, value in ((before[pk], old), (builder.record, after)):
                assert said(record, FIELDS[name]) == said(assign(record, {name: value}), FIELDS[name])
    added = load(Builder.objects.exclude(pk__in=shown).values_list("pk", flat=True)).values()
    for builder, values in zip(added, new, strict=True):
        record = msgspec.convert({**values, "key": ""}, Record)
        assert {name: said(record, FIELDS[name]) for name in fields_of(record)} == {
            name: said(builder.record, FIELDS[name]) for name in fields_of(record)
        }


def test_fields_of_a_record_are_those_in_which_it_says_something():
    assert fields_of(Record(key="7", headquarters=Place(), stand_max_m2=0, is_verified=False, extra={"a": 1})) == {
        "stand",
        "is_verified",
        "extra",
    }
