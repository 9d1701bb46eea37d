"""What belongs to a builder, as rows on its page. Their rights are those on the builder itself."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import QuerySet
from django.http import HttpRequest

from builders.admin import builder_forms as forms
from builders.models import (
    Builder,
    Certification,
    ContactPerson,
    ContactPoint,
    Location,
    PortfolioProject,
    Service,
)


class RowsInline(admin.StackedInline):  # type: ignore[type-arg]  # only its stub is generic
    """Rows that can be changed as long as there are few: a form has room for so many fields, and no more.

    What has more places or services than `most` came by an import or the API, and is changed there.
    """

    extra = 0
    most = 30
    show_change_link = False
    classes: tuple[str, ...] = ("collapse",)

    def _has_room(self, builder: Builder | None) -> bool:
        return builder is None or builder.pk is None or self._rows(builder).count() <= self.most

    def _rows(self, builder: Builder) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._default_manager.filter(builder=builder)
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Builder | None = None) -> Any:
        return () if self._has_room(obj) else tuple(flatten(self.fields or ()))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("builders.view_builder") or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj) and self._has_room(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("builders.change_builder" if obj else "builders.add_builder")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)


class HeadquartersInline(RowsInline):
    model = Location
    form = forms.PlaceForm
    formset = forms.HeadquartersFormSet
    verbose_name = verbose_name_plural = "headquarters"
    max_num = 1
    classes = ()
    fields = (("street", "postcode"), ("city", "district"), ("region", "country"), ("latitude", "longitude"))

    def _rows(self, builder: Builder) -> QuerySet[Any]:
        return super()._rows(builder).filter(is_headquarters=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        return super().get_queryset(request).filter(is_headquarters=True)


class ServicePlacesInline(RowsInline):
    model = Location
    form = forms.PlaceForm
    formset = forms.ServicePlacesFormSet
    verbose_name, verbose_name_plural = "service area", "service areas"
    most = 60
    fields = (("city", "country"),)

    def _rows(self, builder: Builder) -> QuerySet[Any]:
        return super()._rows(builder).filter(is_headquarters=False)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        return super().get_queryset(request).filter(is_headquarters=False)


class ContactsInline(RowsInline):
    model = ContactPoint
    form = forms.RowForm
    formset = forms.ContactsFormSet
    verbose_name, verbose_name_plural = "contact", "contacts"
    classes = ()
    fields = (("kind", "value", "position"),)


class PeopleInline(RowsInline):
    model = ContactPerson
    form = forms.RowForm
    formset = forms.PeopleFormSet
    verbose_name, verbose_name_plural = "contact person", "contact people"
    fields = (("name", "role"),)


class ServicesInline(RowsInline):
    model = Service
    form = forms.RowForm
    formset = forms.ServicesFormSet
    fields = (("name", "category"), "description", ("price_from", "price_to", "currency", "unit"))


class CertificationsInline(RowsInline):
    model = Certification
    form = forms.RowForm
    formset = forms.CertificationsFormSet
    fields = (("name", "issuer", "valid_until"),)


class PortfolioInline(RowsInline):
    model = PortfolioProject
    form = forms.ProjectForm
    formset = forms.PortfolioFormSet
    verbose_name, verbose_name_plural = "project", "portfolio"
    fields = (("name", "trade_show"), ("year", "stand_m2"), ("city", "country"))


INLINES = (
    HeadquartersInline,
    ContactsInline,
    PeopleInline,
    ServicePlacesInline,
    ServicesInline,
    CertificationsInline,
    PortfolioInline,
)
