"""Builders into the database, from plain values: the one place that writes their rows and what follows from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
from django.db import models

from builders.comparing import differing_fields, specialisation_slug
from builders.deriving import Derived, derive
from builders.folding import fold, fold_often, street_key
from builders.models import (
    Builder,
    Certification,
    ContactPerson,
    ContactPoint,
    Location,
    PortfolioProject,
    Service,
    SourceKey,
    Specialisation,
)
from builders.models.fields import ProvenanceText
from builders.places import city_key
from builders.record import Place, Project, Record
from builders.services.listing import Listings, Relistings
from builders.services.stored import Stored
from builders.services.tables import (
    Ready,
    Row,
    among,
    delete_rows,
    fetch,
    insert_rows,
    is_postgres,
    listed,
    new_ids,
    update_rows,
    upsert_rows,
    with_column,
)

T = TypeVar("T")
Kind = ContactPoint.Kind
_encode = msgspec.json.encode
_BLOCK = 50

_BUILDER = """
    id rev is_featured is_active claim_state owner_id merged_into_id provenance locked_fields updated_at name
    description website languages founded team_min team_max stand_min_m2 stand_max_m2 projects_completed rating
    review_count status is_verified plan legacy_extra name_folded domain search_text weighted_rating
""".split()
_NEW_BUILDER = [*_BUILDER, "uid", "created_at", "slug"]


class Table(NamedTuple):
    """A table of what belongs to a builder; `where`: in which of its rows, in SQL."""

    model: type[models.Model]
    columns: tuple[str, ...]
    where: str = ""


# With the ids of their builders.
Records = Iterable[tuple[int, Record]]


class Child(NamedTuple):
    """The fields that a table keeps, and the rows in it of some builders.

    `rows` makes those of all at once: most have nothing in most tables, and a call for each would say so.
    """

    table: Table
    fields: frozenset[str]
    rows: Callable[[Records], list[Row]]


def insert(builders: Sequence[Stored]) -> None:
    """Insert builders with everything that belongs to them; those without an id get one. Uids and slugs are there."""
    are_new = not any(builder.id for builder in builders)
    give_ids(builders)
    insertion = Insertion(builders)
    insertion.write_names([builder.slug for builder in builders])
    insertion.write_rest(are_new=are_new)
    if are_new:
        # A key that somebody has taken since the caller looked is refused, and not taken away again.
        insert_rows(SourceKey, KEY_COLUMNS, _key_rows(builders))
    else:
        write_keys(builders)


def replace(changes: Sequence[tuple[Stored, Stored]]) -> None:
    """Write builders anew, as pairs of what stands there and what shall. Tables that stay alike are not touched."""
    replacement = Replacement(changes)
    replacement.write_names()
    replacement.write_rest()


def give_ids(builders: Sequence[Stored]) -> None:
    nameless = [builder for builder in builders if not builder.id]
    for builder, pk in zip(nameless, new_ids(Builder, len(nameless)), strict=True):
        builder.id = pk


class Insertion:
    """The rows of new builders, which have their ids, without those of their keys. To make them asks no database."""

    def __init__(self, builders: Iterable[Stored]) -> None:
        self._rows, self._listings, self._specialisations = Ready(), Listings(), _Specialisations()
        self._children: dict[tuple[type[models.Model], tuple[str, ...]], Ready] = defaultdict(Ready)
        for block in _blocks(builders):
            self._add(block)

    def _add(self, builders: Sequence[Stored]) -> None:
        derived = [derive(builder.record) for builder in builders]
        self._rows.add(
            [
                (*_columns(builder, follows), builder.uid, builder.created_at)
                for builder, follows in zip(builders, derived, strict=True)
            ]
        )
        self._listings.add(builders, derived)
        records = [(builder.id, builder.record) for builder in builders]
        rows: dict[tuple[type[models.Model], tuple[str, ...]], list[Row]] = defaultdict(list)
        for child in _CHILDREN:
            rows[child.table[:2]] += child.rows(records)
        rows[PortfolioProject, _PROJECT_COLUMNS] += _project_rows((pk, record.portfolio) for pk, record in records)
        for table, found in rows.items():
            self._children[table].add(found)
        self._specialisations.add(builders)

    def write_names(self, slugs: Sequence[str]) -> None:
        """Write what other builders must not have, too. `slugs` are those of the builders, in the same order."""
        insert_rows(Builder, _NEW_BUILDER, with_column(self._rows, slugs))
        self._specialisations.write_names()

    def write_rest(self, *, are_new: bool = True) -> None:
        """Write what belongs to them alone. `are_new`: nobody has had these ids before."""
        for (model, columns), rows in self._children.items():
            insert_rows(model, columns, rows)
        self._specialisations.link()
        self._listings.write(are_new=are_new)


class Replacement:
    """The rows of builders that change: the builder's own, and those of the tables in which something differs."""

    def __init__(self, changes: Iterable[tuple[Stored, Stored]]) -> None:
        self._rows, self._listings, self._specialisations = Ready(), Relistings(), _Specialisations()
        # With the builders that lose the rows they have.
        self._children: list[tuple[Table, list[int], Ready]] = [(child.table, [], Ready()) for child in _CHILDREN]
        self._respecialised: list[int] = []
        self._portfolios: list[tuple[int, list[Project], list[Project]]] = []
        for block in _blocks(changes):
            self._add(block)

    def _add(self, changes: Sequence[tuple[Stored, Stored]]) -> None:
        derived = [derive(after.record) for _, after in changes]
        self._rows.add([_columns(after, follows) for (_, after), follows in zip(changes, derived, strict=True)])
        differing = [differing_fields(before.record, after.record) for before, after in changes]
        self._listings.add(changes, differing, derived)
        anew = [(before, after, fields) for (before, after), fields in zip(changes, differing, strict=True)]
        for child, (_, emptied, rows) in zip(_CHILDREN, self._children, strict=True):
            touched = [(before, after) for before, after, fields in anew if not child.fields.isdisjoint(fields)]
            if touched:
                losing, coming = _renewal(child, touched)
                emptied.extend(losing)
                rows.add(coming)
        respecialised = [after for _, after, fields in anew if "specialisations" in fields]
        self._respecialised += [builder.id for builder in respecialised]
        self._specialisations.add(respecialised)
        self._portfolios += [
            (after.id, before.record.portfolio, after.record.portfolio)
            for before, after, fields in anew
            if "portfolio" in fields
        ]

    def write_names(self) -> None:
        """Write what other builders may have, too, and is there once for all of them."""
        self._specialisations.write_names()

    def write_rest(self) -> None:
        """Write what belongs to them alone."""
        update_rows(Builder, _BUILDER, self._rows)
        for table, emptied, rows in self._children:
            delete_rows(table.model, emptied, where=table.where)
            insert_rows(table.model, table.columns, rows)
        _replace_projects(self._portfolios)
        delete_rows(Builder.specialisations.through, self._respecialised)
        self._specialisations.link()
        self._listings.write()


