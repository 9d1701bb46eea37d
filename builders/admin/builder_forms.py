"""The form of a builder and its rows. They are read into values for the services, and save nothing themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.db.models import Model
from django.forms.models import BaseInlineFormSet, InlineForeignKeyField, construct_instance
from django.urls import reverse
from django.utils.html import format_html

from builders.comparing import FIELD_OF, FIELDS, plain
from builders.models import Builder, ContactPoint, Location, PortfolioProject
from builders.places import country_code
from builders.record import Certificate, Offering, Person, Place, Project
from builders.wording import field_label, language_name
from realtime.errors import ClientError

Values = dict[str, Any]
Kind = ContactPoint.Kind
_LISTS = {"language_names": "languages", "specialisation_names": "specialisations"}
_FORM_FIELDS = {field: name for name, field in _LISTS.items()}


class RowForm(forms.ModelForm):  # type: ignore[type-arg]  # only its stub is generic
    """Checks each field for itself. Constraints are settled by the service, which sees builder and rows together."""

    def _post_clean(self) -> None:
        opts = self._meta
        self.instance = construct_instance(self, self.instance, opts.fields, opts.exclude)
        exclude = self._get_validation_exclusions()  # type: ignore[attr-defined]  # private to Django's forms
        # The builder of a row may still have no key.
        exclude |= {name for name, field in self.fields.items() if isinstance(field, InlineForeignKeyField)}
        try:
            self.instance.clean_fields(exclude=exclude)
        except forms.ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]


class BuilderForm(RowForm):
    """`refusal` is what the service said to the same form a moment ago: see `BuilderAdmin.changeform_view`."""

    refusal: ClassVar[ClientError | None] = None
    website = forms.URLField(required=False, max_length=500, assume_scheme="https")
    language_names = forms.CharField(
        label="Languages", required=False, help_text="Names or codes with commas between them: German, en."
    )
    specialisation_names = forms.CharField(
        label="Specialisations", required=False, help_text="With commas between them: double-deck, medical."
    )
    seen_rev = forms.IntegerField(widget=forms.HiddenInput, required=False)
    unlock = forms.MultipleChoiceField(
        label="Unlock",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="These were set by hand, and no import changes them. Tick what the next import may replace.",
    )

    class Meta:
        model = Builder
        fields = (
            "name",
            "description",
            "website",
            "founded",
            "team_min",
            "team_max",
            "stand_min_m2",
            "stand_max_m2",
            "projects_completed",
            "rating",
            "review_count",
            "status",
            "plan",
            "is_verified",
            "is_featured",
            "is_active",
        )
        labels: ClassVar = {
            "team_min": "Team, at least",
            "team_max": "Team, at most",
            "stand_min_m2": "Stands from, m²",
            "stand_max_m2": "Stands to, m²",
            "review_count": "Votes",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        builder = self.instance
        locked = [(name, field_label(name)) for name in builder.locked_fields]
        if builder.pk is None:
            return
        self.initial.update(
            language_names=", ".join(map(language_name, builder.languages)),
            specialisation_names=", ".join(builder.specialisations.values_list("name", flat=True)),
            seen_rev=builder.rev,
        )
        if "unlock" in self.fields:
            self.fields["unlock"].choices = locked  # type: ignore[attr-defined]

    def clean(self) -> Values | None:
        cleaned = super().clean()
        if self.refusal is not None:
            field = _FORM_FIELDS.get(self.refusal.field or "", self.refusal.field)
            self.add_error(field if field in self.fields else None, self.refusal.message)
        present = Builder.objects.filter(pk=self.instance.pk).values_list("rev", flat=True).first()
        if present is not None and self.cleaned_data.get("seen_rev") != present:
            page = reverse("admin:builders_builder_change", args=[self.instance.pk])
            message = (
                "Somebody has saved this builder since you opened it, so nothing of yours is saved. "
                'What you typed still stands below. <a href="{}" target="_blank">Open it as it is now</a>, '
                "and put in what is missing there."
            )
            raise forms.ValidationError(format_html(message, page))
        return cleaned

    def values(self) -> Values:
        """Return the fields that were changed, under the names that the services know."""
        data = self.cleaned_data
        values: Values = {
            field: [text.strip() for text in data[name].split(",") if text.strip()]
            for name, field in _LISTS.items()
            if name in self.changed_data
        }
        for field in dict.fromkeys(FIELD_OF[name] for name in self.changed_data if name in FIELD_OF):
            attributes = [data[attribute] for attribute in FIELDS[field].attributes]
            # Nobody has voted: that is said by saying nothing.
            attributes = [None if value in ("", None) else plain(value) for value in attributes]
            values[field] = attributes if len(attributes) > 1 else attributes[0]
        if "rating" in values:
            values["rating"][1] = values["rating"][1] or None
        return values


class CountryTextField(forms.CharField):
    """A country by its name or code: a list of 249 in each row would weigh more than the rest of the page."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"required": False, "widget": forms.TextInput(attrs={"list": "country-names", "size": 16}), **options}
        )

    def prepare_value(self, value: Any) -> Any:
        return getattr(value, "name", value) or ""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        code = country_code(text) if text else ""
        if text and not code:
            raise forms.ValidationError("There is no such country.")
        return code

    def has_changed(self, initial: Any, data: Any) -> bool:
        before = getattr(initial, "code", initial) or ""
        return before != (country_code(data or "") or (data or "").strip())


