"""Two builders made one, and two again: nothing lost, nothing left behind, and nobody's edit overwritten."""

from __future__ import annotations

import random

import pytest

from accounts.models import User
from builders.comparing import FIELDS
from builders.duplicates.combining import SIDES, takes_both
from builders.models import (
    Builder,
    Claim,
    DuplicateCandidate,
    FormerSlug,
    Listing,
    MergeRecord,
    PortfolioImage,
    PortfolioProject,
    SourceKey,
)
from builders.record import Offering, Person, Place, Project
from builders.services.builders import create_builder, delete_builder, update_builder
from builders.services.merging import EditedSince, merge, unmerge
from builders.services.stored import Key
from operations.models import ActivityEvent
from realtime.errors import ClientError
from tests.builders.firms import cells, everything, staged, write
from tests.builders.races import at_once
from tests.rig import make_member, make_staff, statements

pytestmark = pytest.mark.django_db(transaction=True)

ONE = {
    "name": "Adler Standbau GmbH",
    "description": "We build.",
    "emails": ["info@adler.example"],
    "phones": ["+4969123456"],
    "headquarters": Place(
        country="DE", city="Mainz", street="Ringstraße 4", latitude="50.000000", longitude="8.250000"
    ),
    "service_places": [Place(country="DE", city="Berlin")],
    "services": [Offering(name="Modular stands"), Offering(name="Graphics", price_from="100.50", currency="EUR")],
    "people": [Person(name="Ada Weiß", role="Sales")],
    "specialisations": ["Double-deck"],
    "portfolio": [Project(name="Hall 1", year=2020), Project(name="Hall 2", year=2021)],
    "languages": ["de"],
    "rating": ["4.5", 12],
}
TWO = {
    "name": "ADLER STANDBAU",
    "website": "https://adler-standbau.de/",
    "emails": ["info@adler.example", "office@adler.example"],
    "phones": ["+4969999999"],
    "headquarters": Place(country="DE", city="Wiesbaden", street="Hafenweg 90"),
    "service_places": [Place(country="DE", city="Berlin"), Place(country="FR", city="Paris")],
    "services": [Offering(name="GRAPHICS"), Offering(name="Rental")],
    "specialisations": ["Double-Deck", "Medical"],
    "portfolio": [Project(name="Hall 2", year=2021), Project(name="Hall 3", year=2022)],
    "languages": ["de", "fr"],
    "founded": 1990,
}


def pair(**changes) -> tuple[Builder, Builder]:
    keys = [[Key(source=source, key=f"{changes.get('name', 1)}", fingerprint="a")] for source in ("fair", "gbp")]
    first = create_builder(actor=None, values=ONE, keys=keys[0])
    return first, create_builder(actor=None, values={**TWO, **changes}, keys=keys[1])


def merged(first: Builder, second: Builder, actor: User | None = None, **choices: str) -> MergeRecord:
    for builder in (first, second):
        builder.refresh_from_db()
    return merge(actor=actor, kept=first, dropped=second, choices=choices, expected_revs=(first.rev, second.rev))


def refused(call, *args, **kwargs) -> ClientError:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return error.value


def of(builder: Builder):
    return everything()[builder.pk]


def test_merge_loses_nothing_that_the_dropped_builder_says():
    first, second = pair()
    merged(first, second)
    record = of(first)["record"]
    assert record["name"] == "Adler Standbau GmbH"
    assert record["website"] == "https://adler-standbau.de/"
    assert record["founded"] == 1990
    assert record["emails"] == ["info@adler.example", "office@adler.example"]
    assert record["phones"] == ["+4969123456", "+4969999999"]
    assert [service["name"] for service in record["services"]] == ["Modular stands", "Graphics", "Rental"]
    assert [place["city"] for place in record["service_places"]] == ["Berlin", "Paris", "Wiesbaden"]
    assert record["headquarters"]["city"] == "Mainz"
    assert sorted(project["name"] for project in record["portfolio"]) == ["Hall 1", "Hall 2", "Hall 3"]
    assert record["specialisations"] == ["Double-deck", "Medical"]
    assert ActivityEvent.objects.filter(kind="builders.builder.merged", target=second.uid).count() == 1


def test_choices_take_a_value_and_lock_it():
    first, second = pair()
    merged(first, second, name="dropped", emails="kept", headquarters="dropped", description="kept")
    there = of(first)
    assert there["record"]["name"] == "ADLER STANDBAU"
    assert there["record"]["emails"] == ["info@adler.example"]
    assert there["record"]["headquarters"]["city"] == "Wiesbaden"
    assert "Mainz" in [place["city"] for place in there["record"]["service_places"]]
    assert {"name", "emails", "headquarters"} <= set(there["locked_fields"])


def test_choice_holds_against_the_next_import_of_either_source():
    write(staged([cells(1), cells(2)]))
    first, second = Builder.objects.order_by("pk")
    merged(first, second, name="dropped")
    write(staged([cells(1, name="From the file"), cells(2, name="From the file, too")]))
    assert Builder.objects.listed().get().name == second.name


