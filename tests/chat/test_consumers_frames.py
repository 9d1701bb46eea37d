"""`/ws/`: frames that are no commands, and floods of them."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from chat.live import parts_of

pytestmark = pytest.mark.django_db(transaction=True)


DEEP = "[" * 100 + "]" * 100
VERY_DEEP = "[" * 20_000 + "]" * 20_000


@pytest.mark.parametrize(
    ("frame", "answered_id"),
    [
        ("null", None),
        ("true", None),
        ("7", None),
        ("-1.5e300", None),
        ('""', None),
        ("[]", None),
        ("{}", None),
        ("{", None),
        (" ", None),
        ("hello", None),
        ('{"id":1}', 1),
        ('{"op":"heartbeat"}', None),
        ('{"id":null,"op":"heartbeat"}', None),
        ('{"id":true,"op":"heartbeat"}', None),
        ('{"id":"1","op":"heartbeat"}', None),
        ('{"id":1.5,"op":"heartbeat"}', None),
        ('{"id":0,"op":"heartbeat"}', None),
        ('{"id":-1,"op":"heartbeat"}', None),
        ('{"id":1,"op":null}', 1),
        ('{"id":1,"op":7}', 1),
        ('{"id":1,"op":["heartbeat"]}', 1),
        ('{"id":1,"op":"heartbeat","room":7}', 1),
        ('{"id":1,"op":"heartbeat","d":}', None),
        ('{"id":1,"op":"heartbeat","d":{}', None),
        ('{"id":1,"op":"heartbeat","d":null}', 1),
        ('{"id":1,"op":"heartbeat","d":[]}', 1),
        ('{"id":1,"op":"heartbeat","d":"x"}', 1),
        ('{"id":1,"op":"heartbeat","d":{"rooms":[]}}', 1),
        ('{"id":1,"op":"heartbeat","d":{"rooms":{"r":"1"}}}', 1),
        ('{"id":1,"op":"heartbeat","d":{"rooms":' + DEEP + "}}", 1),
        ('{"id":1,"op":"heartbeat","d":' + VERY_DEEP + "}", None),
        (DEEP, None),
        (VERY_DEEP, None),
        ('{"id":1,"op":"\\ud800"}', None),
        ('{"id":1,"op":"heartbeat"}{"id":2,"op":"heartbeat"}', None),
        ("\ufeff{}", None),
        ("\ud800", None),
        ("\x00", None),
    ],
)
async def test_frame_malformed_is_answered_and_the_socket_stays_open(runtime, sit_down, bob, frame, answered_id):
    socket = await sit_down(bob)
    await socket.communicator.send_to(frame)
    envelope = await socket.reply(answered_id)
    assert envelope["err"]["code"] == "bad_request"
    assert await socket.ask("heartbeat") == {"heads": {}}


async def test_frame_binary_is_answered_with_its_id(runtime, sit_down, bob):
    socket = await sit_down(bob)
    for content, answered_id in ((b'{"id":7,"op":"heartbeat"}', 7), (b"\xff\xfe", None), (b"\x00" * 100, None)):
        await socket.communicator.send_to(bytes_data=content)
        assert (await socket.reply(answered_id))["err"]["code"] == "bad_request"
    assert await socket.ask("heartbeat") == {"heads": {}}


async def test_frame_with_a_huge_number_is_answered(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    for number in (2**63, 10**30, -(10**30)):
        assert (await socket.refused("message.delete", {"seq": number}, room))["code"] in ("bad_request", "not_found")
        assert await socket.ask("history.fetch", {"before": number}, room)
    assert await socket.ask("heartbeat")


async def test_command_unknown_is_unsupported(runtime, sit_down, bob):
    socket = await sit_down(bob)
    for op in ("", "message", "message.send2", "__init__", "x" * 60_000):
        assert (await socket.refused(op))["code"] == "unsupported"


async def test_command_field_wrong_is_named(runtime, sit_down, bob, room):
    socket = await sit_down(bob, room)
    error = await socket.refused("message.send", {"client_id": str(uuid.uuid4()), "text": 7}, room)
    assert (error["code"], error["field"]) == ("bad_request", "text")
    error = await socket.refused("message.send", {"client_id": "no uuid", "text": "hi"}, room)
    assert (error["code"], error["field"]) == ("bad_request", "client_id")


async def test_command_id_still_pending_is_refused(runtime, sit_down, bob, room, monkeypatch):
    socket = await sit_down(bob, room)
    held = []
    monkeypatch.setattr(type(parts_of(runtime).messages), "submit", lambda self, item, done: held.append(done))
    d = {"client_id": str(uuid.uuid4()), "text": "first"}
    await socket.send("message.send", d, room, id=9)
    await socket.send("message.send", d, room, id=9)
    assert (await socket.reply(9))["err"]["code"] == "bad_request"
    held[0](RuntimeError("lost"))
    assert (await socket.reply(9))["err"]["code"] == "internal"


async def test_command_unknown_fields_are_ignored(runtime, sit_down, bob, room):
    socket = await sit_down(bob)
    await socket.communicator.send_json_to({"id": 5, "op": "heartbeat", "later": 1, "d": {"rooms": {}, "later": DEEP}})
    assert (await socket.reply(5))["ok"] == {"heads": {}}


async def test_command_flood_is_rate_limited(runtime, sit_down, bob, monkeypatch):
    monkeypatch.setattr("realtime.consumer.COMMANDS_BURST", 3.0)
    monkeypatch.setattr("realtime.consumer.COMMANDS_PER_SECOND", 1.0)
    socket = await sit_down(bob)
    for _ in range(3):
        await socket.ask("heartbeat")
    error = await socket.refused("heartbeat")
    assert error["code"] == "rate_limited"
    assert 0 < error["retry_after_ms"] <= 1001


async def test_command_flood_passes_without_limits(runtime, sit_down, bob, settings, monkeypatch):
    settings.RATE_LIMITS_ENABLED = False
    monkeypatch.setattr("realtime.consumer.COMMANDS_BURST", 1.0)
    socket = await sit_down(bob)
    for _ in range(5):
        await socket.ask("heartbeat")


async def test_frame_flood_is_read_more_slowly_and_neighbours_are_not(runtime, sit_down, ada, bob, room, monkeypatch):
    monkeypatch.setattr("realtime.consumer.FRAMES_BURST", 5.0)
    monkeypatch.setattr("realtime.consumer.FRAMES_PER_SECOND", 20.0)
    noisy, neighbour = await sit_down(bob), await sit_down(ada, room)
    began = asyncio.get_running_loop().time()
    for _ in range(15):
        await noisy.communicator.send_to("null")
    assert (await neighbour.say(room, "undisturbed"))["state"] == "stored"
    for _ in range(15):
        assert (await noisy.reply(None))["err"]["code"] == "bad_request"
    assert asyncio.get_running_loop().time() - began > 0.4
    assert noisy.code is None