class PlaceForm(RowForm):
    country = CountryTextField()

    class Meta:
        model = Location
        fields = ("country", "region", "city", "district", "street", "postcode", "latitude", "longitude")


class ProjectForm(RowForm):
    country = CountryTextField()

    class Meta:
        model = PortfolioProject
        fields = ("name", "trade_show", "year", "city", "country", "stand_m2")


class RowsFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    def validate_unique(self) -> None:
        return

    def rows(self) -> list[Any]:
        """Return the rows that shall be there, as model instances that were never saved."""
        return [form.instance for form in self.forms if self._is_kept(form)]

    def _is_kept(self, form: forms.ModelForm[Model]) -> bool:
        if form.instance.pk is None and not form.has_changed():
            return False
        return not form.cleaned_data.get("DELETE", False)


class HeadquartersFormSet(RowsFormSet):
    def values(self) -> Values:
        rows = self.rows()
        return {"headquarters": plain(place_of_row(rows[0])) if rows else None}


class ServicePlacesFormSet(RowsFormSet):
    def values(self) -> Values:
        return {"service_places": [plain(place_of_row(row)) for row in self.rows()]}


class ContactsFormSet(RowsFormSet):
    _FIELDS: ClassVar = {"emails": Kind.EMAIL, "phones": Kind.PHONE, "faxes": Kind.FAX, "social": Kind.SOCIAL}

    def values(self) -> Values:
        rows = sorted(self.rows(), key=lambda row: row.position or 0)
        values: Values = {
            field: [row.value for row in rows if row.kind == kind] for field, kind in self._FIELDS.items()
        }
        maps = [row.value for row in rows if row.kind == Kind.MAP]
        return values | {"maps_url": maps[0] if maps else None}


class PeopleFormSet(RowsFormSet):
    def values(self) -> Values:
        return {"people": [plain(Person(name=row.name, role=row.role)) for row in self.rows()]}


class ServicesFormSet(RowsFormSet):
    def values(self) -> Values:
        return {"services": [plain(_struct(Offering, row)) for row in self.rows()]}


class CertificationsFormSet(RowsFormSet):
    def values(self) -> Values:
        return {"certifications": [plain(_struct(Certificate, row)) for row in self.rows()]}


class PortfolioFormSet(RowsFormSet):
    """Projects are changed one by one, because pictures hang on them: `values` is for a builder that is new."""

    def edits(self) -> list[tuple[PortfolioProject, Project | None]]:
        """Return the rows that were added, changed or removed, with what they shall say; None to remove them."""
        edited: list[tuple[PortfolioProject, Project | None]] = []
        for form in self.forms:
            if form.instance.pk is not None and form.cleaned_data.get("DELETE", False):
                edited.append((form.instance, None))
            elif form.has_changed() and self._is_kept(form):
                edited.append((form.instance, _struct(Project, form.instance, country=_code(form.instance))))
        return edited

    def values(self) -> Values:
        return {"portfolio": [plain(_struct(Project, row, country=_code(row))) for row in self.rows()]}


def place_of_row(row: Location) -> Place:
    return _struct(Place, row, country=_code(row))  # type: ignore[no-any-return]


def changed_values(form: BuilderForm, formsets: Iterable[Any]) -> Values:
    """Return what was changed on the whole page."""
    values = form.values()
    for formset in formsets:
        if formset.has_changed():
            values |= formset.values()
    return values


def _code(row: Location | PortfolioProject) -> str:
    return str(getattr(row.country, "code", row.country) or "")


def _struct(kind: type[Any], row: Model, **values: Any) -> Any:
    """Return a row as the value of its kind, which has the same names."""
    fields = kind.__struct_fields__
    return kind(**{name: values[name] if name in values else getattr(row, name) for name in fields})
