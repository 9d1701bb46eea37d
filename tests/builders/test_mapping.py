from __future__ import annotations

import msgspec
import pytest

from builders.importing.evidence import SAMPLED
from builders.importing.fields import FIELDS
from builders.importing.mapping import CERTAIN, Mapping, Proposal, propose
from builders.models.sources import Rank

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")


def proposed(**columns: list[str]) -> Proposal:
    """Propose for columns given by name. Spaces in a name are written as they are through a dict."""
    header = list(columns)
    return propose(header, list(zip(*columns.values(), strict=True)))


def of(columns: dict[str, list[str]]) -> Proposal:
    return proposed(**columns)


def test_unknown_table_is_mapped_by_its_names():
    proposal = of(
        {
            "Firma": ["Alpha Messebau", "Beta Stand"],
            "Straße": ["Hauptstr. 1", "Ring 2"],
            "PLZ": ["80331", "10115"],
            "Ort": ["München", "Berlin"],
            "Land": ["Deutschland", "Deutschland"],
            "E-Mail-Adresse": ["a@alpha.de", "b@beta.de"],
            "Rufnummer": ["089 123456", "030 123456"],
            "Webseite": ["www.alpha.de", "beta.de"],
            "Ansprechpartner": ["Jörg Weiß", "Anna Groß"],
        }
    )
    assert proposal.mapping().fields == [
        "name", "address_line_1", "postcode", "locality", "country", "email", "phone", "website", "contact_name",
    ]  # fmt: skip
    assert proposal.preset is None
    assert (proposal.source, proposal.rank, proposal.target) == ("file", Rank.REGISTER, "builders")
    assert proposal.questions == []
    assert all(column.confidence == 1.0 for column in proposal.columns)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Phone nummber", "phone"),
        ("Sales phone", "phone"),
        ("Adress e-mail", "email"),
        ("Contry", "country"),
        ("Name company", "name"),
    ],
)
def test_nearly_right_name_counts_less(header, field):
    cells = {"phone": "+49 89 32651170", "email": "a@alpha.de", "country": "Germany", "name": "Alpha Messebau"}[field]
    column = of({header: [cells]}).columns[0]
    assert (column.field, column.confidence, column.ask) == (field, 0.8, False)
    assert column.confidence >= CERTAIN


@pytest.mark.parametrize("header", ["Company motto", "Foo", "Hall", "Company registration court", "VAT", ""])
def test_unknown_name_is_asked(header):
    column = of({header: ["Some words"]}).columns[0]
    assert (column.field, column.ask) == ("", True)
    assert column.confidence < CERTAIN


def test_county_is_no_country():
    assert of({"County": ["Kent", "Essex"]}).columns[0].field == "region"


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Email", ["Anna", "Bert", "Carl"]),
        ("Phone", ["48.137154", "11.575382", "9.18"]),
        ("Website", ["yes", "no", "no"]),
        ("Country", ["Bayern", "Hessen", "Berlin"]),
        ("Latitude", ["4812345", "1151234", "9"]),
        ("Rating", ["120", "7", "33"]),
        ("Company", ["1", "2", "3"]),
        ("Contact person", ["a@x.de", "b@x.de", "c@x.de"]),
        ("Founded", ["Munich", "Berlin", "Bonn"]),
        ("Team size", ["big", "small", "small"]),
        ("Postcode", ["Munich", "Berlin", "Bonn"]),
        ("City", ["80331", "10115", "53111"]),
        ("Status", ["gold", "silver", "gold"]),
        ("Name", ["https://x.de", "https://y.de", "https://z.de"]),
    ],
)
def test_values_veto_what_the_name_says(header, cells):
    column = of({header: cells}).columns[0]
    assert (column.field, column.ask) == ("", True)
    assert "values" in column.evidence


def test_vetoed_column_offers_what_the_values_look_like():
    column = of({"Contact person": ["a@x.de", "b@x.de"]}).columns[0]
    assert column.candidates == ["email", "contact_name"]


def test_eighty_in_a_hundred_confirm():
    good, bad = ["a@x.de"] * 80, ["none of it"] * 20
    assert of({"Email": good + bad}).columns[0].field == "email"
    assert of({"Email": good[1:] + bad + bad[:1]}).columns[0].field == ""


@pytest.mark.parametrize(
    ("header", "cells", "field"),
    [
        ("Phone", ["089 32651170", "12", "030 901820"], "phone"),
        ("Founded", ["1994", "1850"], "founded"),
        ("Team size", ["25", "5-9", "2024-10-25"], "team_size"),
        ("Phone", ["12"], "phone"),
        ("Phone", ["12", "13", "089 32651170"], ""),
        ("Contact person", ["Anna Groß", "Bert Klein", "a@x.de"], ""),
        ("Phone", ["2024-10-25", "25.10.2024", "1.2.2024"], ""),
    ],
)
def test_one_wrong_cell_of_few_is_no_wrong_column(header, cells, field):
    assert of({header: cells}).columns[0].field == field


def test_format_is_believed_against_some_of_its_values():
    header = ["Company Name", "Email", "Phone", "City", "Country", "Description"]
    phones = ["089 32651170"] * 6 + ["none yet"] * 4
    rows = [[f"Firm {n}", f"a@x{n}.de", phone, "Berlin", "Germany", "Text"] for n, phone in enumerate(phones)]
    assert propose(header, rows).mapping().fields[2] == "phone"
    assert propose(["Firm", "Phone"], [[row[0], row[2]] for row in rows]).mapping().fields == ["name", ""]


def test_address_in_parts_is_told_by_its_values():
    assert of({"Complete address": ['{"city":"Ulm"}', '{"city":"Jena"}']}).columns[0].field == "address_json"


