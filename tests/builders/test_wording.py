"""Nobody who is no programmer is shown a code, or the name of an attribute."""

from __future__ import annotations

from typing import Any

import pytest

from builders.comparing import FIELDS
from builders.record import Record
from builders.wording import field_label, value_text

pytestmark = pytest.mark.backend("sqlite")

CASES: tuple[tuple[str, Any, str], ...] = (
    ("languages", ["de", "zh", "xx"], "German, Chinese, xx"),
    ("headquarters", {"country": "DE", "city": "Köln"}, "Germany, Köln"),
    ("service_places", [{"country": "IT"}, {"city": "Lyon", "country": "FR"}], "Italy, Lyon, France"),
    ("status", "closed_temporarily", "closed for a time"),
    ("is_verified", False, "no"),
    ("services", [{"name": "Rental", "category": "rental"}, {"name": "X", "category": "other"}], "Rental, X"),
    ("services", {"name": "Hire", "category": "modular"}, "Hire, modular stands"),
    ("services", {"name": "A", "price_from": "60.00", "price_to": "1400.5", "currency": "EUR"}, "A, 60–1,400.50 EUR"),
    ("services", {"name": "A", "price_from": "95.00", "unit": "m²"}, "A, from 95 per m²"),
    ("services", {"name": "A", "price_from": None, "price_to": "7", "currency": "CHF"}, "A, up to 7 CHF"),
    ("services", {"name": "A", "price_from": "dear"}, "A, from dear"),
    ("portfolio", {"name": "Tower", "stand_m2": 1240}, "Tower, 1,240 m²"),
    ("founded", 1999, "1999"),
    ("projects_completed", 0, "0"),
    ("emails", [], ""),
    ("extra", {"a": None}, ""),
)


def test_values_are_said_in_words() -> None:
    assert [(field, value_text(value, field)) for field, value, _ in CASES] == [
        (field, said) for field, _, said in CASES
    ]


def test_fields_are_called_by_words() -> None:
    labels = [field_label(name) for name in (*FIELDS, *Record.__struct_fields__)]
    assert not [label for label in labels if "_" in label or label.startswith("is ")]
    assert field_label("service_places") == "service areas"