def test_dropped_builder_leaves_the_directory_and_its_addresses_lead_on():
    first, second = pair()
    FormerSlug.objects.create(slug="older", builder=second)
    merged(first, second)
    second.refresh_from_db()
    assert second.merged_into == first
    assert list(Builder.objects.listed()) == [first]
    assert list(Listing.objects.values_list("builder", flat=True)) == [first.pk]
    assert set(FormerSlug.objects.filter(builder=first).values_list("slug", flat=True)) == {"older", second.slug}
    assert set(SourceKey.objects.filter(builder=first).values_list("source", "key")) == {("fair", "1"), ("gbp", "1")}


def test_page_of_the_dropped_builder_leads_to_the_other_until_it_is_back(client):
    first, second = pair()
    note = merged(first, second)
    for path in ("", "claim/"):
        answer = client.get(f"/builders/{second.slug}/{path}")
        assert (answer.status_code, answer["Location"]) == (301, f"/builders/{first.slug}/{path}")
    unmerge(actor=None, record=note)
    assert client.get(f"/builders/{second.slug}/").status_code == 200


def test_unmerge_puts_both_back_exactly():
    first, second = pair()
    FormerSlug.objects.create(slug="older", builder=second)
    claim = Claim.objects.create(builder=second, user=make_member(), state=Claim.State.WAITING)
    with_picture = PortfolioProject.objects.get(builder=second, name="Hall 2")
    picture = PortfolioImage.objects.create(project=with_picture, file="portfolio/x.webp", width=1, height=1)
    before = everything()
    projects = list(PortfolioProject.objects.values_list("pk", "builder", "name").order_by("pk"))
    for choices in ({}, {"portfolio": "dropped", "name": "dropped", "services": "dropped"}, {"portfolio": "kept"}):
        note = merged(first, second, **choices)
        assert everything() != before
        unmerge(actor=None, record=note)
        assert everything() == before
        assert list(PortfolioProject.objects.values_list("pk", "builder", "name").order_by("pk")) == projects
        assert list(FormerSlug.objects.values_list("slug", "builder")) == [("older", second.pk)]
        assert set(SourceKey.objects.values_list("source", "builder")) == {("fair", first.pk), ("gbp", second.pk)}
        assert Claim.objects.get(pk=claim.pk).builder == second
        assert list(PortfolioImage.objects.values_list("pk", "project")) == [(picture.pk, with_picture.pk)]
    assert set(Listing.objects.values_list("builder", flat=True)) == {first.pk, second.pk}


@pytest.mark.parametrize("seed", range(6))
def test_any_choice_can_be_taken_back(seed):
    first, second = pair()
    before, chance = everything(), random.Random(seed)
    choices = {name: chance.choice(SIDES if takes_both(name) else SIDES[:2]) for name in FIELDS}
    for kept, dropped in ((first, second), (second, first)):
        unmerge(actor=None, record=merged(kept, dropped, **choices))
        assert everything() == before


def test_pictures_follow_their_project():
    first, second = pair()
    theirs = PortfolioProject.objects.get(builder=second, name="Hall 2")
    picture = PortfolioImage.objects.create(project=theirs, file="portfolio/x.webp", width=1, height=1)
    merged(first, second)
    [project] = PortfolioImage.objects.filter(pk=picture.pk).values_list("project", flat=True)
    assert project == PortfolioProject.objects.get(builder=first, name="Hall 2").pk


def test_unmerge_after_an_edit_is_refused_and_says_what_changed():
    first, second = pair()
    note = merged(first, second)
    update_builder(actor=None, builder=first.pk, values={"description": "edited", "portfolio": []})
    error = refused(unmerge, actor=None, record=note)
    assert isinstance(error, EditedSince)
    assert error.code == "conflict"
    assert error.changed == ["description", "portfolio"]
    assert "description, portfolio" in error.message
    assert Builder.objects.get(pk=second.pk).merged_into == first


def test_edit_that_was_edited_back_does_not_stand_against_it():
    first, second = pair()
    before = everything()
    note = merged(first, second)
    update_builder(actor=None, builder=first.pk, values={"description": "edited"})
    update_builder(actor=None, builder=first.pk, values={"description": "We build."})
    unmerge(actor=None, record=note)
    assert everything() == before


def test_unmerge_twice_is_refused():
    note = merged(*pair())
    unmerge(actor=None, record=note)
    assert "already" in refused(unmerge, actor=None, record=note).message


def test_merges_are_taken_back_in_order():
    first, second = pair()
    third = create_builder(actor=None, values={"name": "Third"})
    fourth = create_builder(actor=None, values={"name": "Fourth"})
    before = everything()
    earlier, later = merged(first, second), merged(first, third)
    last = merged(fourth, first)
    assert Builder.objects.get(pk=second.pk).merged_into == fourth
    assert "itself" in refused(unmerge, actor=None, record=earlier).message
    unmerge(actor=None, record=last)
    assert Builder.objects.get(pk=second.pk).merged_into == first
    assert "Another" in refused(unmerge, actor=None, record=earlier).message
    unmerge(actor=None, record=later)
    unmerge(actor=None, record=earlier)
    assert everything() == before


