"""What people enter is brought into one form, or refused with its field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from builders.record import Certificate, Offering, Person, Place, Project, Record
from builders.tidying import tidied
from realtime.errors import ClientError

pytestmark = pytest.mark.backend("sqlite")


def test_texts_addresses_and_numbers_take_the_form_of_imports():
    record = Record(
        name="  Stände\u200b   Müller ",
        description="one\r\n\r\n\r\ntwo ",
        website="www.Firma.example/a",
        emails=["Info@Firma.EXAMPLE"],
        phones=["030 1234567"],
        languages=["German", "fr"],
        headquarters=Place(country="de", city=" Berlin "),
        services=[Offering(name=" Rental ", currency="eur", price_from=Decimal(1), price_to=Decimal(2))],
        people=[Person(name=" Ada  Weiß ")],
    )
    found = tidied(Record(), record)
    assert found.name == "Stände Müller"
    assert found.description == "one\n\ntwo"
    assert found.website == "https://www.firma.example/a"
    assert (found.emails, found.phones, found.languages) == (["info@firma.example"], ["+49301234567"], ["de", "fr"])
    assert found.headquarters == Place(country="DE", city="Berlin")
    assert (found.services[0].name, found.services[0].currency, found.people[0].name) == ("Rental", "EUR", "Ada Weiß")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("website", "javascript:alert(1)"),
        ("maps_url", "https://me:secret@maps.example/"),
        ("social", ["ftp://x.example"]),
        ("emails", ["nobody at home"]),
        ("phones", ["030 1234567"]),
        ("faxes", ["12"]),
        ("languages", ["klingonisch"]),
        ("status", "asleep"),
        ("plan", "gold"),
        ("founded", 1492),
        ("founded", 9999),
        ("team_min", -1),
        ("projects_completed", 2**31),
        ("rating", Decimal("NaN")),
        ("headquarters", Place(country="Atlantis")),
        ("headquarters", Place(latitude=Decimal(1))),
        ("headquarters", Place(latitude=Decimal(91), longitude=Decimal(0))),
        ("headquarters", Place(latitude=Decimal("NaN"), longitude=Decimal(0))),
        ("service_places", [Place(country="ZZ")]),
        ("services", [Offering(name=" ")]),
        ("services", [Offering(name="Rental", category="magic")]),
        ("services", [Offering(name="Rental", price_from=Decimal(-1))]),
        ("services", [Offering(name="Rental", price_from=Decimal(2), price_to=Decimal(1))]),
        ("services", [Offering(name="Rental", currency="€")]),
        ("people", [Person(name="")]),
        ("certifications", [Certificate(name="")]),
        ("specialisations", [" "]),
        ("portfolio", [Project(name="Hall 1", year=3000)]),
        ("portfolio", [Project(name="Hall 1", country="Germany")]),
    ],
)
def test_what_has_no_such_form_is_refused_with_its_field(field: str, value: Any):
    record = Record(name="Stände Müller", **{field: value})
    with pytest.raises(ClientError) as error:
        tidied(Record(), record)
    assert (error.value.code, error.value.field) == ("invalid", field)
    # What came that way and is not touched stays: an old value must not stop whoever changes another.
    assert tidied(record, record) == record
