"""What one client knows of a room, and every rule that an event has broken on its way there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

# So many changes the server promises to tell one by one.
LONGEST_RESUME = 300


@dataclass(slots=True)
class RoomView:
    """Applies numbered events strictly: the next number or a violation.

    A client of the product forgives what has been seen before and asks when something is missing. This one writes it
    down, because the server promises that neither happens on one connection or across a resume.
    """

    epoch: str = ""
    position: int = 0
    # The whole message by seq, in its newest known state.
    messages: dict[int, Json] = field(default_factory=dict)
    # The uids shown before they had a number.
    provisional: dict[str, Json] = field(default_factory=dict)
    # So many changes they must be told one by one; fewer, where their texts are too long for one answer.
    longest_resume: int = LONGEST_RESUME
    violations: list[str] = field(default_factory=list)
    # How often a join was answered how: snapshot, resumed, reset.
    modes: dict[str, int] = field(default_factory=dict)
    events: int = 0

    def enter(self, answer: Json) -> None:
        """Take the answer to a join."""
        mode = answer["mode"]
        self.modes[mode] = self.modes.get(mode, 0) + 1
        if mode == "resumed":
            self._resume(answer)
            return
        if mode == "reset":
            self._check_reset(answer)
        self.epoch, self.position = answer["epoch"], answer["head"]
        # A fresh start shows what is stored, and nothing else: what has come further up meanwhile is not told again.
        self.messages.clear()
        self.provisional.clear()
        for message in answer["messages"]:
            self._show(message)

    def _check_reset(self, answer: Json) -> None:
        """A fresh start is forced on nobody who could have been told what they missed."""
        behind = answer["head"] - self.position
        is_due = {"too_old": behind > self.longest_resume, "epoch_changed": answer["epoch"] != self.epoch}
        if not is_due.get(answer["reason"], False):
            self.violations.append(f"reset for {answer['reason']}, {behind} changes behind")

    def apply(self, event: Json) -> None:
        """Take one live event with a number."""
        number = event["seq"]
        if number != self.position + 1:
            self.violations.append(f"{event['ev']} {number} came at position {self.position}")
        self._take(event)

    def _resume(self, answer: Json) -> None:
        if answer["from"] != self.position or answer["epoch"] != self.epoch:
            self.violations.append(f"resumed from {answer['from']} at position {self.position}")
        for event in answer["events"]:
            # What was replaced since is left out, so numbers may be missing here; they still rise.
            if not self.position < event["seq"] <= answer["head"]:
                self.violations.append(f"resume to {answer['head']} gave {event['seq']} at position {self.position}")
            self._take(event)
        self.position = answer["head"]

    def _take(self, event: Json) -> None:
        self.events += 1
        self.position = max(self.position, event["seq"])
        if event["ev"].startswith("message."):
            self._show(event["d"])
            if event["d"]["rev"] != event["seq"]:
                self.violations.append(f"event {event['seq']} carries rev {event['d']['rev']}")

    def _show(self, message: Json) -> None:
        known = self.messages.get(message["seq"])
        if known is not None and known["uid"] != message["uid"]:
            self.violations.append(f"position {message['seq']} was given to {known['uid']} and to {message['uid']}")
        if known is None or message["rev"] >= known["rev"]:
            self.messages[message["seq"]] = message
        self.provisional.pop(message["uid"], None)
