"""A builder and what belongs to it. Folded columns hold `builders.folding.fold` of their neighbour, for matching."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django_countries.fields import CountryField

from builders.models.fields import ProvenanceText
from realtime.ids import new_uid


def portfolio_path(image: PortfolioImage, name: str) -> str:
    """Return where a picture lies: under a name of ours, whatever the uploaded file was called."""
    return f"portfolio/{new_uid()}.webp"


class Specialisation(models.Model):
    """A kind of stand or trade, such as *double-deck* or *medical*."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class BuilderQuerySet(models.QuerySet["Builder"]):
    def listed(self) -> Self:
        """What the directory shows: active, and not merged into another."""
        return self.filter(is_active=True, merged_into=None)


class Builder(models.Model):
    """A firm that builds stands.

    `rev` counts the writes to the record and everything that belongs to it: an import that was previewed at one `rev`
    does not overwrite a later one. `provenance` says of each field where its value came from:
    `{field: {"source", "rank", "job", "row", "at"}}`; `locked_fields` names those that were set by hand and that no
    import changes.
    """

    class Plan(models.TextChoices):
        FREE = "free"
        BASIC = "basic"
        PROFESSIONAL = "professional"
        ENTERPRISE = "enterprise"

    class Status(models.TextChoices):
        """Whether the firm does business, as its sources say."""

        UNKNOWN = "", "not known"
        OPERATIONAL = "operational"
        CLOSED_TEMPORARILY = "closed_temporarily", "closed for a time"
        CLOSED = "closed", "closed for good"

    class ClaimState(models.TextChoices):
        UNCLAIMED = "unclaimed"
        PENDING = "pending"
        CLAIMED = "claimed"

    uid = models.CharField(max_length=16, default=new_uid, editable=False)
    name = models.CharField(max_length=200)
    name_folded = models.CharField(max_length=400, editable=False)
    slug = models.SlugField(max_length=120, db_index=False)
    description = models.TextField(blank=True, max_length=10_000)
    website = models.URLField(max_length=500, blank=True)
    # The registrable domain of the website; empty for link pages and free hosts, which many firms share.
    domain = models.CharField(max_length=253, blank=True, editable=False)
    languages = models.JSONField(default=list, blank=True, help_text="ISO 639-1 codes.")
    founded = models.PositiveSmallIntegerField(null=True, blank=True)
    team_min = models.PositiveIntegerField(null=True, blank=True)
    team_max = models.PositiveIntegerField(null=True, blank=True)
    stand_min_m2 = models.PositiveIntegerField(null=True, blank=True)
    stand_max_m2 = models.PositiveIntegerField(null=True, blank=True)
    projects_completed = models.PositiveIntegerField(null=True, blank=True)
    rating = models.DecimalField(
        max_digits=2, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(5)]
    )
    review_count = models.PositiveIntegerField(default=0)
    # The rating drawn towards the mean where few have voted; what lists are sorted by.
    weighted_rating = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal(0), editable=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.UNKNOWN, blank=True)
    is_verified = models.BooleanField("verified", default=False)
    is_featured = models.BooleanField("featured", default=False)
    is_active = models.BooleanField("active", default=True)
    plan = models.CharField(max_length=12, choices=Plan, default=Plan.FREE)
    claim_state = models.CharField(max_length=9, choices=ClaimState, default=ClaimState.UNCLAIMED, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="builders",
        db_index=False,
    )
    specialisations = models.ManyToManyField(Specialisation, blank=True, related_name="builders")
    search_text = models.TextField(blank=True, editable=False)
    provenance = ProvenanceText(default=dict, editable=False)
    locked_fields = models.JSONField(default=list, blank=True, editable=False)
    legacy_extra = models.JSONField(default=dict, editable=False)
    rev = models.BigIntegerField(default=1, editable=False)
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="merged",
        editable=False,
        db_index=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BuilderQuerySet.as_manager()

    class Meta:
        # An import pays for each index with every row. `unique=True` and `db_index=True` would make two of each on
        # PostgreSQL, the second for LIKE, which nobody asks, and a foreign key an entry for every NULL.
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["uid"], name="builder_uid_once"),
            models.UniqueConstraint(fields=["slug"], name="builder_slug_once"),
            models.CheckConstraint(
                condition=Q(team_min=None) | Q(team_max=None) | Q(team_max__gte=models.F("team_min")),
                name="team_range_in_order",
            ),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__gte=0, rating__lte=5), name="rating_from_0_to_5"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name_folded"], name="builders_by_name"),
            models.Index(fields=["domain"], name="builders_by_domain"),
            models.Index(fields=["owner"], condition=Q(owner__isnull=False), name="builders_by_owner"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="builders_merged"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("builders:builder", args=[self.slug])

    @property
    def headquarters(self) -> Location | None:
        """The headquarters, from `locations` where these were prefetched."""
        return next((place for place in self.locations.all() if place.is_headquarters), None)


class FormerSlug(models.Model):
    """A slug that a builder had once: links to it lead on to the present one."""

    slug = models.SlugField(max_length=120, unique=True)
    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="former_slugs")

    def __str__(self) -> str:
        return self.slug


