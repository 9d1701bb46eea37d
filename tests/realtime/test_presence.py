"""People, not sockets, on all servers."""

from __future__ import annotations

from realtime.presence import NODE_SECONDS, Presence


def test_person_with_two_tabs_counts_once_until_both_are_gone():
    presence = Presence()
    presence.arrive("room", 1, "tab a")
    presence.arrive("room", 1, "tab b")
    presence.arrive("room", 2, "tab c")
    assert (presence.count("room"), presence.people("room")) == (2, {1, 2})
    presence.depart("room", 1, "tab a")
    assert presence.count("room") == 2
    presence.depart("room", 1, "tab b")
    assert presence.people("room") == {2}


def test_departure_of_somebody_unknown_is_no_error():
    presence = Presence()
    presence.depart("room", 1, "tab")
    presence.arrive("room", 1, "tab")
    presence.depart("room", 1, "another tab")
    presence.depart("room", 2, "tab")
    assert presence.people("room") == {1}


def test_person_on_two_servers_counts_once():
    presence = Presence()
    presence.arrive("room", 1, "tab")
    presence.hear("other", {"room": [1, 2]}, is_whole=True)
    assert (presence.count("room"), presence.people("room")) == (2, {1, 2})
    presence.depart("room", 1, "tab")
    assert presence.people("room") == {1, 2}


def test_whole_list_replaces_and_a_part_adds():
    presence = Presence()
    presence.hear("other", {"a": [1], "b": [2]}, is_whole=True)
    presence.hear("other", {"b": [3], "c": [4]}, is_whole=False)
    assert [presence.people(topic) for topic in "abc"] == [{1}, {3}, {4}]
    presence.hear("other", {"c": []}, is_whole=False)
    assert presence.people("c") == set()
    presence.hear("other", {"a": [9]}, is_whole=True)
    assert [presence.people(topic) for topic in "abc"] == [{9}, set(), set()]


def test_same_list_twice_changes_nothing():
    presence = Presence()
    presence.hear("other", {"room": [1, 2]}, is_whole=True)
    presence.take_changed()
    presence.hear("other", {"room": [2, 1]}, is_whole=True)
    assert presence.take_changed() == (set(), set())


def test_changes_are_taken_once_and_told_apart():
    presence = Presence()
    presence.arrive("here", 1, "tab")
    presence.hear("other", {"there": [2]}, is_whole=True)
    assert presence.take_changed() == ({"here", "there"}, {"here"})
    assert presence.take_changed() == (set(), set())
    presence.arrive("here", 1, "second tab")
    assert presence.take_changed() == (set(), set())


def test_server_that_fell_silent_leaves_no_ghosts(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("realtime.presence.time.monotonic", lambda: now[0])
    presence = Presence()
    presence.hear("silent", {"room": [1]}, is_whole=True)
    now[0] += NODE_SECONDS - 1
    presence.hear("alive", {"room": [2]}, is_whole=True)
    presence.take_changed()
    presence.forget_silent()
    assert presence.people("room") == {1, 2}
    now[0] += 2
    presence.forget_silent()
    assert presence.people("room") == {2}
    assert presence.take_changed() == ({"room"}, set())


def test_people_here_are_told_by_topic():
    presence = Presence()
    presence.arrive("a", 1, "tab")
    presence.arrive("b", 2, "tab")
    presence.hear("other", {"a": [3]}, is_whole=True)
    assert presence.here() == {"a": [1], "b": [2]}
    assert presence.here(["b", "gone"]) == {"b": [2], "gone": []}
    assert presence.everybody() == {1, 2}
