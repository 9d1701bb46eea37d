"""What is changed about a room, by whichever way, is told to who is in it, and to who comes back."""

from __future__ import annotations

import pytest
from django.urls import reverse

from chat.models import Room
from tests.rig import act_as, client_of, head_of, in_db, make_staff, post

pytestmark = pytest.mark.django_db(transaction=True)


def over_http(room, ada, **changes) -> None:
    path = f"/api/rooms/{room.uid}"
    assert client_of(ada).patch(path, changes, content_type="application/json").status_code == 200


def over_http_by_staff_who_are_not_in(room, ada, **changes) -> None:
    over_http(room, make_staff(), **changes)


def in_the_admin(room, ada, **changes) -> None:
    fields = {"name": room.name, "mode": room.mode, "slow_seconds": room.slow_seconds, "position": room.position}
    url = reverse("admin:chat_room_change", args=[room.pk])
    assert client_of(make_staff()).post(url, fields | changes).status_code == 302


def by_an_action(room, ada, action) -> None:
    data = {"action": action, "_selected_action": [room.pk], "confirmed": "yes"}
    assert client_of(make_staff()).post("/admin/chat/room/", data).status_code == 302


WAYS = [
    pytest.param(over_http, {"name": "Tent"}, {"name": "Tent"}, id="rename over http"),
    pytest.param(over_http, {"mode": "paused"}, {"mode": "paused"}, id="mode over http"),
    pytest.param(over_http_by_staff_who_are_not_in, {"slow_seconds": 9}, {"slow_seconds": 9}, id="slow mode by staff"),
    pytest.param(in_the_admin, {"name": "Tent"}, {"name": "Tent"}, id="rename in the admin"),
    pytest.param(in_the_admin, {"mode": "members"}, {"mode": "members"}, id="mode in the admin"),
    pytest.param(in_the_admin, {"is_listed": "on"}, {"listed": True}, id="listing in the admin"),
    pytest.param(by_an_action, {"action": "close"}, {"mode": "closed"}, id="close"),
    pytest.param(by_an_action, {"action": "archive"}, {"archived": True}, id="archive"),
]


@pytest.mark.parametrize(("act", "arguments", "shown"), WAYS)
async def test_change_reaches_who_is_in_and_who_comes_back(
    runtime_of, quick_hub, sit_down, ada, bob, room, act, arguments, shown
):
    await in_db(post, ada, room)
    async with runtime_of("there") as there, runtime_of("here") as here:
        act_as(there)
        far = await sit_down(bob, room)
        act_as(here)
        near, away = await sit_down(bob, room), await sit_down(ada)
        answer = await away.join(room)
        await away.ask("room.leave", {}, room)
        await in_db(act, room, ada, **arguments)
        for socket in (near, far):
            event = await socket.event("room.changed")
            assert (event["room"], event["seq"], event["d"]["uid"]) == (room.uid, 2, room.uid)
            assert event["d"].items() >= shown.items()
            assert "code" not in event["d"]
        back = await away.join(room, {"epoch": answer["epoch"], "seq": answer["head"]})
        assert (back["mode"], back["head"]) == ("resumed", 2)
        [missed] = back["events"]
        assert (missed["ev"], missed["seq"]) == ("room.changed", 2)
        assert missed["d"].items() >= shown.items()
    assert await in_db(head_of, room) == 2


async def test_change_to_what_it_is_already_takes_no_number(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)
    await in_db(over_http, room, ada, name=room.name, mode=room.mode, slow_seconds=0)
    await in_db(in_the_admin, room, ada)
    await in_db(post, ada, room)
    assert (await socket.event("message.created"))["seq"] == 1


async def test_change_refused_to_a_visitor_is_told_nobody(runtime, sit_down, ada, bob, room):
    socket = await sit_down(bob, room)

    def try_it() -> int:
        return (
            client_of(bob)
            .patch(f"/api/rooms/{room.uid}", {"name": "Mine"}, content_type="application/json")
            .status_code
        )

    assert await in_db(try_it) == 403
    await in_db(post, ada, room)
    assert (await socket.event("message.created"))["seq"] == 1
    assert (await in_db(Room.objects.get)).name == "Main Stage"