class Location(models.Model):
    """A place where the builder sits or works. One at most is the headquarters; the others are service areas."""

    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="locations")
    is_headquarters = models.BooleanField("headquarters", default=False)
    country = CountryField(blank=True)
    region = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=120, blank=True)
    city_folded = models.CharField(max_length=240, blank=True, editable=False)
    district = models.CharField(max_length=120, blank=True)
    street = models.CharField(max_length=300, blank=True)
    street_folded = models.CharField(max_length=600, blank=True, editable=False)
    postcode = models.CharField(max_length=20, blank=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["builder"], condition=Q(is_headquarters=True), name="one_headquarters_per_builder"
            ),
            models.UniqueConstraint(
                fields=["builder", "country", "city_folded"],
                condition=Q(is_headquarters=False),
                name="one_service_area_per_city",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["country", "city_folded", "builder"])]

    def __str__(self) -> str:
        return ", ".join(part for part in (self.city, self.country.name if self.country else "") if part)


class ContactPoint(models.Model):
    """An address or a number. Phones and faxes are E.164, e-mail addresses lower case."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        PHONE = "phone"
        FAX = "fax"
        MAP = "map", "map link"
        SOCIAL = "social", "social profile"

    # The unique constraint below begins with it, and is its index.
    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="contact_points", db_index=False)
    kind = models.CharField(max_length=6, choices=Kind)
    value = models.CharField(max_length=500)
    position = models.PositiveSmallIntegerField(default=0, help_text="0 is the primary one.")

    class Meta:
        ordering: ClassVar = ["kind", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["builder", "kind", "value"], name="contact_point_once_per_builder")
        ]
        indexes: ClassVar = [models.Index(fields=["value", "kind"])]

    def __str__(self) -> str:
        return self.value


class ContactPerson(models.Model):
    """Whom to ask for."""

    # The unique constraint below begins with it, and is its index.
    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="contact_people", db_index=False)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["builder", "name"], name="contact_person_once_per_builder")
        ]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """What the builder does, and for how much."""

    class Category(models.TextChoices):
        DESIGN = "design"
        CONSTRUCTION = "construction"
        MODULAR = "modular", "modular stands"
        RENTAL = "rental"
        LOGISTICS = "logistics"
        INSTALLATION = "installation", "installation and dismantling"
        GRAPHICS = "graphics"
        TECHNOLOGY = "technology"
        MANAGEMENT = "management", "project management"
        OTHER = "other"

    # The unique constraint below begins with it, and is its index.
    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="services", db_index=False)
    category = models.CharField(max_length=12, choices=Category, default=Category.OTHER)
    name = models.CharField(max_length=120)
    name_folded = models.CharField(max_length=240, editable=False)
    description = models.CharField(max_length=500, blank=True)
    price_from = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    price_to = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217.")
    unit = models.CharField(max_length=40, blank=True, help_text="Such as m² or project.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["builder", "name_folded"], name="service_once_per_builder")
        ]

    def __str__(self) -> str:
        return self.name


class Certification(models.Model):
    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="certifications")
    name = models.CharField(max_length=160)
    issuer = models.CharField(max_length=160, blank=True)
    valid_until = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class PortfolioProject(models.Model):
    """A stand that was built."""

    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="portfolio")
    name = models.CharField(max_length=160)
    trade_show = models.CharField(max_length=160, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    city = models.CharField(max_length=120, blank=True)
    country = CountryField(blank=True)
    stand_m2 = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-year", "id"]

    def __str__(self) -> str:
        return self.name


class PortfolioImage(models.Model):
    """A picture of a project, encoded anew on arrival: nothing of the uploaded file but its pixels is kept."""

    project = models.ForeignKey(PortfolioProject, on_delete=models.CASCADE, related_name="images")
    file = models.ImageField(upload_to=portfolio_path, width_field="width", height_field="height")
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    caption = models.CharField(max_length=160, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.caption or self.file.name
