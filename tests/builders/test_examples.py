"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")


@pytest.mark.parametrize(
    "name",
    [
        "builders.folding",
        "builders.places",
        "builders.contact",
        "builders.phones",
        "builders.importing.cells",
        "builders.importing.headers",
        "builders.importing.service_names",
        "builders.words",
    ],
)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert result.failed == 0
