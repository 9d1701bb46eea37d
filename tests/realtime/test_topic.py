"""The ring of a topic: whatever comes in, however often and in whatever order, it equals its source."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.topic import MAX_FRAME_CHARACTERS, RING, Topic
from realtime.wire import Event, encode


def event(number: int, text: str = "", key: str = "", **fields) -> Event:
    return Event(number, encode({"seq": number, "text": text}), key or f"m{number}", **fields)


def live_topic(head: int = 0) -> Topic:
    topic = Topic("room")
    topic.begin(head, "epoch")
    return topic


def numbers(frame: str) -> list[int]:
    content = json.loads(frame)
    return [thing["seq"] for thing in (content if isinstance(content, list) else [content])]


@dataclass
class Source:
    """The database: rows that remember the number of their last change, and up to where they were cleared."""

    head: int = 0
    rows: dict[str, Event] = field(default_factory=dict)
    cleared_to: int = 0
    sent: list[Event] = field(default_factory=list)

    def write(self, key: str) -> None:
        self.head += 1
        # A row that is not there, or that was cleared, cannot be changed: then a new one is made.
        key = key if key in self.rows else f"m{self.head}"
        self._store(event(self.head, f"{key} at {self.head}", key))

    def clear(self) -> None:
        self.head += 1
        self.cleared_to = self.head
        self.rows = {key: row for key, row in self.rows.items() if not key.startswith("m")}
        self._store(event(self.head, "cleared", "r", wipes="m", wipes_to=self.cleared_to))

    def rename(self) -> None:
        self.head += 1
        self._store(event(self.head, "renamed", "r", wipes="m", wipes_to=self.cleared_to))

    def changes(self, since: int) -> list[Event]:
        return sorted((row for row in self.rows.values() if row.number > since), key=lambda row: row.number)

    def _store(self, row: Event) -> None:
        self.rows[row.key] = row
        self.sent.append(row)


actions = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 12)),
    st.tuples(st.sampled_from(["clear", "rename", "fill"]), st.just(0)),
    st.tuples(st.sampled_from(["deliver", "deliver twice", "lose"]), st.integers(0, 5)),
)


def play(source: Source, topic: Topic, steps: list[tuple[str, int]]) -> None:
    """Write, and deliver what was written in any order, twice or never, with a look at the source now and then."""
    under_way: list[Event] = []
    for what, number in steps:
        if what == "write":
            source.write(f"m{number}")
        elif what in ("clear", "rename"):
            getattr(source, what)()
        elif what == "fill":
            topic.fill(source.changes(topic.head), source.head)
        elif under_way:
            chosen = under_way[number % len(under_way)]
            if what != "lose":
                topic.offer(chosen)
            if what != "deliver twice":
                under_way.remove(chosen)
        under_way += source.sent
        source.sent = []


def shown(events: list[Event]) -> list[tuple[int, str]]:
    return [(each.number, each.text) for each in events]


@given(before=st.lists(actions, max_size=15), steps=st.lists(actions, max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_ring_equals_its_source_whatever_happens_on_the_way(before, steps):
    source = Source()
    play(source, live_topic(), before)
    began_at = source.head
    topic = live_topic(began_at)
    play(source, topic, steps)
    topic.fill(source.changes(topic.head), source.head)
    assert (topic.head, topic.base + len(topic.events) - 1) == (source.head, source.head)
    assert [each.number for each in topic.events] == list(range(topic.base, topic.head + 1))
    assert shown(topic.since(began_at)) == shown(source.changes(began_at))
    topic.prepend([row for row in source.changes(0) if row.number < topic.base], 0)
    assert shown(topic.since(0)) == shown(source.changes(0))
    assert numbers(topic.frame_after(0)[0]) == list(range(1, topic.head + 1)) if topic.head else True


@given(before=st.lists(actions, max_size=20), steps=st.lists(actions, max_size=20))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_ring_equals_its_source_when_older_rows_were_read_before_newer_events_came(before, steps):
    source = Source()
    play(source, live_topic(), before)
    began_at = source.head
    topic = live_topic(began_at)
    read_early = source.changes(0)
    play(source, topic, [step for step in steps if step[0] in ("write", "clear", "rename")])
    topic.fill(source.changes(topic.head), source.head)
    topic.prepend([row for row in read_early if row.number < topic.base], 0)
    assert shown(topic.since(0)) == shown(source.changes(0))


def test_event_in_its_turn_moves_the_head():
    topic = live_topic(3)
    assert topic.offer(event(4)) is True
    assert (topic.head, numbers(topic.frame_after(3)[0])) == (4, [4])


def test_event_seen_before_changes_nothing():
    topic = live_topic()
    topic.offer(event(1, "first"))
    assert topic.offer(event(1, "again")) is False
    assert "first" in topic.frame_after(0)[0]


def test_event_before_its_turn_waits_for_the_missing_one():
    topic = live_topic()
    assert [topic.offer(event(number)) for number in (3, 2)] == [False, False]
    assert topic.offer(event(1)) is True
    assert (topic.head, topic.ahead) == (3, {})


def test_events_before_the_head_is_known_wait_and_are_sorted_out():
    topic = Topic("room")
    for number in (5, 6, 7, 9):
        assert topic.offer(event(number)) is False
    topic.begin(5, "epoch")
    assert topic.head == 7
    assert list(topic.ahead) == [9]


def test_gap_without_rows_is_skipped():
    topic = live_topic()
    assert topic.fill([event(2)], 3) is True
    frame = json.loads(topic.frame_after(0)[0])
    assert [(thing["seq"], thing.get("ev")) for thing in frame] == [(1, "skipped"), (2, None), (3, "skipped")]


def test_fill_below_the_head_changes_nothing():
    topic = live_topic(5)
    assert topic.fill([event(5)], 5) is False
    assert topic.events == []


def test_replaced_event_gives_its_place_to_a_marker():
    topic = live_topic()
    topic.offer(event(1, "before", "m1"))
    topic.offer(event(2, "after", "m1"))
    frame = topic.frame_after(0)[0]
    assert (numbers(frame), "before" in frame, "after" in frame) == ([1, 2], False, True)


def test_wiping_leaves_what_is_not_meant():
    topic = live_topic()
    topic.offer(event(1, "message", "m1"))
    topic.offer(event(2, "member", "u7"))
    topic.offer(event(3, "cleared", "r", wipes="m", wipes_to=3))
    topic.offer(event(4, "new message", "m4"))
    topic.offer(event(5, "renamed", "r", wipes="m", wipes_to=3))
    frame = topic.frame_after(0)[0]
    assert [text in frame for text in ('message"', "member", "new message", "renamed")] == [True, True, True, True]
    assert '"text":"message"' not in frame


def test_another_history_forgets_everything():
    topic = live_topic()
    topic.offer(event(1, "old"))
    topic.offer(event(2, "cleared", "r", wipes="m", wipes_to=2))
    topic.begin(0, "another")
    topic.offer(event(1, "new"))
    assert (topic.epoch, '"new"' in topic.frame_after(0)[0]) == ("another", True)


def test_owner_gets_the_owned_text():
    topic = live_topic()
    topic.offer(event(1, "for all", owner=7, owned_text='{"seq":1,"text":"for you"}'))
    topic.offer(event(2))
    frame, end, owners = topic.frame_after(0)
    assert (end, owners, "for you" in frame) == (2, frozenset({7}), False)
    assert "for you" in topic.frame_for(7, 0, 2)
    assert "for you" not in topic.frame_for(8, 0, 2)


def test_frame_stays_below_what_clients_take():
    topic = live_topic()
    for number in range(1, 11):
        topic.offer(event(number, "x" * (MAX_FRAME_CHARACTERS // 3)))
    seen, cursor = [], 0
    while cursor < 10:
        frame, cursor, _ = topic.frame_after(cursor)
        assert len(frame) <= MAX_FRAME_CHARACTERS * 1.4
        seen += numbers(frame)
    assert seen == list(range(1, 11))


def test_frame_holds_at_least_one_event_however_large():
    topic = live_topic()
    topic.offer(event(1, "x" * 2 * MAX_FRAME_CHARACTERS))
    assert topic.frame_after(0)[1] == 1


def test_ring_is_trimmed_and_reaches_back_far_enough():
    topic = live_topic()
    for number in range(1, 4 * RING):
        topic.offer(event(number))
    assert RING <= len(topic.events) <= 2 * RING
    assert topic.reaches_back_to(topic.head - RING)
    assert not topic.reaches_back_to(topic.base - 2)
    assert topic.is_complete


def test_size_counts_what_was_not_sent():
    topic = live_topic()
    for number in (1, 2, 3):
        topic.offer(event(number))
    one = len(topic.events[0].text)
    assert [topic.size_after(cursor) for cursor in (0, 2, 3)] == [3 * one, one, 0]
