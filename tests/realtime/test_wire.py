"""Frames: what is taken for a command, and what leaves."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import wire
from realtime.errors import ClientError, Overloaded

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def test_command_is_decoded():
    command = wire.decode_command('{"id":7,"op":"message.send","room":"R","d":{"text":"hi"}}')
    assert (command.id, command.op, command.room, bytes(command.d)) == (7, "message.send", "R", b'{"text":"hi"}')


def test_command_without_room_and_d_has_empty_ones():
    command = wire.decode_command('{"id":1,"op":"heartbeat"}')
    assert (command.room, bytes(command.d)) == ("", b"{}")


@pytest.mark.parametrize(
    ("frame", "command_id"),
    [
        ("null", None),
        ("[]", None),
        ("7", None),
        ("{}", None),
        ("", None),
        ('{"id":3}', 3),
        ('{"id":3,"op":7}', 3),
        ('{"id":3,"op":"x","room":"a\\u0000b"}', 3),
        ('{"id":true,"op":"x"}', None),
        ('{"id":-3,"op":"x"}', None),
        ('{"id":0,"op":"x"}', None),
        (b'{"id":3,"op":"x"}', 3),
        (b"\xff\xfe", None),
        ("\ud800", None),
        ("[" * 100_000, None),
    ],
)
def test_frame_that_is_no_command_carries_its_id(frame, command_id):
    with pytest.raises(wire.BadFrame) as refusal:
        wire.decode_command(frame)
    assert (refusal.value.code, refusal.value.command_id) == ("bad_request", command_id)
    json.loads(wire.error(command_id, refusal.value))


@given(json_values | st.text())
def test_frame_of_anything_is_a_command_or_a_bad_request(value):
    text = value if isinstance(value, str) else json.dumps(value)
    with contextlib.suppress(wire.BadFrame):
        assert wire.decode_command(text).id > 0


@given(st.binary(max_size=200))
def test_frame_of_bytes_is_never_a_command(data):
    with pytest.raises(wire.BadFrame):
        wire.decode_command(data)


def test_reply_and_error_have_their_envelopes():
    assert json.loads(wire.reply(7, {"rev": 3})) == {"re": 7, "ok": {"rev": 3}}
    error = ClientError("muted", "No.", field="text", retry_after_ms=5)
    body = {"code": "muted", "message": "No.", "retry_after_ms": 5, "field": "text"}
    assert json.loads(wire.error(None, error)) == {"re": None, "err": body}
    assert json.loads(wire.error(1, Overloaded()))["err"]["retry_after_ms"] == 2000


def test_signal_names_its_room_where_it_has_one():
    assert json.loads(wire.signal("typing", {"uid": "u"}, "R")) == {"ev": "typing", "room": "R", "d": {"uid": "u"}}
    assert json.loads(wire.signal("hello", {})) == {"ev": "hello", "d": {}}


@pytest.mark.parametrize(("code", "reconnect"), [(4001, True), (4499, True), (4500, False), (4999, False)])
def test_bye_says_whether_to_come_back(code, reconnect):
    d = json.loads(wire.bye(code, "why", retry_after_ms=9, room="R"))["d"]
    assert d == {"code": code, "reason": "why", "reconnect": reconnect, "retry_after_ms": 9, "room": "R"}


def test_frame_is_one_object_or_an_array_in_order():
    assert wire.join_frame(['{"a":1}']) == '{"a":1}'
    assert json.loads(wire.join_frame(['{"a":1}', '{"a":2}', '{"a":3}'])) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_skipped_only_advances():
    assert json.loads(wire.skipped("R", 12)) == {"ev": "skipped", "room": "R", "seq": 12}


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (dt.datetime(2026, 5, 1, 18, 30, 0, 250_999, dt.UTC), "2026-05-01T18:30:00.250Z"),
        (dt.datetime(2026, 5, 1, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2026-04-30T22:00:00.000Z"),
    ],
)
def test_time_is_utc_with_milliseconds(at, text):
    assert wire.format_time(at) == text
