"""Builders by hand: checked, locked against imports, each of many for itself."""

from __future__ import annotations

import pytest

from builders.models import Builder, ContactPoint, Location, PortfolioProject, Service, SourceKey, Specialisation
from builders.record import Place, Project
from builders.services import builders
from builders.services.builders import (
    change_many,
    create_builder,
    deactivate_builder,
    delete_builder,
    unlock_fields,
    update_builder,
)
from builders.services.derived import refresh
from builders.services.provenance import Origin
from builders.services.snapshots import restore, snapshot
from builders.services.stored import Key
from operations.models import ActivityEvent
from realtime.errors import ClientError
from tests.builders.firms import cells, everything, staged, understood, write
from tests.builders.races import at_once
from tests.rig import make_member, make_staff, statements

pytestmark = pytest.mark.django_db(transaction=True)


def refused(call, *args, **kwargs) -> ClientError:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return error.value


def test_namesakes_added_at_once_are_all_there_and_one_has_the_key():
    made = at_once(*[lambda: create_builder(actor=None, values={"name": "Falke"})] * 4)
    assert len({builder.slug for builder in made}) == 4
    key = Key(source="crm", key="1")
    keyed = at_once(*[lambda: create_builder(actor=None, values={"name": "Star"}, keys=[key])] * 4)
    assert {getattr(each, "code", "added") for each in keyed} == {"added", "conflict"}
    assert Builder.objects.filter(name="Star").count() == 1


def test_key_that_was_taken_since_somebody_looked_is_not_taken_away(monkeypatch):
    key = Key(source="crm", key="1")
    first, look = create_builder(actor=None, values={"name": "Star"}, keys=[key]), builders._refuse_taken
    looks = []

    def look_in_vain_once(keys):
        looks.append(keys)
        return look(keys) if len(looks) > 1 else None

    monkeypatch.setattr(builders, "_refuse_taken", look_in_vain_once)
    assert refused(create_builder, actor=None, values={"name": "Stern"}, keys=[key]).code == "conflict"
    assert SourceKey.objects.get().builder == Builder.objects.get() == first


def test_created_builder_has_slug_provenance_and_locks():
    builder = create_builder(actor=make_staff(), values={"name": "Æther Bühnen AG", "emails": ["a@b.example"]})
    assert builder.slug == "aether-buhnen-ag"
    assert builder.locked_fields == ["emails", "name"]
    assert builder.provenance["name"]["rank"] == 50
    assert ActivityEvent.objects.get().kind == "builders.builder.created"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "A", "team": [9, 1]}, "team_min"),
        ({"name": "A", "colour": "red"}, "colour"),
        ({"name": "A", "rating": ["7.0", 1]}, "rating"),
        ({"name": "A", "founded": "long ago"}, None),
    ],
)
def test_values_that_make_no_builder_are_refused(values, field):
    error = refused(create_builder, actor=None, values=values)
    assert (error.code, error.field) == ("invalid", field)
    assert not Builder.objects.exists()


def test_member_may_not_write_builders():
    actor, builder = make_member(), create_builder(actor=None, values={"name": "A"})
    assert refused(create_builder, actor=actor, values={"name": "B"}).code == "forbidden"
    assert refused(update_builder, actor=actor, builder=builder.pk, values={"name": "B"}).code == "forbidden"
    assert refused(delete_builder, actor=actor, builder=builder.pk).code == "forbidden"


def test_owner_changes_the_profile_and_not_what_staff_vouch_for():
    actor, builder = make_member(), create_builder(actor=None, values={"name": "A"})
    Builder.objects.filter(pk=builder.pk).update(owner=actor, claim_state="claimed")
    changed = update_builder(actor=actor, builder=builder.pk, values={"description": "We build."})
    assert changed.provenance["description"]["rank"] == 60
    assert refused(update_builder, actor=actor, builder=builder.pk, values={"is_verified": True}).code == "forbidden"
    assert refused(deactivate_builder, actor=actor, builder=builder.pk).code == "forbidden"


def test_source_key_of_another_builder_is_refused():
    create_builder(actor=None, values={"name": "A"}, keys=[Key(source="fair", key="1")])
    error = refused(create_builder, actor=None, values={"name": "B"}, keys=[Key(source="fair", key="1")])
    assert error.code == "conflict"


def test_change_thought_up_at_an_older_state_is_refused():
    builder = create_builder(actor=None, values={"name": "A"})
    update_builder(actor=None, builder=builder.pk, values={"name": "B"}, expected_rev=1)
    error = refused(update_builder, actor=None, builder=builder.pk, values={"name": "C"}, expected_rev=1)
    assert (error.code, error.field) == ("conflict", "expected_rev")


def test_change_that_changes_nothing_is_none():
    builder = create_builder(actor=None, values={"name": "A"})
    assert update_builder(actor=None, builder=builder.pk, values={"name": "A"}).rev == 1


