"""Who is found where and by which words, and how many there are of each kind."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from builders.models import Builder, ListedWords, Listing
from builders.queries import catalogue
from builders.queries.directory import Filters, Selection, facets, search
from builders.services.builders import create_builder, deactivate_builder, delete_builder, update_builder
from builders.services.listing import list_missing
from builders.services.merging import merge, unmerge
from realtime.errors import ClientError
from tests.builders.firms import cells, staged, write
from tests.rig import statements

pytestmark = pytest.mark.django_db


def build(name: str, *places: tuple[str, str], **values) -> Builder:
    """Make a builder; the first place is its headquarters."""
    here, *there = [{"country": country, "city": city} for country, city in places] or [None]
    if here is not None:
        values |= {"headquarters": here, "service_places": there}
    return create_builder(actor=None, values={"name": name, **values})


def found(**filters) -> list[str]:
    return [card.name for card in search(Filters(**filters)).items]


@pytest.fixture
def firms():
    return [
        build(
            "Müller Messebau GmbH", ("AT", "Graz"), ("DE", "Berlin"), services=[{"name": "Möbel", "category": "rental"}]
        ),
        build("Düsseldorfer Stände", ("DE", "Düsseldorf"), is_verified=True, rating=["4.5", 90]),
        build("東京展示装飾株式会社", ("JP", "東京")),
        build("الرواد للمعارض", ("OM", "مسقط")),
        build("Expo București", ("RO", "București"), description="We also build in Muscat."),
    ]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("oman", ["الرواد للمعارض"]),
        ("dusseldorf", ["Düsseldorfer Stände"]),
        ("DUESSELDORF", ["Düsseldorfer Stände"]),
        ("Mueller mess", ["Müller Messebau GmbH"]),
        ("messebau berlin", ["Müller Messebau GmbH"]),
        ("möbel", ["Müller Messebau GmbH"]),
        ("essebau", []),
        ("messe muller", []),
        ("展示", ["東京展示装飾株式会社"]),
        ("装", ["東京展示装飾株式会社"]),
        ("示展", []),
        ("tokyo", ["東京展示装飾株式会社"]),
        ("للمعارض", ["الرواد للمعارض"]),
        ("muscat", ["Expo București", "الرواد للمعارض"]),
        ("bucharest", ["Expo București"]),
        ("deutschland", ["Düsseldorfer Stände", "Müller Messebau GmbH"]),
        ('müller" OR "expo', []),
        ("'; DROP TABLE builders_builder; --", []),
        ("NOT müller", []),
    ],
)
def test_words_find_whole_words_and_the_beginning_of_the_last(firms, q, names):
    assert sorted(found(q=q)) == sorted(names)


@pytest.mark.parametrize("q", ["", "  ", "\x00", "!?"])
def test_no_words_find_everybody(firms, q):
    assert len(found(q=q)) == len(firms)


def test_builder_is_found_where_it_sits_and_where_it_works(firms):
    assert found(country="AT", city="graz") == ["Müller Messebau GmbH"]
    assert found(country="DE", city="berlin") == ["Müller Messebau GmbH"]
    assert found(country="DE") == ["Düsseldorfer Stände", "Müller Messebau GmbH"]
    assert found(country="DE", city="graz") == []


def test_filters_are_met_together(firms):
    assert found(service="rental") == ["Müller Messebau GmbH"]
    assert found(verified=True) == found(min_rating=Decimal(4)) == found(min_rating=Decimal("4.5"))
    assert found(min_rating=Decimal(5)) == []
    assert found(service="rental", verified=True) == []
    assert found(q="st", country="DE", verified=True) == ["Düsseldorfer Stände"]


def test_name_comes_before_featured_and_featured_before_rating():
    build("Kranich Messe", rating=["5.0", 500])
    build("Other", description="like kranich", rating=["5.0", 900])
    featured = build("Third", description="kranich")
    update_builder(actor=None, builder=featured.pk, values={}, is_featured=True)
    assert found(q="kranich") == ["Kranich Messe", "Third", "Other"]
    assert found() == ["Third", "Other", "Kranich Messe"]
    assert found(sort="rating") == ["Other", "Kranich Messe", "Third"]


def test_few_votes_do_not_lead():
    build("Two friends", rating=["5.0", 2])
    build("A hundred guests", rating=["4.6", 100])
    assert found(sort="rating") == ["A hundred guests", "Two friends"]


@pytest.mark.parametrize("sort", ["best", "rating"])
@pytest.mark.parametrize("q", ["", "firm"])
def test_pages_and_positions_give_everybody_once(q, sort):
    firms = [build(f"{'Firm' if number % 3 else 'Kranich'} {number}", description="firm") for number in range(7)]
    for number, firm in enumerate(firms):
        update_builder(
            actor=None, builder=firm.pk, values={"rating": ["4.0", number % 3]}, is_featured=number in (2, 5)
        )
    names = {firm.name for firm in firms}
    by_page = [
        name
        for page in (1, 2, 3)
        for name in [c.name for c in search(Filters(q=q, sort=sort, page=page), limit=3).items]
    ]
    by_position, position = [], None
    for _ in range(3):
        page = search(Filters(q=q, sort=sort), limit=3, after=position)
        by_position += [card.name for card in page.items]
        position = page.next
    assert by_page == by_position
    assert set(by_page) == names
    assert len(by_page) == 7
    assert position is None


@pytest.mark.parametrize("position", ["", "x", "1", "1.2.3.4", "-5.9e9.1", "1.1." + "9" * 40, "1.2.3\x00", "1..2"])
def test_position_of_another_list_is_refused(position):
    with pytest.raises(ClientError) as error:
        search(Filters(), after=position)
    assert (error.value.code, error.value.field) == ("invalid", "cursor")


def test_counts_are_of_what_one_would_see(firms):
    counts = facets(Filters(country="DE"))
    assert counts.total == 2
    assert {(count.value, count.number) for count in counts.countries} == {
        ("DE", 2), ("AT", 1), ("JP", 1), ("OM", 1), ("RO", 1),
    }  # fmt: skip
    assert [(count.value, count.label) for count in counts.cities] == [
        ("berlin", "Berlin"), ("dusseldorf", "Düsseldorf"),
    ]  # fmt: skip
    assert [(count.value, count.number) for count in counts.services] == [("rental", 1)]
    assert counts.verified == 1


def test_counts_of_a_filter_leave_out_that_filter_alone(firms):
    build("Graphic & Co", ("DE", "Köln"), services=[{"name": "Print", "category": "graphics"}], is_verified=True)
    counts = facets(Filters(country="DE", service="rental"))
    assert counts.total == 1
    assert {(count.value, count.number) for count in counts.services} == {("rental", 1), ("graphics", 1)}
    assert counts.verified == 0
    assert {count.value for count in counts.cities} == {"berlin"}
    assert {count.value for count in counts.countries} == {"DE", "AT"}


def test_every_count_leads_to_as_many_builders(firms):
    build("Graphic & Co", ("DE", "Köln"), services=[{"name": "Print", "category": "graphics"}], languages=["de", "en"])
    counts = facets(Filters(q="e"))
    for name, values in (
        ("country", counts.countries),
        ("service", counts.services),
        ("language", counts.languages),
        ("size", counts.sizes),
        ("specialisation", counts.specialisations),
    ):
        for count in values:
            assert len(found(q="e", **{name: count.value})) == count.number
    for count in counts.ratings:
        assert len(found(q="e", min_rating=Decimal(count.value))) == count.number


def test_specialisations_are_counted_and_chosen_by():
    build("A", specialisations=["Double-deck", "Medical"])
    build("B", specialisations=["Medical"])
    counts = facets(Filters())
    assert [(count.value, count.label, count.number) for count in counts.specialisations] == [
        ("medical", "Medical", 2), ("double-deck", "Double-deck", 1),
    ]  # fmt: skip
    assert found(specialisation="double-deck") == ["A"]
    assert found(specialisation="nothing") == []
    assert facets(Filters(specialisation="double-deck")).total == 1


@pytest.mark.parametrize(
    ("filters", "number"),
    [(Filters(), 3), (Filters(q="firm", country="DE", city="berlin", service="design"), 4)],
)
def test_list_and_counts_of_a_page_take_few_statements(filters, number):
    def ask() -> None:
        selection = Selection(filters)
        selection.page()
        selection.facets()

    values = {"services": [{"name": "Design", "category": "design"}], "specialisations": ["Medical"]}
    build("Firm 1", ("DE", "Berlin"), **values)
    # The first one reads the catalogue.
    assert statements(ask) == number + 1
    assert statements(ask) == number
    for each in range(2, 6):
        build(f"Firm {each}", ("DE", "Berlin"), **values)
    assert statements(ask) == number + 1


# --- the index follows what is written ----------------------------------------------------------------------------


def rows() -> tuple[list[tuple[object, ...]], ...]:
    return (
        list(Listing.objects.order_by("pk").values_list("pk", "rev", "position", "traits", "tags")),
        list(ListedWords.objects.order_by("pk").values_list("pk", "words")),
    )


def assert_up_to_date() -> None:
    """Compare the rows with those that are made of nothing."""
    kept = rows()
    ListedWords.objects.all().delete()
    Listing.objects.all().delete()
    list_missing()
    assert kept == rows()


@pytest.mark.parametrize(
    "values",
    [
        {"description": "Bars and counters"},
        {"languages": ["en", "ja"]},
        {"services": [{"name": "Graphics", "category": "graphics"}]},
        {"phones": ["+49301234567"]},
    ],
    ids=lambda values: next(iter(values)),
)
def test_rows_follow_whatever_changes(firms, values):
    update_builder(actor=None, builder=firms[0].pk, values=values)
    assert_up_to_date()
    assert (found(q="counters") != []) == ("description" in values)


def test_rows_follow_the_switches(firms):
    update_builder(actor=None, builder=firms[0].pk, values={}, is_featured=True)
    assert_up_to_date()
    update_builder(actor=None, builder=firms[0].pk, values={"description": "Bars"}, is_active=False)
    assert_up_to_date()
    assert found(q="bars") == []
    update_builder(actor=None, builder=firms[0].pk, values={}, is_active=True)
    assert_up_to_date()
    assert len(found(q="bars")) == 1


def test_what_is_written_by_hand_is_found_at_once(firms):
    update_builder(actor=None, builder=firms[0].pk, values={"name": "Maier", "service_places": []})
    assert found(q="müller") == []
    assert found(q="maier") == ["Maier"]
    assert found(country="DE", city="berlin") == []
    update_builder(actor=None, builder=firms[0].pk, values={"phones": ["+49301234567"]})
    assert_up_to_date()


def test_what_leaves_the_directory_is_found_no_more(firms):
    deactivate_builder(actor=None, builder=firms[0].pk)
    delete_builder(actor=None, builder=firms[1].pk)
    assert found(country="DE") == []
    assert facets(Filters()).total == 3
    update_builder(actor=None, builder=firms[0].pk, values={}, is_active=True)
    assert found(country="DE") == ["Müller Messebau GmbH"]
    assert_up_to_date()


def test_imports_are_found_and_their_undo_takes_them_away():
    from builders.importing import runner
    from builders.services import imports

    job = staged([cells(number) for number in range(5)])
    write(job)
    assert len(found(q="stände")) == 5
    assert_up_to_date()
    imports.undo_import(actor=None, job=job, in_background=False)
    runner.run(job.pk)
    assert found(q="stände") == []
    assert_up_to_date()


def test_job_makes_up_for_what_was_written_past_the_services(firms):
    Builder.objects.filter(pk=firms[0].pk).update(name="Elsewhere", rev=9)
    Builder.objects.filter(pk=firms[1].pk).update(is_active=False)
    Listing.objects.filter(pk=firms[2].pk).delete()
    assert list_missing() == "3 listed anew, 0 removed"
    assert found(q="elsewhere") == ["Elsewhere"]
    assert found(q="dusseldorf") == []
    assert len(found(q="展示")) == 1
    assert list_missing() == "0 listed anew, 0 removed"


def test_job_removes_rows_without_a_builder(firms):
    Listing.objects.create(builder_id=999_999, rev=1, position=0, traits=0, tags="[[],[],[]]")
    ListedWords.objects.create(builder_id=999_999, words="ghost")
    assert list_missing() == "0 listed anew, 1 removed"
    assert not ListedWords.objects.filter(builder_id=999_999).exists()


def test_merged_builder_is_found_under_the_one_that_is_left(firms):
    kept, dropped = firms[0], firms[1]
    record = merge(actor=None, kept=kept, dropped=dropped, choices={}, expected_revs=(1, 1))
    assert found(q="dusseldorfer") == []
    assert found(country="DE", city="dusseldorf") == ["Müller Messebau GmbH"]
    assert_up_to_date()
    unmerge(actor=None, record=record)
    assert found(country="DE", city="dusseldorf") == ["Düsseldorfer Stände"]
    assert_up_to_date()


@pytest.mark.django_db(transaction=True)
def test_large_directory_is_read_anew_beside_the_searches(monkeypatch):
    build("First")
    assert found() == ["First"]
    monkeypatch.setattr(catalogue, "SMALL", 0)
    monkeypatch.setattr(catalogue, "CHECK_SECONDS", 0.0)
    build("Second")
    # This search finds the catalogue old and has another one made; it does not wait for it.
    assert found() == ["First"]
    for thread in threading.enumerate():
        if thread.name == "directory":
            thread.join(timeout=20)
    monkeypatch.setattr(catalogue, "CHECK_SECONDS", 3600.0)
    assert sorted(found()) == ["First", "Second"]
    build("Third")
    assert len(found()) == 2


def test_what_many_have_is_kept_with_the_catalogue_and_what_few_have_is_not(monkeypatch):
    many, few = list(range(catalogue._MANY)), [1]
    rows = [(pk, 0, 0, "[[],[],[]]") for pk in range(catalogue.SMALL + 1)]
    known = catalogue.Catalogue((), rows)
    everybody = known.found("many", lambda: (many, few))
    assert (everybody[0].bit_count(), everybody[1].bit_count()) == (len(many), 1)
    assert known.found("many", lambda: ([], [])) == everybody
    assert known.found("few", lambda: (few, [])) == (2, 0)
    assert known.found("few", lambda: ([], [])) == (0, 0)
    small = catalogue.Catalogue((), rows[:-1])
    assert small.found("many", lambda: (many, few)) == everybody
    assert small.found("many", lambda: ([], [])) == (0, 0)
