"""A record may name its builder as other sources do: it is found by that, and found by it from then on."""

from __future__ import annotations

import pytest

from builders.importing import google, legacy, runner
from builders.importing.mapping import Mapping
from builders.importing.values import Reader
from builders.models import Builder, ImportRow, SourceKey
from builders.record import Problem, Record
from builders.services import imports
from builders.services.builders import create_builder
from builders.services.stored import Key
from tests.builders.firms import Rows, cells, staged, write

pytestmark = pytest.mark.django_db(transaction=True)


class Known(Rows):
    """Rows that give the builder's place at Google."""

    def read(self, row: list[str]) -> tuple[Record, list[Problem]]:
        record, problems = super().read(row)
        record.other_keys = {google.SOURCE: f"place-{row[0]}"}
        return record, problems


def keys() -> set[tuple[str, str, int]]:
    return set(SourceKey.objects.values_list("source", "key", "builder"))


def test_new_builder_has_both_keys():
    write(staged(Known([cells(1)])))
    builder = Builder.objects.get().pk
    assert keys() == {("fair", "F-1", builder), ("google", "place-F-1", builder)}
    job = staged([cells(1, key="place-F-1", name="Otherwise", phone="", street="")], source="google")
    row = ImportRow.objects.get(job=job)
    assert (row.builder_id, row.reason) == (builder, "source key")


def test_builder_is_found_by_the_key_of_another_source_and_undo_takes_the_new_key_away():
    there = create_builder(actor=None, values={"name": "By hand"}, keys=[Key(source="google", key="place-F-1")]).pk
    job = write(staged(Known([cells(1)])))
    row = ImportRow.objects.get(job=job)
    assert (row.builder_id, row.reason, row.outcome) == (there, "key at google", "updated")
    assert keys() == {("fair", "F-1", there), ("google", "place-F-1", there)}
    imports.undo_import(actor=None, job=job, in_background=False)
    runner.run(job.pk)
    assert keys() == {("google", "place-F-1", there)}


def test_known_builder_gets_the_key_and_undo_takes_it_away():
    write(staged([cells(1)]))
    builder = Builder.objects.get().pk
    job = write(staged(Known([cells(1, name="Neu")])))
    assert keys() == {("fair", "F-1", builder), ("google", "place-F-1", builder)}
    imports.undo_import(actor=None, job=job, in_background=False)
    runner.run(job.pk)
    assert keys() == {("fair", "F-1", builder)}


def test_key_that_leads_to_another_builder_goes_on_doing_so():
    write(staged([cells(1)]))
    other = create_builder(actor=None, values={"name": "Other"}, keys=[Key(source="google", key="place-F-1")]).pk
    write(staged(Known([cells(1, name="Neu")])))
    assert ("google", "place-F-1", other) in keys()
    assert SourceKey.objects.count() == 2


@pytest.mark.backend("sqlite")
def test_place_id_of_an_old_store_is_googles_key():
    record, _ = legacy.read({"id": "b1", "companyName": "Messe", "placeId": "places/ChIJ0123"})
    assert (record.key, record.other_keys) == ("b1", {"google": "ChIJ0123"})


def read_key(header: str, key: str) -> Record:
    reader = Reader(Mapping(fields=["external_key", "name"]), [header, "title"])
    return reader.read([key, "Alpha Expo"])[0]


@pytest.mark.parametrize("header", ["place_id", "placeId", "Google Place ID"])
def test_place_id_that_a_scraper_has_collected_is_the_key_at_google(header):
    assert read_key(header, "ChIJ-one").other_keys == {google.SOURCE: "ChIJ-one"}
    assert read_key(header, "").other_keys == {}


def test_place_id_of_another_collection_is_not_that_of_google():
    assert read_key("fsq_place_id", "4b0").other_keys == {}
