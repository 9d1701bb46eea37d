"""The forms of the owner's pages, one for each section: read from a record, and into values for the services.

They check shapes. What a telephone number is, or a price, `builders.tidying` says to everybody who enters one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

import msgspec
from django import forms
from django.forms import BaseFormSet, formset_factory
from django.forms.formsets import DELETION_FIELD_NAME
from django_countries import countries

from builders.models import Service
from builders.places import city_key, country_code
from builders.record import Certificate, Offering, Person, Place, Project, Record
from builders.wording import language_name
from realtime.errors import ClientError

Values = dict[str, Any]
Data = Mapping[str, Any] | None
_EMPTY_ROWS = 2
_MOST_ROWS = 60


class LinesField(forms.CharField):
    """A list, one item a line."""

    def __init__(self, rows: int = 2, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "dir": "auto"})
        super().__init__(**{"required": False, "widget": widget, "max_length": 5000, **options})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class CountryField(forms.CharField):
    """A country by its name or code, offered by a list of the page: 249 choices in each row would outweigh the rest."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"list": "country-names", "autocomplete": "country-name"})
        super().__init__(**{"required": False, "max_length": 80, "widget": widget, **options})

    def prepare_value(self, value: Any) -> Any:
        # Asked for the name of a "²", the list of countries takes it for a number.
        return countries.name(value) or value if isinstance(value, str) and value.isascii() else value

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        code = country_code(text)
        if text and not code:
            raise forms.ValidationError("This is no country that we know.")
        return code


def _text(most: int, label: str = "", **options: Any) -> forms.CharField:
    attrs = {"dir": "auto", **options.pop("attrs", {})}
    return forms.CharField(
        label=label or None, required=False, max_length=most, widget=forms.TextInput(attrs=attrs), **options
    )


def _number(label: str, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, **options)


def _price(label: str) -> forms.DecimalField:
    return forms.DecimalField(label=label, required=False, min_value=0, max_digits=12, decimal_places=2)


# --- rows ----------------------------------------------------------------------------------------------------------


class RowForm(forms.Form):
    """One of many. An empty row is taken out; one that says something needs its `key`, where it has one."""

    key: ClassVar[str] = "name"
    struct: ClassVar[type[msgspec.Struct]]

    def clean(self) -> Values:
        cleaned: Values = super().clean() or self.cleaned_data
        if self.key and not cleaned.get(self.key) and any(cleaned.get(name) for name in self.said()):
            self.add_error(self.key, "Fill this in, or empty the whole row.")
        return cleaned

    def is_empty(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in ([self.key] if self.key else self.said()))

    def said(self) -> Iterable[str]:
        """Return the fields that say something; the others have a value from the start."""
        return self.base_fields

    def item(self) -> msgspec.Struct:
        return self.struct(**{name: self.cleaned_data[name] for name in self.base_fields})


class Rows(BaseFormSet):  # type: ignore[type-arg]  # only its stub is generic
    """Rows that are there can be ticked to be taken out: to empty seven fields on a phone is no way to do it."""

    def add_fields(self, form: forms.Form, index: int | None) -> None:
        super().add_fields(form, index)
        if DELETION_FIELD_NAME in form.fields:
            form.fields[DELETION_FIELD_NAME].label = "Take this out when saving"


class PersonRow(RowForm):
    struct = Person
    name = _text(120, "Name", attrs={"autocomplete": "off"})
    role = _text(120, "Role")


class OfferingRow(RowForm):
    struct = Offering
    name = _text(120, "Service")
    category = forms.ChoiceField(choices=Service.Category, initial=Service.Category.OTHER)
    description = _text(500, "What it is")
    price_from = _price("Price from")
    price_to = _price("Price to")
    currency = _text(3, "Currency", attrs={"placeholder": "EUR", "autocapitalize": "characters"})
    unit = _text(40, "For one", attrs={"placeholder": "m²"})

    def said(self) -> Iterable[str]:
        return ("description", "price_from", "price_to")


