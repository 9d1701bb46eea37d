"""One row on its way to a `Record`: what its cells said so far."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from builders.importing.cells import Range
from builders.record import Problem

_LONGEST_QUOTE: Final = 200

# What is wrong with a cell, in words for the person who has to mend the file.
MESSAGES: Final = {
    "no_name": "The row has no name of a firm.",
    "no_firm": "This is a total or a remark below the table, and no firm.",
    "too_many_cells": "The row has more cells than the header has columns, so that some have moved.",
    "too_long": "This is longer than the directory takes.",
    "not_a_name": "This is no name.",
    "bad_email": "This is no e-mail address.",
    "bad_phone": "This is no phone number that exists.",
    "phone_without_country": "This number has no country code, and neither the row nor the import names a country.",
    "mangled_number": "A spreadsheet has changed this value; what it was cannot be told from it.",
    "bad_url": "This is no address of the web.",
    "unsafe_url": "Only http and https addresses without a name and password are taken.",
    "unknown_country": "No country of this name or code is known.",
    "country_conflict": "The columns of this row name two countries; the first is taken.",
    "bad_coordinate": "Latitude and longitude are degrees, up to 90 and 180, and come together.",
    "bad_number": "This is no number and no range of numbers.",
    "bad_year": "This is no year between 1900 and now.",
    "bad_rating": "A rating is a number from 0 to 5.",
    "bad_yes_no": "This is neither yes nor no.",
    "bad_json": "This is no JSON object.",
    "unknown_status": "It is not known what this says of the firm.",
    "unknown_plan": "There is no plan of this name.",
    "unknown_language": "No language of this name or code is known.",
}
ERRORS: Final = frozenset({"no_name", "no_firm", "too_many_cells"})


class Column:
    """One column that is read: where it stands, what it is called and which field it is."""

    __slots__ = ("field", "header", "index")

    def __init__(self, index: int, header: str, field: str) -> None:
        self.index, self.header, self.field = index, header, field


class Row:
    """The parts of one record.

    `default_region` is the country for phones where the row names none, `headers` has the first column of each field.
    """

    __slots__ = (
        "address", "certifications", "city", "contact", "country", "default_region", "description", "district",
        "emails", "extra", "faxes", "first_name", "founded", "headers", "hours", "images", "is_verified", "key",
        "languages", "last_name", "latest_year", "latitude", "lines", "longitude", "maps_url", "name", "phones",
        "place_id", "plan", "postcode", "problems", "projects", "rating", "region", "reviews", "role", "served_cities",
        "served_countries", "services", "social", "specialisations", "stand", "status", "team", "website",
    )  # fmt: skip

    def __init__(self, default_region: str, latest_year: int, headers: dict[str, str]) -> None:
        self.default_region, self.latest_year, self.headers = default_region, latest_year, headers
        # The name of the place at Google, where the source has its own or none.
        self.place_id = ""
        self.key = self.name = self.description = self.website = self.maps_url = ""
        self.country = self.region = self.city = self.district = self.postcode = self.address = ""
        self.contact = self.first_name = self.last_name = self.role = ""
        self.status = self.plan = ""
        self.problems: list[Problem] = []
        self.emails: list[str] = []
        self.phones: list[str] = []
        self.faxes: list[str] = []
        self.social: list[str] = []
        self.lines: list[str] = []
        self.services: list[str] = []
        self.specialisations: list[str] = []
        self.certifications: list[str] = []
        self.languages: list[str] = []
        self.images: list[str] = []
        # Cities that are served, each with the country that was written beside it, or "".
        self.served_cities: list[tuple[str, str]] = []
        self.served_countries: list[str] = []
        self.hours: dict[str, object] = {}
        self.extra: dict[str, object] = {}
        self.latitude: Decimal | None = None
        self.longitude: Decimal | None = None
        self.rating: Decimal | None = None
        self.reviews: int | None = None
        self.founded: int | None = None
        self.projects: int | None = None
        self.team: Range = (None, None)
        self.stand: Range = (None, None)
        self.is_verified: bool | None = None

    @property
    def phone_region(self) -> str:
        return self.country or self.default_region

    def complain(self, column: Column, code: str, cell: str) -> None:
        """Note what is wrong with a cell. What is wrong with it is left out, unless the code says otherwise."""
        self.problems.append(problem(code, column.header, cell, column.field))

    def complain_of(self, field: str, code: str, cell: str = "") -> None:
        """Note what is wrong with a field as a whole, whichever cells said it."""
        self.problems.append(problem(code, self.headers.get(field, ""), cell, field))


def problem(code: str, column: str, cell: str = "", field: str = "") -> Problem:
    return Problem(
        column=column,
        code=code,
        message=MESSAGES[code],
        cell=cell[:_LONGEST_QUOTE],
        field=field,
        is_error=code in ERRORS,
    )
