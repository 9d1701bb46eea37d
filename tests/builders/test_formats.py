"""Every table format known by name: recognised, mapped as a whole, and read without a cell in the wrong place."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from builders.importing.fields import FIELDS
from builders.importing.files import open_table
from builders.importing.mapping import propose
from builders.importing.presets import LEADS, PRESETS, matching_preset
from builders.importing.values import Reader
from builders.models.sources import Rank
from tests.builders.expected_formats import EXPECTED

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")

FILES = Path(__file__).parent / "files"


def table(name: str) -> tuple[list[str], list[list[str]]]:
    with (FILES / name).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert {len(row) for row in rows} == {len(header)}, f"{name} is ragged"
    return header, rows


@pytest.mark.parametrize(
    ("name", "preset", "source", "rank"),
    [
        ("eb_a.csv", "eb-a", "exhibitbay", Rank.REGISTER),
        ("eb_b.csv", "eb-b", "exhibitbay", Rank.REGISTER),
        ("eb_c.csv", "eb-c", "exhibitbay", Rank.REGISTER),
        ("eb_d.csv", "eb-d", "exhibitbay", Rank.REGISTER),
        ("eb_e.csv", "eb-e", "exhibitbay", Rank.REGISTER),
        ("eb_export.csv", "eb-export", "exhibitbay", Rank.REGISTER),
        ("eb_leads.csv", "eb-leads", "exhibitbay", Rank.REGISTER),
        ("gbp.csv", "gbp", "gbp", Rank.OWN_PROFILE),
        ("gbp_british.csv", "gbp", "gbp", Rank.OWN_PROFILE),
        ("gbp_older.csv", "gbp", "gbp", Rank.OWN_PROFILE),
        ("outscraper.csv", "outscraper", "outscraper", Rank.SCRAPER),
        ("gosom.csv", "gosom", "gosom", Rank.SCRAPER),
        ("apify_places.csv", "apify-places", "apify", Rank.SCRAPER),
        ("foursquare.csv", "foursquare", "foursquare", Rank.OPEN_DATA),
    ],
)
def test_format_is_recognised_and_nothing_is_asked(name, preset, source, rank):
    header, rows = table(name)
    proposal = propose(header, rows)
    assert (proposal.preset, proposal.source, proposal.rank) == (preset, source, rank)
    assert [(column.header, column.evidence) for column in proposal.questions] == []


def test_every_format_has_a_file():
    found = {matching_preset(table(path.name)[0]).id for path in FILES.glob("*.csv")}
    assert found == {preset.id for preset in PRESETS if not preset.is_own}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_not_one_cell_is_in_the_wrong_place(name):
    header, rows = table(name)
    reader = Reader(propose(header, rows).mapping(), header)
    found = [reader.read(row) for row in rows]
    assert [msgspec.to_builtins(record) for record, _ in found] == [values for values, _ in EXPECTED[name]]
    assert [[(p.column, p.code) for p in problems] for _, problems in found] == [codes for _, codes in EXPECTED[name]]


def test_expected_rows_are_of_eight_countries_at_least():
    countries = {values["headquarters"]["country"] for rows in EXPECTED.values() for values, _ in rows}
    assert len(countries) >= 8


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_order_of_the_columns_does_not_matter(name):
    header, rows = table(name)
    turned = header[::-1], [row[::-1] for row in rows]
    reader = Reader(propose(*turned).mapping(), turned[0])
    straight = Reader(propose(header, rows).mapping(), header)
    for row, back in zip(rows, turned[1], strict=True):
        one, other = straight.read(row)[0], reader.read(back)[0]
        assert (one.name, one.key, one.headquarters and one.headquarters.city) == (
            other.name, other.key, other.headquarters and other.headquarters.city,
        )  # fmt: skip
        assert sorted(one.phones) == sorted(other.phones)
        assert sorted(one.emails) == sorted(other.emails)


def test_requests_are_no_builders():
    header, rows = table("eb_leads.csv")
    proposal = propose(header, rows)
    assert proposal.target == LEADS
    assert proposal.mapping().fields == [
        "contact_name", "email", "phone", "company", "event_name", "city", "country", "stand_size", "budget", "message",
        "priority", "source",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="leads"):
        Reader(proposal.mapping(), header)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_columns_of_a_format_are_fields(preset):
    if preset.target == LEADS:
        return
    used = {*preset.columns.values(), *preset.optional.values(), *(field for _, field in preset.patterns)}
    assert used - {""} <= FIELDS.keys()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_format_is_recognised_by_four_fifths_of_its_columns(preset):
    columns = list(preset.columns)
    missing = len(columns) // 5
    assert matching_preset(columns[: len(columns) - missing]) is preset


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_format_is_not_recognised_by_half_of_its_columns(preset):
    found = matching_preset(list(preset.columns)[: len(preset.columns) // 2])
    assert found is not preset


def test_short_format_is_not_found_in_a_wider_table():
    header = ["Company Name", "Email", "Phone", "City", "Country", "Description", "Hall", "Booth", "VAT", "Contract"]
    assert matching_preset(header) is None


def test_attributes_of_a_google_sheet_are_left_out():
    header, rows = table("gbp.csv")
    attributes = [f"Amenities: Thing {number} (thing_{number})" for number in range(80)]
    proposal = propose(header + attributes, [row + ["Yes"] * 80 for row in rows])
    assert proposal.preset == "gbp"
    assert proposal.questions == []
    assert proposal.mapping().fields[len(header) :] == [""] * 80


def test_column_beside_a_format_is_read_by_its_name():
    header, rows = table("eb_d.csv")
    fields = propose([*header, "Fax"], [[*row, ""] for row in rows]).mapping().fields
    assert fields[-1] == "fax"


def test_column_of_a_format_with_other_values_is_asked():
    header, rows = table("eb_e.csv")
    rows = [[row[0], row[2], row[1], *row[3:]] for row in rows]
    asked = [column.header for column in propose(header, rows).questions]
    assert asked == ["Email", "Phone"]


@pytest.mark.parametrize(
    ("encoding", "delimiter", "first_line"), [("utf-8", ",", ""), ("utf-8-sig", ";", "sep=;\r\n"), ("utf-16", "\t", "")]
)
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_file_of_a_format_is_read_from_its_bytes(tmp_path, name, encoding, delimiter, first_line):
    header, rows = table(name)
    path = tmp_path / name
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(first_line)
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    opened = open_table(path, name)
    found = [cells for _, cells in opened.rows()]
    reader = Reader(propose(opened.header, found).mapping(), opened.header)
    records = [msgspec.to_builtins(reader.read(cells)[0]) for cells in found]
    assert records == [values for values, _ in EXPECTED[name]]