class CertificateRow(RowForm):
    struct = Certificate
    name = _text(160, "Certificate")
    issuer = _text(160, "Issued by")
    valid_until = forms.DateField(
        label="Valid until", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class AreaRow(RowForm):
    # A whole country is an area, too.
    key = ""
    struct = Place
    city = _text(120, "City")
    country = CountryField(label="Country")


class ProjectForm(forms.Form):
    """One project, on a page of its own."""

    name = forms.CharField(label="Name of the stand", max_length=160, widget=forms.TextInput(attrs={"dir": "auto"}))
    trade_show = _text(160, "Trade show")
    year = _number("Year")
    city = _text(120, "City")
    country = CountryField(label="Country")
    stand_m2 = _number("Size in m²")

    def project(self) -> Project:
        return Project(**self.cleaned_data)

    def add_refusal(self, error: ClientError) -> None:
        self.add_error(error.field if error.field in self.fields else None, error.message)


# --- sections ------------------------------------------------------------------------------------------------------


class Section(forms.Form):
    """A page of the profile: fields, and rows where `row` is set. `writes` are the fields that it may change."""

    title: ClassVar[str]
    writes: ClassVar[tuple[str, ...]]
    row: ClassVar[type[RowForm] | None] = None
    row_title: ClassVar[str] = ""

    def __init__(self, record: Record, data: Data = None) -> None:
        self.record = record
        super().__init__(data, initial=self.read(record))
        self.rows: BaseFormSet[Any] | None = None
        if self.row is not None:
            factory = formset_factory(
                self.row,
                formset=Rows,
                extra=_EMPTY_ROWS,
                max_num=_MOST_ROWS,
                absolute_max=2 * _MOST_ROWS,
                can_delete=True,
                can_delete_extra=False,
            )
            items = [msgspec.structs.asdict(item) for item in self.items(record)]
            self.rows = factory(data, initial=items, prefix="row", form_kwargs={"use_required_attribute": False})

    def read(self, record: Record) -> Values:
        """Return what the fields show."""
        return {name: getattr(record, name) for name in self.base_fields}

    def items(self, record: Record) -> list[Any]:
        """Return what the rows show."""
        return []

    def values(self) -> Values:
        """Return what is to be written, under the names that the services know."""
        raise TypeError(f"{type(self).__name__} says nothing.")

    def is_valid(self) -> bool:
        return super().is_valid() and (self.rows is None or self.rows.is_valid())

    def row_items(self) -> list[Any]:
        forms_with_data = cast(list[RowForm], self.rows.forms) if self.rows is not None else []
        kept = [form for form in forms_with_data if not form.cleaned_data.get(DELETION_FIELD_NAME)]
        return [form.item() for form in kept if not form.is_empty()]

    def add_refusal(self, error: ClientError) -> None:
        self.add_error(error.field if error.field in self.fields else None, error.message)


class About(Section):
    title = "About the firm"
    writes = ("name", "description", "website", "founded", "team", "stand", "languages")
    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"dir": "auto"}))
    description = forms.CharField(
        required=False,
        max_length=10_000,
        help_text="What do you build, for whom, and what are you known for?",
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )
    website = _text(500, attrs={"inputmode": "url", "dir": "ltr"})
    languages = LinesField(rows=3, help_text="That you speak with customers, one a line.")
    founded = _number("Founded in")
    team_min = _number("People, at least")
    team_max = _number("People, at most")
    stand_min_m2 = _number("Smallest stand in m²")
    stand_max_m2 = _number("Largest stand in m²")

    def read(self, record: Record) -> Values:
        return super().read(record) | {"languages": [language_name(code) for code in record.languages]}

    def values(self) -> Values:
        data = self.cleaned_data
        values: Values = {name: data[name] or None for name in ("website", "founded", "languages")}
        for name, ends in (("team", ("team_min", "team_max")), ("stand", ("stand_min_m2", "stand_max_m2"))):
            pair = [data[end] for end in ends]
            values[name] = None if pair == [None, None] else pair
        description = data["description"].replace("\r\n", "\n")
        return {"name": data["name"], "description": description or None, **values}


class Contacts(Section):
    title = "Contacts"
    writes = ("emails", "phones", "social", "people")
    row, row_title = PersonRow, "Whom to ask for"
    emails = LinesField(label="E-mail addresses", help_text="One a line, the most important first.")
    phones = LinesField(label="Telephone numbers", help_text="With the code of the country: +49 30 1234567.")
    social = LinesField(label="Social profiles", help_text="The addresses of your pages elsewhere, one a line.")

    def items(self, record: Record) -> list[Any]:
        return list(record.people)

    def values(self) -> Values:
        lists = {name: self.cleaned_data[name] or None for name in ("emails", "phones", "social")}
        return {**lists, "people": self.row_items() or None}


class Places(Section):
    title = "Places"
    writes = ("headquarters", "service_places")
    row, row_title = AreaRow, "Where else you build"
    street = _text(300, "Street and number", attrs={"autocomplete": "street-address"})
    postcode = _text(20, "Postcode", attrs={"autocomplete": "postal-code"})
    city = _text(120, "City", attrs={"autocomplete": "address-level2"})
    region = _text(120, "Region or state")
    country = CountryField(label="Country")

    def read(self, record: Record) -> Values:
        place = record.headquarters or Place()
        return {name: getattr(place, name) for name in self.base_fields}

    def items(self, record: Record) -> list[Any]:
        return list(record.service_places)

    def values(self) -> Values:
        place = self.record.headquarters or Place()
        said = msgspec.structs.replace(place, **self.cleaned_data)
        if any(getattr(said, name) != getattr(place, name) for name in ("street", "city", "country")):
            # The point on the map, and the part of town, were those of the old address.
            said = msgspec.structs.replace(said, latitude=None, longitude=None, district="")
        known = {_city(item): item for item in self.record.service_places}
        areas = [known.get(_city(item), item) for item in self.row_items()]
        return {"headquarters": said if said != Place() else None, "service_places": areas or None}


class Services(Section):
    title = "Services and prices"
    writes = ("specialisations", "services")
    row, row_title = OfferingRow, "What you do"
    specialisations = LinesField(rows=3, help_text="Such as double-deck or medical, one a line.")

    def items(self, record: Record) -> list[Any]:
        return list(record.services)

    def values(self) -> Values:
        return {"specialisations": self.cleaned_data["specialisations"] or None, "services": self.row_items() or None}


class Certificates(Section):
    title = "Certificates"
    writes = ("certifications",)
    row, row_title = CertificateRow, "What you are certified for"

    def items(self, record: Record) -> list[Any]:
        return list(record.certifications)

    def values(self) -> Values:
        return {"certifications": self.row_items() or None}


def _city(place: Place) -> tuple[str, str]:
    return place.country, city_key(place.city)


SECTIONS: dict[str, type[Section]] = {
    "about": About,
    "contacts": Contacts,
    "places": Places,
    "services": Services,
    "certificates": Certificates,
}