def test_merge_of_a_deleted_builder_cannot_be_taken_back():
    first, second = pair()
    note = merged(first, second)
    Builder.objects.filter(pk=second.pk).delete()
    assert refused(unmerge, actor=None, record=note).code == "not_found"


def test_deleted_builder_takes_along_what_was_merged_into_it():
    first, second = pair()
    merged(first, second)
    delete_builder(actor=None, builder=first.pk)
    assert not Builder.objects.exists()
    assert not Listing.objects.exists()
    assert not MergeRecord.objects.exists()


def test_pair_is_decided_by_the_merge_and_open_again_after():
    first, second = pair()
    candidate = DuplicateCandidate.objects.create(first=first, second=second, score=99)
    note = merged(second, first)
    candidate.refresh_from_db()
    assert candidate.state == "merged"
    unmerge(actor=None, record=note)
    candidate.refresh_from_db()
    assert (candidate.state, candidate.decided_at) == ("open", None)


def test_owner_and_claims_follow():
    first, second = pair()
    owner = make_member()
    claim = Claim.objects.create(builder=second, user=owner, state=Claim.State.APPROVED)
    Builder.objects.filter(pk=second.pk).update(owner=owner, claim_state="claimed")
    merged(first, second)
    first.refresh_from_db()
    claim.refresh_from_db()
    assert (first.owner, first.claim_state, claim.builder) == (owner, "claimed", first)


def test_builders_of_two_owners_are_not_merged():
    first, second = pair()
    for builder in (first, second):
        Builder.objects.filter(pk=builder.pk).update(owner=make_member(), claim_state="claimed")
    error = refused(merged, first, second)
    assert (error.code, error.field) == ("conflict", "owner")


def test_claims_that_would_meet_stay_where_they_are():
    first, second = pair()
    member = make_member()
    claims = [Claim.objects.create(builder=b, user=member, state=Claim.State.WAITING) for b in (first, second)]
    note = merged(first, second)
    assert [Claim.objects.get(pk=claim.pk).builder for claim in claims] == [first, second]
    unmerge(actor=None, record=note)
    assert [Claim.objects.get(pk=claim.pk).builder for claim in claims] == [first, second]


@pytest.mark.parametrize("choices", [{"colour": "kept"}, {"name": "both"}, {"name": "third"}])
def test_choices_that_are_none_are_refused(choices):
    error = refused(merged, *pair(), **choices)
    assert (error.code, error.field) == ("invalid", "choices")
    assert not MergeRecord.objects.exists()


def test_merge_needs_the_right_to():
    first, second = pair()
    note = merged(first, second)
    for actor in (make_member(), User.objects.create_user("s@example.org", display_name="Staff", is_staff=True)):
        assert refused(merged, first, second, actor=actor).code == "forbidden"
        assert refused(unmerge, actor=actor, record=note).code == "forbidden"
    unmerge(actor=make_staff(), record=note)


def test_merge_thought_up_at_an_older_state_is_refused():
    first, second = pair()
    update_builder(actor=None, builder=second.pk, values={"founded": 1991})
    error = refused(merge, actor=None, kept=first, dropped=second, choices={}, expected_revs=(1, 1))
    assert (error.code, error.field) == ("conflict", "expected_rev")


def test_builder_that_is_gone_merged_or_the_same_is_refused():
    first, second = pair()
    assert refused(merged, first, first).code == "invalid"
    merged(first, second)
    third = create_builder(actor=None, values={"name": "Third"})
    assert refused(merged, third, second).code == "not_found"
    assert refused(merged, second, third).code == "not_found"
    revs = (third.rev, first.rev)
    delete_builder(actor=None, builder=first.pk)
    assert refused(merge, actor=None, kept=third, dropped=first, choices={}, expected_revs=revs).code == "not_found"


def test_one_builder_is_merged_once_however_many_try():
    first, second = pair()
    third = create_builder(actor=None, values={"name": "Third"})
    before = everything()
    pairs = [(first, second), (second, first), (third, second), (second, third)]
    calls = [
        lambda kept=kept, dropped=dropped: merge(
            actor=None, kept=kept, dropped=dropped, choices={}, expected_revs=(kept.rev, dropped.rev)
        )
        for kept, dropped in pairs
    ]
    results = at_once(*calls)
    [note] = [result for result in results if isinstance(result, MergeRecord)]
    codes = {result.code for result in results if isinstance(result, ClientError)}
    assert codes <= {"conflict", "not_found"}
    assert Builder.objects.listed().count() == 2
    unmerge(actor=None, record=note)
    assert everything() == before


def test_merge_that_is_taken_back_twice_at_once_is_taken_back_once():
    note = merged(*pair())
    results = at_once(*[lambda: unmerge(actor=None, record=note)] * 3)
    assert sum(result is None for result in results) == 1


def test_statements_of_a_merge_do_not_grow_with_what_hangs_on_the_builders():
    small, large = pair(), pair(name="Falke", services=[Offering(name=f"Service {n}") for n in range(40)])
    assert statements(lambda: merged(*small)) == statements(lambda: merged(*large))
