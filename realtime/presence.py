"""Who is here: people, not sockets. Somebody with two tabs, or on two servers, counts once.

Each process knows its own people; the doorbell tells it about the other processes' people. Nothing of this is
durable: a process that is silent for `NODE_SECONDS` is forgotten with everybody on it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

NODE_SECONDS = 30.0


class Presence:
    def __init__(self) -> None:
        # topic -> user (primary key) -> the connections of that user
        self._here: dict[str, dict[int, set[str]]] = defaultdict(dict)
        # node -> topic -> users, and when the node was heard last
        self._elsewhere: dict[str, dict[str, frozenset[int]]] = {}
        self._heard_at: dict[str, float] = {}
        # Topics whose people changed since `take_changed`: on any server, and on this one.
        self._changed: set[str] = set()
        self._changed_here: set[str] = set()

    def arrive(self, topic: str, user: int, connection: str) -> None:
        connections = self._here[topic].setdefault(user, set())
        if not connections:
            self._changed_here.add(topic)
        connections.add(connection)

    def depart(self, topic: str, user: int, connection: str) -> None:
        people = self._here.get(topic)
        if people is None or user not in people:
            return
        people[user].discard(connection)
        if not people[user]:
            del people[user]
            self._changed_here.add(topic)
        if not people:
            del self._here[topic]

    def people(self, topic: str) -> set[int]:
        """Return the users (primary keys) present in the topic, on any server."""
        present = set(self._here.get(topic, ()))
        for topics in self._elsewhere.values():
            present |= topics.get(topic, frozenset())
        return present

    def count(self, topic: str) -> int:
        if not self._elsewhere:
            return len(self._here.get(topic, ()))
        return len(self.people(topic))

    def everybody(self) -> set[int]:
        """Return the users present in any topic of this process."""
        return {user for people in self._here.values() for user in people}

    def take_changed(self) -> tuple[set[str], set[str]]:
        """Return the topics whose people changed since the last call: on any server, and on this one."""
        here, self._changed_here = self._changed_here, set()
        anywhere, self._changed = self._changed | here, set()
        return anywhere, here

    def here(self, topics: Iterable[str] | None = None) -> dict[str, list[int]]:
        """Return the people of this process by topic, as the other processes are told; all topics for None."""
        names = self._here if topics is None else topics
        return {topic: list(self._here.get(topic, ())) for topic in names}

    def hear(self, node: str, topics: dict[str, list[int]], *, is_whole: bool) -> None:
        """Take what another process says: all of its topics, or only those that changed."""
        before = self._elsewhere.get(node, {})
        said = {topic: frozenset(people) for topic, people in topics.items()}
        now = {topic: people for topic, people in (said if is_whole else before | said).items() if people}
        self._changed |= {topic for topic in before.keys() | now.keys() if before.get(topic) != now.get(topic)}
        self._elsewhere[node] = now
        self._heard_at[node] = time.monotonic()

    def forget_silent(self) -> None:
        """Drop the processes that have not been heard for `NODE_SECONDS`."""
        deadline = time.monotonic() - NODE_SECONDS
        for node in [node for node, at in self._heard_at.items() if at < deadline]:
            self._changed |= set(self._elsewhere.pop(node))
            del self._heard_at[node]
