"""Who sends, and when: as fast as the server acknowledges (closed loop) or by the clock (open loop)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks.driver.client import Client
from benchmarks.driver.frames import Reply
from benchmarks.driver.text import Stamp, write_text

# A message that nobody acknowledged for this long is given up, so that one lost message does not silence a writer.
GIVE_UP_SECONDS = 5.0


class Writer:
    """Sends through one client and keeps the books on what came of each message.

    `pending` maps what the acknowledgement will name (the command's id, or the message's number where the dialect
    echoes) to the time of sending: the intended one in open loop, so a queue in front of the server counts.
    """

    def __init__(self, client: Client, index: int, run_id: int) -> None:
        self.client = client
        self.index = index
        self.meter = client.meter
        self.is_closed_loop = False
        self.pending: dict[int, int] = {}
        self._number = 0
        self._id_prefix = f"{run_id & 0xFFFFFFFF:08x}-{index & 0xFFFF:04x}-7000-8000-"
        client.become_writer(self.take_reply, self.take_echoes)

    def send(self, intended_ns: int) -> None:
        """Send one message that was due at `intended_ns`; without a line it counts as lost."""
        if self.client.is_closing:
            self.meter.outcomes["no line"] += 1
            return
        self._number += 1
        client = self.client
        ident = client.next_ident()
        text = write_text(Stamp(intended_ns, self.index, self._number))
        payload = client.dialect.send(ident, client.seat, text, f"{self._id_prefix}{self._number:012x}")
        self.pending[self._number if client.dialect.echoes else ident] = intended_ns
        client.write(payload)

    def take_reply(self, reply: Reply) -> None:
        """Note the outcome of the message that the reply names; other replies (heartbeats) pass."""
        sent = self.pending.pop(reply.ident, None)
        if sent is None:
            return
        self._settle(sent, reply.error or reply.state)
        if self.is_closed_loop:
            if reply.error:
                # A server that refuses must not be asked again at full speed.
                asyncio.get_running_loop().call_later(0.05, self._send_next)
            else:
                self._send_next()

    def take_echoes(self, authors: list[tuple[int, int]]) -> None:
        for writer, number in authors:
            sent = self.pending.pop(number, None) if writer == self.index else None
            if sent is not None:
                self._settle(sent, "echoed")
                if self.is_closed_loop:
                    self._send_next()

    def give_up_old(self, now_ns: int) -> None:
        """Count messages without an answer as unanswered, and go on."""
        limit = now_ns - int(GIVE_UP_SECONDS * 1e9)
        for key in [key for key, sent in self.pending.items() if sent < limit]:
            del self.pending[key]
            self.meter.outcomes["unanswered"] += 1
            if self.is_closed_loop:
                self._send_next()

    def _send_next(self) -> None:
        if self.is_closed_loop and not self.client.is_closing:
            self.send(time.monotonic_ns())

    def _settle(self, sent_ns: int, outcome: str) -> None:
        self.meter.outcomes[outcome] += 1
        if self.meter.is_recording:
            self.meter.acknowledged += 1
            self.meter.ack.record((time.monotonic_ns() - sent_ns) // 1000)


def start_writing(writers: Sequence[Writer]) -> None:
    """Put one message of each writer in flight; each answer from now on brings the next."""
    now = time.monotonic_ns()
    for writer in writers:
        writer.is_closed_loop = True
        writer.send(now)


async def watch_writing(writers: Sequence[Writer], seconds: float) -> None:
    """Let the loop run for `seconds`, and start again any writer whose answer got lost."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(0.5, left))
        for writer in writers:
            writer.give_up_old(time.monotonic_ns())


def stop_writing(writers: Sequence[Writer]) -> None:
    for writer in writers:
        writer.is_closed_loop = False


async def write_open_loop(writers: Sequence[Writer], per_second: float, seconds: float) -> None:
    """Send `per_second` messages in all, one writer after the other, however slow the answers are.

    The schedule is fixed before the first message. What is late is sent at once and keeps its intended time.
    """
    interval_ns = int(1e9 / per_second)
    start = time.monotonic_ns()
    for number in range(int(per_second * seconds)):
        due = start + number * interval_ns
        ahead = (due - time.monotonic_ns()) / 1e9
        if ahead > 0:
            await asyncio.sleep(ahead)
        writers[number % len(writers)].send(due)
