"""What a socket's join and resume ask of the database: counted in the server's own threads, BEGIN and COMMIT apart."""

from __future__ import annotations

import pytest

from chat.models import Membership
from realtime.threads import DatabaseThreads
from tests.rig import fill, in_db, make_guest, make_member, open_room

pytestmark = pytest.mark.django_db(transaction=True)

_ASIDE = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.fixture
def asked(monkeypatch):
    """The statements of the server's threads, in order. Asked for before the runtime, so none is missed."""
    sqls: list[str] = []
    counted = DatabaseThreads._count

    def count(self, execute, sql, params, many, context):
        if not sql.startswith(_ASIDE):
            sqls.append(sql)
        return counted(self, execute, sql, params, many, context)

    monkeypatch.setattr(DatabaseThreads, "_count", count)
    return sqls


@pytest.fixture
async def olga(transactional_db):
    return await in_db(make_member, "Olga")


@pytest.fixture
async def room(olga):
    return await in_db(open_room, owner=olga)


async def be_in(person, room) -> None:
    await in_db(Membership.objects.create, room=room, user=person)


async def happen(runtime, olga, room, changes: int, *, is_warm: bool) -> None:
    """Let so much change in the room; a process that is warm follows it from the beginning."""
    if is_warm:
        await runtime.hub.open(room.uid)
    await in_db(fill, olga, room, changes)
    if is_warm:
        await runtime.hub.refresh(runtime.hub.topics[room.uid])


@pytest.mark.parametrize("changes", [1, 30, 300])
@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize(
    ("make", "was_in", "most"),
    [(make_member, True, 2), (make_guest, True, 2), (make_member, False, 5), (make_guest, False, 5)],
    ids=["member who was in", "guest who was in", "new member", "new guest"],
)
async def test_join_takes_few_statements(asked, runtime, sit_down, olga, room, changes, is_warm, make, was_in, most):
    person = await in_db(make)
    if was_in:
        await be_in(person, room)
    await happen(runtime, olga, room, changes, is_warm=is_warm)
    socket = await sit_down(person)
    asked.clear()
    answer = await socket.join(room)
    assert (answer["mode"], answer["head"], len(answer["messages"])) == ("snapshot", changes, min(100, changes))
    assert len(asked) == most, "\n".join(asked)


@pytest.mark.parametrize("changes", [1, 30, 300])
@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
async def test_resume_takes_two_statements_at_most(asked, runtime, sit_down, olga, room, changes, is_warm):
    person = await in_db(make_guest)
    await be_in(person, room)
    await happen(runtime, olga, room, changes, is_warm=is_warm)
    socket = await sit_down(person)
    since = {"epoch": room.cursor.epoch, "seq": 0}
    for most in (1 if is_warm else 2, 1):
        asked.clear()
        answer = await socket.join(room, since)
        assert (answer["mode"], len(answer["events"])) == ("resumed", changes)
        assert len(asked) == most, "\n".join(asked)


async def test_resume_ahead_of_this_process_takes_two_statements(asked, monkeypatch, runtime, sit_down, olga, room):
    """The client has heard from another process what this one has not."""
    person = await in_db(make_guest)
    await be_in(person, room)
    await runtime.hub.open(room.uid)
    monkeypatch.setattr(runtime.hub, "publish", lambda name, events: None)
    await in_db(fill, olga, room, 5)
    socket = await sit_down(person)
    asked.clear()
    answer = await socket.join(room, {"epoch": room.cursor.epoch, "seq": 3})
    assert (answer["mode"], [event["seq"] for event in answer["events"]]) == ("resumed", [4, 5])
    assert len(asked) == 2, "\n".join(asked)


@pytest.mark.parametrize(("asked_for", "most"), [({}, 2), ({"before": 9}, 2), ({"after": 3}, 2), ({"around": 5}, 3)])
@pytest.mark.parametrize("changes", [30, 300])
async def test_history_page_takes_few_statements(asked, runtime, sit_down, olga, room, changes, asked_for, most):
    await happen(runtime, olga, room, changes, is_warm=False)
    socket = await sit_down(await in_db(make_guest), room)
    asked.clear()
    assert (await socket.ask("history.fetch", {"limit": 100, **asked_for}, room))["messages"]
    assert len(asked) == most, "\n".join(asked)


@pytest.mark.parametrize("name", ["nosuchroomnosuch", "x" * 200, "a b", ""])
async def test_room_that_cannot_be_entered_leaves_nothing_behind(asked, runtime, sit_down, name):
    socket = await sit_down(await in_db(make_guest))
    asked.clear()
    assert (await socket.refused("room.join", {}, name))["code"] == "not_found"
    assert runtime.hub.topics == {}
    assert len(asked) == (1 if len(name) == 16 else 0)