def _renewal(child: Child, changes: Sequence[tuple[Stored, Stored]]) -> tuple[list[int], list[Row]]:
    """Return the builders that lose their rows in a table, and the rows that come to it then.

    Who only gets some more, as most do in an import, keeps those that are there.
    """
    old = _by_builder(child.rows((before.id, before.record) for before, _ in changes))
    new = _by_builder(child.rows((after.id, after.record) for _, after in changes))
    losing, coming = [], []
    for builder, _ in changes:
        there, wanted = old[builder.id], new[builder.id]
        if wanted[: len(there)] == there:
            coming += wanted[len(there) :]
        else:
            losing.append(builder.id)
            coming += wanted
    return losing, coming


def _by_builder(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _blocks(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield a few at a time, so that each is made and used up while it is in the processor's cache.

    Made by the thousand, and gone through once for each of the tables, they take a third longer.
    """
    rest = iter(items)
    while block := list(islice(rest, _BLOCK)):
        yield block


KEY_COLUMNS = ("source", "key", "builder_id", "fingerprint", "seen_at")


def write_keys(builders: Iterable[Stored]) -> None:
    """Write the source keys of the builders; those that they have besides stay."""
    upsert_rows(SourceKey, KEY_COLUMNS, _key_rows(builders), unique=("source", "key"))


def _key_rows(builders: Iterable[Stored]) -> list[Row]:
    return [(k.source, k.key, b.id, k.fingerprint, k.seen_at) for b in builders for k in b.keys]


def _columns(builder: Stored, derived: Derived) -> Row:
    record = builder.record
    return (
        builder.id,
        builder.rev,
        builder.is_featured,
        builder.is_active,
        builder.claim_state,
        builder.owner,
        builder.merged_into,
        ProvenanceText.written(builder.provenance),
        _json(builder.locked_fields),
        builder.updated_at,
        record.name,
        record.description,
        record.website,
        _json(record.languages),
        record.founded,
        record.team_min,
        record.team_max,
        record.stand_min_m2,
        record.stand_max_m2,
        record.projects_completed,
        record.rating,
        record.review_count or 0,
        record.status,
        bool(record.is_verified),
        record.plan or Builder.Plan.FREE.value,
        _json(record.extra),
        derived.name_folded,
        derived.domain,
        derived.search_text,
        derived.weighted_rating,
    )


def _json(value: Any) -> str:
    return _encode(value).decode()


# --- what belongs to a builder ------------------------------------------------------------------------------------


def _location_rows(records: Records) -> list[Row]:
    rows = []
    for builder, record in records:
        if record.headquarters is not None:
            rows.append(_location_row(builder, record.headquarters, is_headquarters=True))
        rows += [_location_row(builder, place, is_headquarters=False) for place in record.service_places]
    return rows


def _location_row(builder: int, place: Place, *, is_headquarters: bool) -> Row:
    return (
        builder,
        is_headquarters,
        place.country,
        place.region,
        place.city,
        city_key(place.city)[:240] if place.city else "",
        place.district,
        place.street,
        street_key(place.street)[:600] if place.street else "",
        place.postcode,
        place.latitude,
        place.longitude,
    )


def _contacts(kind: ContactPoint.Kind, attribute: str, read: Callable[[Record], list[str]] | None = None) -> Child:
    """Return where one kind of contact is kept: a builder with another telephone keeps the rows of its other ones."""
    # Looked up in the class for each row, it would take as long as all else that is done to a contact.
    value = kind.value
    values = read or attrgetter(attribute)

    def rows(records: Records) -> list[Row]:
        return [
            (builder, value, contact, position)
            for builder, record in records
            for position, contact in enumerate(values(record))
        ]

    return Child(Table(ContactPoint, _CONTACT_COLUMNS, f"kind = '{value}'"), frozenset({attribute}), rows)


_CONTACT_COLUMNS = ("builder_id", "kind", "value", "position")


def _maps(record: Record) -> list[str]:
    return [record.maps_url] if record.maps_url else []


def _people_rows(records: Records) -> list[Row]:
    return [(builder, person.name, person.role) for builder, record in records for person in record.people]


def _service_rows(records: Records) -> list[Row]:
    return [
        (
            builder,
            item.category,
            item.name,
            fold_often(item.name),
            item.description,
            item.price_from,
            item.price_to,
            item.currency,
            item.unit,
        )
        for builder, record in records
        for item in record.services
    ]


def _certificate_rows(records: Records) -> list[Row]:
    return [
        (builder, item.name, item.issuer, item.valid_until)
        for builder, record in records
        for item in record.certifications
    ]


_CHILDREN = (
    Child(
        Table(
            Location,
            tuple(
                """
                builder_id is_headquarters country region city city_folded district street street_folded postcode
                latitude longitude
                """.split()
            ),
        ),
        frozenset({"headquarters", "service_places"}),
        _location_rows,
    ),
    _contacts(Kind.EMAIL, "emails"),
    _contacts(Kind.PHONE, "phones"),
    _contacts(Kind.FAX, "faxes"),
    _contacts(Kind.SOCIAL, "social"),
    _contacts(Kind.MAP, "maps_url", _maps),
    Child(Table(ContactPerson, ("builder_id", "name", "role")), frozenset({"people"}), _people_rows),
    Child(
        Table(
            Service,
            tuple("builder_id category name name_folded description price_from price_to currency unit".split()),
        ),
        frozenset({"services"}),
        _service_rows,
    ),
    Child(
        Table(Certification, ("builder_id", "name", "issuer", "valid_until")),
        frozenset({"certifications"}),
        _certificate_rows,
    ),
)
_PROJECT_COLUMNS = ("builder_id", "name", "trade_show", "year", "city", "country", "stand_m2")


def _project_rows(portfolios: Iterable[tuple[int, list[Project]]]) -> list[Row]:
    return [
        (builder, item.name, item.trade_show, item.year, item.city, item.country, item.stand_m2)
        for builder, projects in portfolios
        for item in projects
    ]


def _replace_projects(portfolios: Iterable[tuple[int, list[Project], list[Project]]]) -> None:
    """Add the projects that are new and remove those that are gone. The others stay, for their pictures' sake.

    One of the same name and year is the same project, whatever else is said of it now.
    """
    added = []
    for builder, old, new in portfolios:
        gone = [project for project in old if project not in new]
        fresh = []
        for project in new:
            if project in old:
                continue
            known = next((there for there in gone if _is_same_project(there, project)), None)
            if known is None:
                fresh.append(project)
            else:
                gone.remove(known)
                _rows_of_project(builder, known).update(**msgspec.structs.asdict(project))
        for project in gone:
            _rows_of_project(builder, project).delete()
        added.append((builder, fresh))
    insert_rows(PortfolioProject, _PROJECT_COLUMNS, _project_rows(added))


def _is_same_project(first: Project, second: Project) -> bool:
    return first.year == second.year and fold(first.name) == fold(second.name)


def _rows_of_project(builder: int, project: Project) -> models.QuerySet[PortfolioProject]:
    return PortfolioProject.objects.filter(
        builder_id=builder,
        name=project.name,
        year=project.year,
        trade_show=project.trade_show,
        city=project.city,
        stand_m2=project.stand_m2,
    )


class _Specialisations:
    """Those of some builders: which there are, and who has which."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._links: list[tuple[int, str]] = []
        self._ids: dict[str, int] = {}

    def add(self, builders: Iterable[Stored]) -> None:
        for builder in builders:
            for name in builder.record.specialisations:
                slug = specialisation_slug(name)
                # The spelling that comes first.
                self._names.setdefault(slug, name)
                self._links.append((builder.id, slug))

    def write_names(self) -> None:
        if not self._names:
            return
        # Two imports never write at once, but staff may add one by hand at this moment.
        Specialisation.objects.bulk_create(
            [Specialisation(slug=s, name=n) for s, n in self._names.items()], ignore_conflicts=True
        )
        # Or remove one before it is linked.
        lock = "FOR KEY SHARE" if is_postgres() else ""
        sql = f"SELECT slug, id FROM builders_specialisation WHERE slug {among('text')} {lock}"  # noqa: S608
        self._ids = dict(fetch(sql, [listed(self._names)]))

    def link(self) -> None:
        links = dict.fromkeys((builder, self._ids[slug]) for builder, slug in self._links)
        insert_rows(Builder.specialisations.through, ("builder_id", "specialisation_id"), list(links))
