"""What was answered lately, so that an item that comes again gets the same answer while the database is away.

The database knows every item that it has stored; while it does not answer, somebody else has to. An item that was kept
in the journal, or stored a moment before the outage, and comes again because its answer was lost, would otherwise be
journaled a second time under another name, and be shown twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from realtime.errors import ClientError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Some ten megabytes. Older answers are forgotten: a repeat that comes so late is still stored once, by the database.
MOST = 20_000


@dataclass(slots=True)
class Repeats(Generic[ItemT, ResultT]):
    """Remembers the last `MOST` answers by what makes an item the same item.

    identify: returns that key, and what the item says: the same key with other words is a conflict.
    again:    makes the answer to a repeat of the first answer.
    conflict: makes the refusal of the same key with other words.
    """

    identify: Callable[[ItemT], tuple[Hashable, str]]
    again: Callable[[ResultT], ResultT]
    conflict: Callable[[], ClientError]
    most: int = MOST
    # The words themselves would take the memory of the whole journal.
    # Ordered, because of a plain dict the first key is found past the places of all that were deleted before it.
    _answers: OrderedDict[Hashable, tuple[int, ResultT]] = field(default_factory=OrderedDict, init=False)

    def remember(self, item: ItemT, answer: ResultT) -> None:
        """Keep the answer that `item` was given; the first one counts."""
        key, words = self.identify(item)
        if key in self._answers:
            return
        if len(self._answers) >= self.most:
            self._answers.popitem(last=False)
        self._answers[key] = (hash(words), answer)

    def answer(self, item: ItemT) -> ResultT | ClientError | None:
        """Return the answer to an item that came before, or None for a new one."""
        key, words = self.identify(item)
        known = self._answers.get(key)
        if known is None:
            return None
        said, answer = known
        return self.again(answer) if said == hash(words) else self.conflict()

    def new_among(self, items: Sequence[ItemT]) -> dict[int, ItemT]:
        """Return, by their places, the items that come for the first time; of equal ones the first."""
        found: dict[int, ItemT] = {}
        keys: set[Hashable] = set()
        for place, item in enumerate(items):
            key, _ = self.identify(item)
            if key not in self._answers and key not in keys:
                keys.add(key)
                found[place] = item
        return found