def test_empty_cells_and_words_for_nothing_do_not_count():
    assert (
        of({"Email": ["", "Unknown", "Not specified", "no-email+1@unknown.com", "a@x.de"]}).columns[0].field == "email"
    )


def test_only_the_first_two_hundred_count():
    assert of({"Email": ["a@x.de"] * SAMPLED + ["nothing"] * 1000}).columns[0].field == "email"


def test_column_without_values_is_known_by_its_name():
    assert of({"Email": ["", ""]}).columns[0].field == "email"
    assert propose(["Email", "Company"], []).mapping().fields == ["email", "name"]


@pytest.mark.parametrize("header", ["url", "URL", "Link", "Website", "Site"])
def test_links_are_told_apart_by_where_they_lead(header):
    maps = ["https://www.google.com/maps/place/x", "https://maps.google.de/?cid=1", "https://goo.gl/maps/abc"]
    assert of({header: maps}).columns[0].field == "maps_url"
    assert of({header: ["https://alpha.de", "beta.example/x", "www.gamma.de"]}).columns[0].field == "website"


def test_links_of_both_kinds_are_asked():
    column = of({"url": ["https://alpha.de", "https://www.google.com/maps/place/x"]}).columns[0]
    assert (column.field, column.ask) == ("", True)


@pytest.mark.parametrize(
    ("header", "cell", "field"),
    [
        ("Contact", "a@alpha.de", "email"),
        ("Kontakt", "+49 89 32651170", "phone"),
        ("Number", "+49 89 32651170", "phone"),
        ("Profile", "https://alpha.de", "website"),
    ],
)
def test_ambiguous_name_is_decided_by_telling_values(header, cell, field):
    assert of({header: [cell]}).columns[0].field == field


@pytest.mark.parametrize(
    ("header", "cell", "candidates"),
    [
        ("Contact", "Anna Groß", ["contact_name", "email", "phone"]),
        ("Nom", "Alpha", ["name", "contact_last_name", "contact_name"]),
        ("Staat", "Bayern", ["country", "region"]),
        ("Location", "Munich", ["locality", "address_full", "country"]),
        ("Code", "A1", ["external_key", "postcode", "country"]),
        ("Size", "20", ["team_size", "stand_size"]),
    ],
)
def test_ambiguous_name_is_asked(header, cell, candidates):
    column = of({header: [cell]}).columns[0]
    assert (column.field, column.ask, column.candidates) == ("", True, candidates)


def test_two_names_of_a_firm_are_not_chosen_between():
    proposal = of({"Company": ["Alpha"], "Exhibitor": ["Alpha Messe"]})
    assert [column.ask for column in proposal.columns] == [True, True]
    assert proposal.mapping().fields == ["", ""]


def test_same_name_twice_is_asked():
    assert [column.ask for column in propose(["City", "City"], [["Munich", "Berlin"]]).columns] == [True, True]


def test_name_beside_a_company_may_be_a_person():
    proposal = of({"Name": ["Anna Groß"], "Company": ["Alpha"]})
    assert proposal.mapping().fields == ["", "name"]
    assert proposal.columns[0].candidates == ["contact_name", "name"]


def test_title_beside_a_company_may_be_a_position():
    assert of({"Company": ["Alpha"], "Title": ["CEO"]}).columns[1].candidates == ["contact_role", "name"]


def test_several_columns_of_what_there_may_be_many_of():
    proposal = of({"Email": ["a@x.de"], "E-Mail 2": ["b@x.de"], "Phone": ["089 123456"], "Mobile": ["0171 1234567"]})
    assert proposal.mapping().fields == ["email", "email", "phone", "phone"]


def test_best_key_is_taken_and_the_others_are_asked():
    proposal = of({"id": ["1"], "place_id": ["ChIJ1"], "cid": ["77"]})
    assert proposal.mapping().fields == ["", "external_key", ""]
    assert [column.ask for column in proposal.columns] == [True, False, True]


def test_country_and_its_code_stand_together():
    assert of({"Country": ["Germany"], "Country code": ["DE"]}).mapping().fields == ["country", "country"]


def test_values_alone_are_never_enough():
    column = of({"Column 1": ["x"], "C7": ["a@x.de"]}).columns[1]
    assert (column.field, column.ask, column.candidates) == ("", True, ["email"])


def test_what_is_left_out_by_default_is_not_asked():
    column = of({"popular_times": ["{}"]}).columns[0]
    assert (column.field, column.ask) == ("", False)


def test_samples_are_short_and_distinct():
    column = of({"Company": ["A" * 500, "A" * 500, "B", "C", "D"]}).columns[0]
    assert column.samples == ["A" * 80, "B", "C"]


def test_ragged_samples_are_read():
    assert propose(["Company", "Email"], [["Alpha"], ["Beta", "b@x.de", "more"]]).mapping().fields == ["name", "email"]


def test_proposal_goes_through_json():
    proposal = of({"Company": ["Alpha"], "Foo": ["x"]})
    again = msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal)
    assert again == proposal
    assert msgspec.convert(msgspec.to_builtins(again.mapping()), Mapping) == proposal.mapping()


def test_candidates_are_fields():
    proposal = propose(["Contact", "Nom", "Staat", "Foo", "Company", "Exhibitor", "E-mail"], [["x"] * 7])
    assert {name for column in proposal.columns for name in column.candidates} <= FIELDS.keys()


def test_empty_header():
    assert propose([], []).columns == []


def test_bytes_order_mark_and_case_do_not_matter():
    assert propose(["\ufeffCOMPANY NAME", "e_mail"], []).mapping().fields == ["name", "email"]