def test_field_is_emptied_with_none():
    builder = create_builder(actor=None, values={"name": "A", "founded": 1990, "team": [1, 5]})
    changed = update_builder(actor=None, builder=builder.pk, values={"founded": None, "team": None})
    assert (changed.founded, changed.team_min, changed.team_max) == (None, None, None)


def test_hand_edit_outlives_imports_until_it_is_unlocked():
    write(staged([cells(1)]))
    builder = Builder.objects.get()
    update_builder(actor=None, builder=builder.pk, values={"name": "By hand"})
    write(staged([cells(1, name="From the file")]))
    assert Builder.objects.get().name == "By hand"
    unlock_fields(actor=None, builder=builder.pk, fields=["name"])
    write(staged([cells(1, name="From the file", team="3")]))
    assert Builder.objects.get().name == "From the file"


def test_one_of_many_that_is_refused_stops_no_other():
    builders = [create_builder(actor=None, values={"name": name}) for name in "AB"]
    several = [(builders[0].uid, builders[0].pk), ("gone", 0), (builders[1].uid, builders[1].pk)]
    results = change_many(several, lambda pk: deactivate_builder(actor=None, builder=pk))
    assert [result.error and result.error.code for result in results] == [None, "not_found", None]
    assert not Builder.objects.listed().exists()


def test_snapshot_puts_back_what_was_changed_and_what_was_deleted():
    first, second = (create_builder(actor=None, values=understood(cells(n))) for n in (1, 2))
    before, kept = everything(), snapshot([first.pk, second.pk])
    update_builder(actor=None, builder=first.pk, values={"name": "B", "services": [], "headquarters": None})
    delete_builder(actor=None, builder=second.pk)
    assert everything() != before
    revs = restore(kept)
    assert everything() == before
    assert revs == {first.pk: 3, second.pk: 1}


def test_statements_do_not_grow_with_the_builders():
    few = [create_builder(actor=None, values=understood(cells(n))).pk for n in range(2)]
    many = few + [create_builder(actor=None, values=understood(cells(n))).pk for n in range(2, 12)]
    assert statements(lambda: snapshot(few)) == statements(lambda: snapshot(many))
    assert statements(lambda: snapshot(many)) == 9


def test_refresh_makes_folded_columns_search_text_and_locks():
    builder = create_builder(actor=None, values={"name": "A"})
    Location.objects.create(builder=builder, is_headquarters=True, country="DE", city="München", street="Weg 1")
    Service.objects.create(builder=builder, name="Möbel", name_folded="")
    builder.specialisations.add(Specialisation.objects.create(slug="medical", name="Medical"))
    refresh([builder.pk], fields=["services"], origin=Origin(source="staff", rank=50))
    builder.refresh_from_db()
    assert builder.search_text.startswith("a medical mobel munchen munich")
    assert "germany" in builder.search_text
    assert (builder.rev, builder.locked_fields) == (2, ["name", "services"])
    assert (Location.objects.get().city_folded, Service.objects.get().name_folded) == ("munich", "mobel")


def test_place_at_the_end_of_the_world_keeps_its_position():
    place = Place(country="CL", city="Punta Arenas", latitude="-53.163833", longitude="-70.917068")
    builder = create_builder(actor=None, values={"name": "A", "headquarters": place})
    [plain] = snapshot([builder.pk]).values()
    assert plain["record"]["headquarters"]["latitude"] == "-53.163833"


def test_project_of_the_same_name_and_year_is_changed_in_place():
    projects = [Project(name="Hall 1", year=2020), Project(name="Hall 2", year=2020)]
    builder = create_builder(actor=None, values={"name": "A", "portfolio": projects})
    before = dict(PortfolioProject.objects.values_list("name", "pk"))
    projects = [Project(name="HALL 1", year=2020, city="Graz", country="AT"), Project(name="Hall 3")]
    update_builder(actor=None, builder=builder.pk, values={"portfolio": projects})
    after = {project.name: project for project in PortfolioProject.objects.all()}
    assert set(after) == {"HALL 1", "Hall 3"}
    assert (after["HALL 1"].pk, after["HALL 1"].city, after["HALL 1"].country.code) == (before["Hall 1"], "Graz", "AT")


def test_contact_that_stays_where_it_is_keeps_its_row():
    builder = create_builder(actor=None, values={"name": "A", "phones": ["+49301111111"], "emails": ["a@a.example"]})

    def phones() -> list[tuple[str, int]]:
        rows = ContactPoint.objects.filter(kind=ContactPoint.Kind.PHONE).order_by("position")
        return list(rows.values_list("value", "pk"))

    [first] = phones()
    update_builder(actor=None, builder=builder.pk, values={"phones": ["+49301111111", "+49302222222"]})
    assert phones()[0] == first
    assert [value for value, _ in phones()] == ["+49301111111", "+49302222222"]
    update_builder(actor=None, builder=builder.pk, values={"phones": ["+49302222222", "+49301111111"]})
    assert [value for value, _ in phones()] == ["+49302222222", "+49301111111"]
    update_builder(actor=None, builder=builder.pk, values={"phones": None})
    assert phones() == []
    assert ContactPoint.objects.get().value == "a@a.example"
