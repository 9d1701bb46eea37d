"""Frames that are no commands get a documented answer, the socket stays open, and the neighbours notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid

import pytest
from websockets.frames import Opcode

from tests.chaos.crowd import Crowd, eventually
from tests.chaos.figures import figure, memory, take_p99
from tests.chaos.people import Cast, invite
from tests.chaos.raw_line import LineClosed, RawLine, frame_of, greeted_line
from tests.servers import LiveServer, StartServer

pytestmark = pytest.mark.chaos

MAX_FRAME = 65_536
NEIGHBOURS = 20
WRITERS = 4
VANDALS = 10
FRAMES_PER_SECOND = 1000
# Each is followed by a heartbeat, and a line may send 60 commands at once.
FRAMES_A_LINE = 25
# Quiet and flood take turns, and the best of each count: what else the machine does rarely spoils every round.
ROUNDS = 3
# What the server reads of one line: so many frames at once, and then so many a second.
READ_AT_ONCE, READ_PER_SECOND = 200, 100
MEBIBYTE = 1024 * 1024
ROUND_SECONDS = 2
# What the machine's other work may add to a percentile between two halves of one run.
NOISE_SECONDS = 0.01

CLIENT_ID = str(uuid.uuid4()).encode()
# The bytes of a frame, and the id and the code that the answer must have.
TEXT_FRAMES: list[tuple[bytes, int | None, str]] = [
    (b"", None, "bad_request"),
    (b"null", None, "bad_request"),
    (b"[]", None, "bad_request"),
    (b"7", None, "bad_request"),
    (b"true", None, "bad_request"),
    (b'"text"', None, "bad_request"),
    (b"{", None, "bad_request"),
    (b"{}", None, "bad_request"),
    (b'{"id":1,"op":"heartbeat"}{}', None, "bad_request"),
    (b'{"id":2}', 2, "bad_request"),
    (b'{"id":0,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":-1,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":true,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":"3","op":"heartbeat"}', None, "bad_request"),
    (b'{"id":1.5,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":1.0,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":1e2,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":-0,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":01,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":-9223372036854775809,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":%s,"op":"heartbeat"}' % (b"9" * 5000), None, "bad_request"),
    (b'{"id":NaN,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":Infinity,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":18,"op":"heartbeat","d":NaN}', None, "bad_request"),
    (b'{"id":19,"op":"heartbeat","d":{"rooms":{"R":NaN}}}', None, "bad_request"),
    (b'{"id":20,"op":"heartbeat","d":{"rooms":{"R":1e999}}}', 20, "bad_request"),
    (b'{"id":21,"op":"heartbeat","d":}', None, "bad_request"),
    (b'\xef\xbb\xbf{"id":22,"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":23}', 23, "bad_request"),
    (b'{"op":"heartbeat"}', None, "bad_request"),
    (b'{"id":24,"op":"heartbeat "}', 24, "unsupported"),
    (b'{"id":25,"op":" heartbeat"}', 25, "unsupported"),
    (b'{"id":26,"op":"HEARTBEAT"}', 26, "unsupported"),
    (b'{"id":27,"op":""}', 27, "unsupported"),
    (b'{"id":28,"op":"heartbeat\\u0000"}', 28, "unsupported"),
    (b'{"id":29,"op":"message.send","room":"R"}', 29, "bad_request"),
    (b'{"id":30,"op":"message.send","room":"R","d":null}', 30, "bad_request"),
    (b'{"id":31,"op":"message.send","room":"R","d":[]}', 31, "bad_request"),
    (b'{"id":32,"op":"message.send","room":"R\\u0000","d":{}}', 32, "bad_request"),
    (b'{"id":33,"op":"message.edit","room":"R","d":{"seq":1.5,"text":"x"}}', 33, "bad_request"),
    (b'{"id":34,"op":"history.fetch","room":"R","d":{"limit":"all"}}', 34, "bad_request"),
    (b'{"id":4,"op":7}', 4, "bad_request"),
    (b'{"id":5,"op":"heartbeat","room":null}', 5, "bad_request"),
    (b'{"id":6,"op":"no.such.command"}', 6, "unsupported"),
    (b'{"id":7,"op":"__init__"}', 7, "unsupported"),
    (b'{"id":8,"op":"heartbeat","d":[]}', 8, "bad_request"),
    (b'{"id":9,"op":"heartbeat","d":null}', 9, "bad_request"),
    (b'{"id":10,"op":"heartbeat","d":{"rooms":{"R":"x"}}}', 10, "bad_request"),
    (b'{"id":11,"op":"room.join","room":"R","d":{"since":7}}', 11, "bad_request"),
    (b'{"id":12,"op":"message.send","room":"R","d":{"client_id":7,"text":[]}}', 12, "bad_request"),
    (b'{"id":13,"op":"message.send","room":"R","d":{"client_id":"no uuid","text":"x"}}', 13, "bad_request"),
    (b"[" * 100 + b"]" * 100, None, "bad_request"),
    (b'{"id":14,"op":"heartbeat","d":{"rooms":' + b"[" * 100 + b"]" * 100 + b"}}", 14, "bad_request"),
    (b"[" * 10_000 + b"]" * 10_000, None, "bad_request"),
    (b"[" * 60_000, None, "bad_request"),
    (b'{"id":15,"op":"heartbeat","d":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", None, "bad_request"),
    # Half of a surrogate pair is no character.
    (
        b'{"id":16,"op":"message.send","room":"R","d":{"client_id":"%s","text":"\\ud800"}}' % CLIENT_ID,
        None,
        "bad_request",
    ),
    (b" " * MAX_FRAME, None, "bad_request"),
]
BINARY_FRAMES: list[tuple[bytes, int | None, str]] = [
    (b"", None, "bad_request"),
    (b'{"id":17,"op":"heartbeat"}', 17, "bad_request"),
    (b"\xff\xfe\x00\x80", None, "bad_request"),
    (b"\xc3\x28" * 1000, None, "bad_request"),
]
# Odd frames that are commands all the same, and the id of their answer.
ODD_COMMANDS: list[tuple[bytes, int]] = [
    (b'{"id":%d,"op":"heartbeat"}' % 2**63, 2**63),
    (b'{"id":%d,"op":"heartbeat"}' % 2**64, 2**64),
    # Of a name that comes twice the last one counts.
    (b'{"id":41,"id":42,"op":"heartbeat"}', 42),
    (b'{"id":43,"op":"message.send","op":"heartbeat","d":[],"d":{}}', 43),
    (b' \r\n\t{ "op" : "heartbeat" , "id" : 44 , "unknown" : [ { } ] } \n', 44),
    (b'{"id":45,"op":"\\u0068eartbeat","d":{"rooms":{}}}', 45),
]


@pytest.fixture
def server(live_server_process: StartServer) -> LiveServer:
    return live_server_process()


async def test_every_malformed_frame_has_its_answer(server: LiveServer) -> None:
    cast = invite(server, people=NEIGHBOURS + 1)
    crowd = Crowd(cast.rooms[0], cast.people[1:], [server])
    async with crowd.present(), crowd.talking(crowd.clients[:WRITERS], per_second=5):
        # Some at a time, for the sake of the limit on commands.
        for first in range(0, len(TEXT_FRAMES), FRAMES_A_LINE):
            async with greeted_line(server, cast.people[0].cookie) as line:
                for payload, number, code in TEXT_FRAMES[first : first + FRAMES_A_LINE]:
                    await check_answer(line, payload, Opcode.TEXT, number, code)
        async with greeted_line(server, cast.people[0].cookie) as line:
            for payload, number, code in BINARY_FRAMES:
                await check_answer(line, payload, Opcode.BINARY, number, code)
            for payload, odd_number in ODD_COMMANDS:
                await line.send(payload)
                assert await line.receive_reply() == {"re": odd_number, "ok": {"heads": {}}}
            await check_texts(line, cast.rooms[0])
            await check_pending_id(line, cast.rooms[0])
        for payload, opcode, close in (
            (b" " * (MAX_FRAME + 1), Opcode.TEXT, 1009),
            (b"x" * 1_000_000, Opcode.TEXT, 1009),
            (b'{"id":1,"op":"message.send","d":{"text":"%s"}}' % (b"x" * 1_000_000), Opcode.TEXT, 1009),
            (b"\xff" * (MAX_FRAME + 1), Opcode.BINARY, 1009),
            (b'"\xc3\x28"', Opcode.TEXT, 1007),
            (b'"\xed\xa0\x80"', Opcode.TEXT, 1007),
            # The rest of a frame that was never begun.
            (b"null", Opcode.CONT, 1002),
        ):
            async with greeted_line(server, cast.people[0].cookie) as line:
                await check_close(line, payload, opcode, close)
    check_neighbours(crowd)


@pytest.mark.quiet
async def test_a_flood_of_malformed_frames_slows_nobody_down(server: LiveServer) -> None:
    cast = invite(server, people=NEIGHBOURS + VANDALS)
    crowd = Crowd(cast.rooms[0], cast.people[VANDALS:], [server])
    async with crowd.present(), crowd.talking(crowd.clients[:WRITERS], per_second=10):
        await asyncio.sleep(1)
        take_p99(crowd.clients)
        quiet, flooded, answered = [], [], 0
        for _ in range(ROUNDS):
            await asyncio.sleep(ROUND_SECONDS)
            quiet.append(take_p99(crowd.clients))
            answered += await flood(server, cast)
            flooded.append(take_p99(crowd.clients))
    check_neighbours(crowd)
    rate = answered / ROUNDS / ROUND_SECONDS
    print(f"{rate:.0f} malformed frames/s; p99 {min(quiet) * 1000:.1f} -> {min(flooded) * 1000:.1f} ms")
    assert rate >= 0.8 * FRAMES_PER_SECOND
    assert min(flooded) <= 1.2 * min(quiet) + NOISE_SECONDS


@pytest.mark.quiet
async def test_a_million_frames_at_once_are_read_at_the_servers_pace(server: LiveServer) -> None:
    cast = invite(server, people=NEIGHBOURS + 1)
    crowd = Crowd(cast.rooms[0], cast.people[1:], [server])
    async with crowd.present(), crowd.talking(crowd.clients[:WRITERS], per_second=10):
        await asyncio.sleep(1)
        take_p99(crowd.clients)
        await asyncio.sleep(ROUND_SECONDS)
        quiet, base = take_p99(crowd.clients), memory(server)
        async with greeted_line(server, cast.people[0].cookie) as line:
            writing = asyncio.create_task(line.write(frame_of(b"null") * 1_000_000))
            answered = await count_replies(line, 2 * ROUND_SECONDS)
            flooded, grown = take_p99(crowd.clients), memory(server) - base
            writing.cancel()
            # Gone like a phone without a network, with most of its frames unsent: an orderly close would send them.
            line.writer.transport.abort()
        began = time.monotonic()
        await eventually(lambda: figure(server, "pavilion_connections") == NEIGHBOURS, 10, "the end of the line")
        gone = time.monotonic() - began
    check_neighbours(crowd)
    print(
        f"{answered} of a million answered; {grown} bytes; p99 {quiet * 1000:.1f} -> {flooded * 1000:.1f} ms; "
        f"forgotten after {gone:.1f} s"
    )
    assert answered <= 1.2 * (READ_AT_ONCE + 2 * ROUND_SECONDS * READ_PER_SECOND)
    assert grown < 32 * MEBIBYTE
    # One round alone, so the machine's other work weighs more than in the flood above.
    assert flooded <= 2 * quiet + 4 * NOISE_SECONDS


async def count_replies(line: RawLine, seconds: float) -> int:
    """Return how many replies come in this time."""
    count = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                count += sum("re" in item for item in await line.receive())
    return count


async def check_answer(line: RawLine, payload: bytes, opcode: Opcode, number: int | None, code: str) -> None:
    await line.send(payload, opcode)
    answer = await line.receive_reply()
    assert answer["re"] == number, payload[:80]
    assert answer["err"]["code"] == code, payload[:80]
    assert answer["err"]["message"]
    alive = await line.ask({"id": 999, "op": "heartbeat"})
    assert alive == {"re": 999, "ok": {"heads": {}}}, payload[:80]


async def check_texts(line: RawLine, room: str) -> None:
    """Texts that JSON can carry and a database cannot store are refused or cleaned, and cost nobody anything."""
    assert "ok" in await line.ask({"id": 1, "op": "room.join", "room": room})
    frame = b'{"id":%d,"op":"message.send","room":"%s","d":{"client_id":"%s","text":"%s"}}'
    for number, (text, code) in enumerate(
        (
            (b"\\u0000\\u0007", "invalid"),
            (b"   ", "invalid"),
            (b"x" * 4001, "too_large"),
            (b"x" * 60_000, "too_large"),
        ),
        start=2,
    ):
        await line.send(frame % (number, room.encode(), CLIENT_ID, text))
        answer = await line.receive_reply()
        assert (answer["re"], answer["err"]["code"]) == (number, code), text[:20]
    # Invisible characters and whatever turns the writing round are text; the pages keep it within its own message.
    for text, kept in (
        ("\u202eabc\u2066\u200f", "\u202eabc\u2066\u200f"),
        ("👩\u200d🚀 e\u0301", "👩\u200d🚀 \u00e9"),
        ("a\u0000b\u001b[31m\u0085c\r\nd", "ab[31mc\nd"),
        ("x" * 4000, "x" * 4000),
    ):
        sent = {"client_id": str(uuid.uuid4()), "text": text}
        answer = await line.ask({"id": 90, "op": "message.send", "room": room, "d": sent})
        page = await line.ask(
            {"id": 91, "op": "history.fetch", "room": room, "d": {"limit": 1, "around": answer["ok"]["seq"]}}
        )
        assert [message["text"] for message in page["ok"]["messages"]] == [kept]


async def check_pending_id(line: RawLine, room: str) -> None:
    """An id that waits for its answer cannot be given again: one of the two is sent, the other one is refused."""
    command = b'{"id":77,"op":"message.send","room":"%s","d":{"client_id":"%s","text":"once"}}'
    # In one piece, so that both are there before the first is stored.
    await line.write(b"".join(frame_of(command % (room.encode(), str(uuid.uuid4()).encode())) for _ in range(2)))
    answers = [await line.receive_reply() for _ in range(2)]
    assert [answer["re"] for answer in answers] == [77, 77]
    assert [answer["err"]["code"] for answer in answers if "err" in answer] == ["bad_request"]
    # Once answered it is free again.
    assert "ok" in await line.ask({"id": 77, "op": "heartbeat"})


async def check_close(line: RawLine, payload: bytes, opcode: Opcode, close: int) -> None:
    # The server may hang up before a large frame has gone out.
    with contextlib.suppress(ConnectionError):
        await line.send(payload, opcode)
    with pytest.raises(LineClosed) as closed:
        await line.receive_reply()
    assert closed.value.code == close


async def flood(server: LiveServer, cast: Cast) -> int:
    """Let every vandal send its share of nonsense at an even pace, and return how many frames were answered."""
    return sum(await asyncio.gather(*(vandalise(server, person.cookie) for person in cast.people[:VANDALS])))


async def vandalise(server: LiveServer, cookie: str) -> int:
    nonsense = itertools.cycle(payload for payload, _, code in TEXT_FRAMES if len(payload) < 1000)
    sent = answered = 0
    async with greeted_line(server, cookie) as line:
        began = time.monotonic()
        while (now := time.monotonic() - began) < ROUND_SECONDS:
            due = int(now * FRAMES_PER_SECOND / VANDALS)
            while sent < due:
                await line.send(next(nonsense))
                sent += 1
            while answered < sent:
                answered += sum("re" in item for item in await line.receive())
            await asyncio.sleep(0.01)
    return answered


def check_neighbours(crowd: Crowd) -> None:
    for client in crowd.clients:
        assert client.broken_rules == []
        assert client.connections == 1
        assert not client.refusals
