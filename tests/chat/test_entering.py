"""Coming in: by name, by code, by link; what keeps people out, and what guessing costs."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Ban, Membership, Room
from chat.queries import accesses
from chat.services import entering
from chat.services.bans import ban_user, lift_ban
from chat.services.entering import Arrival, enter_by_code, enter_by_token, join_room, join_rooms, leave_room
from realtime.errors import ClientError
from tests.rig import Socket, fill, in_db, join, log_in, make_guest, make_member, make_staff, open_room, statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db):
    return make_guest("Bob")


def code_of(call, **arguments) -> str:
    """Return the refusal's code, or `entered`."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.code
    return "entered"


def guess(person, code, session="s", address="192.0.2.1") -> str:
    return code_of(enter_by_code, actor=person, code=code, session=session, address=address)


# --- by name ----------------------------------------------------------------------------------------------------


def test_join_of_a_public_room_makes_a_member_who_has_missed_nothing(bob):
    ada = make_member()
    room = open_room(ada)
    fill(ada, room, 3)
    access = join_room(actor=bob, room_uid=room.uid)
    assert (access.standing.is_present, access.standing.role, access.read_seq) == (True, "member", 3)
    assert Membership.objects.get(user=bob).read_seq == 3


def test_join_again_changes_nothing_but_the_visit(bob):
    room = open_room(owner=bob)
    Membership.objects.update(read_seq=7, visited_at=timezone.now() - dt.timedelta(days=1))
    join_room(actor=bob, room_uid=room.uid)
    membership = Membership.objects.get()
    assert (membership.role, membership.read_seq) == ("owner", 7)
    assert membership.visited_at > timezone.now() - dt.timedelta(minutes=1)


def test_join_takes_no_number(bob):
    room = open_room()
    join_room(actor=bob, room_uid=room.uid)
    room.cursor.refresh_from_db()
    assert room.cursor.head == 0


@pytest.mark.parametrize("kind", [Room.Kind.PRIVATE, Room.Kind.DIRECT, Room.Kind.LEAD, Room.Kind.SPACE])
def test_join_of_a_room_that_is_not_public_needs_a_key(bob, kind):
    room = open_room(kind=kind)
    assert code_of(join_room, actor=bob, room_uid=room.uid) == "not_found"
    assert not Membership.objects.exists()
    assert code_of(join_room, actor=bob, room_uid=room.uid, has_key=True) == "entered"
    assert code_of(join_room, actor=bob, room_uid=room.uid) == "entered"
    leave_room(actor=bob, room_uid=room.uid)
    assert code_of(join_room, actor=bob, room_uid=room.uid) == "not_found"


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"mode": Room.Mode.CLOSED}, "room_closed"), ({"archived_at": timezone.now()}, "room_closed"), ({}, "entered")],
)
def test_join_of_a_closed_room_is_refused(bob, fields, code):
    assert code_of(join_room, actor=bob, room_uid=open_room(**fields).uid) == code


@pytest.mark.parametrize("uid", ["nosuchroom", "", "a\x00b"])
def test_join_of_no_room_is_not_found(bob, uid):
    assert code_of(join_room, actor=bob, room_uid=uid) == "not_found"


def test_join_by_the_disabled_is_refused(bob):
    bob.is_active = False
    bob.save()
    assert code_of(join_room, actor=bob, room_uid=open_room().uid) == "forbidden"


@pytest.mark.parametrize("was_in", [True, False])
@pytest.mark.parametrize("everywhere", [True, False])
def test_join_by_the_banned_is_refused(bob, was_in, everywhere):
    room = open_room(*[bob] if was_in else [])
    Ban.objects.create(user=bob, room=None if everywhere else room)
    Ban.objects.create(user=bob, room=open_room())
    assert code_of(join_room, actor=bob, room_uid=room.uid) == "banned"


def test_join_with_bans_that_stand_no_more_or_concern_others(bob):
    room, now = open_room(), timezone.now()
    Ban.objects.create(user=bob, room=room, until=now - dt.timedelta(seconds=1))
    Ban.objects.create(user=bob, room=room, lifted_at=now)
    Ban.objects.create(user=bob, room=open_room())
    Ban.objects.create(user=make_guest("Bob"), room=room)
    assert code_of(join_room, actor=bob, room_uid=room.uid) == "entered"


def test_joins_in_one_batch_have_each_their_own_outcome(bob):
    ada, banned = make_member(), make_guest()
    room, private = open_room(), open_room(kind=Room.Kind.PRIVATE)
    Ban.objects.create(user=banned, room=room)
    wanted = [
        Arrival(bob.pk, room.uid),
        Arrival(bob.pk, room.uid),
        Arrival(banned.pk, room.uid),
        Arrival(ada.pk, private.uid),
        Arrival(ada.pk, private.uid, has_key=True),
        Arrival(ada.pk, "nosuchroom"),
        Arrival(10**6, room.uid),
    ]
    outcomes = [out.code if isinstance(out, ClientError) else out.room.uid for out in join_rooms(wanted)]
    assert outcomes == [room.uid, room.uid, "banned", "not_found", private.uid, "not_found", "not_found"]
    assert Membership.objects.count() == 2


def test_leave_twice_is_as_good_as_once(bob):
    room = open_room(bob)
    for _ in range(2):
        leave_room(actor=bob, room_uid=room.uid)
    assert Membership.objects.get().left_at is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("was_in", ["never", "left"])
async def test_join_that_meets_a_ban_loses_and_stays_out_after_it(was_in):
    """The person comes in at the very moment they are banned: the ban wins, whoever is first."""
    olga, bob = await in_db(make_member), await in_db(make_guest)
    room = await in_db(open_room, owner=olga, kind=Room.Kind.PRIVATE)
    if was_in == "left":
        await in_db(join, bob, room)
        await in_db(leave_room, actor=bob, room_uid=room.uid)
    known = (await in_db(accesses, [(bob.pk, room.uid)]))[bob.pk, room.uid]
    ban = await in_db(ban_user, actor=olga, user=bob, room=room)
    [outcome] = await in_db(join_rooms, [Arrival(bob.pk, room.uid, has_key=True, known=known)])
    assert outcome.code == "banned"
    assert not await in_db(Membership.objects.present().filter(user=bob).exists)
    await in_db(lift_ban, actor=olga, ban=ban)
    assert await in_db(code_of, join_room, actor=bob, room_uid=room.uid) == "not_found"


@pytest.mark.django_db(transaction=True)
async def test_join_and_ban_at_once_end_with_the_person_outside():
    olga = await in_db(make_member)
    room = await in_db(open_room, owner=olga)
    for _ in range(15):
        bob = await in_db(make_guest)
        joining = in_db(code_of, join_room, actor=bob, room_uid=room.uid)
        banning = in_db(ban_user, actor=olga, user=bob, room=room)
        await asyncio.gather(joining, banning)
        assert not await in_db(Membership.objects.present().filter(user=bob, room=room).exists)


# --- by code and link -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [str, str.upper, lambda code: code.replace("-", " "), lambda code: f" {code}\n"])
@pytest.mark.parametrize("which", ["code", "short_code"])
def test_code_opens_a_private_room(bob, which, write):
    room = open_room(kind=Room.Kind.PRIVATE)
    assert guess(bob, write(getattr(room, which))) == "entered"
    assert Membership.objects.present().filter(user=bob, room=room).exists()


def test_link_opens_a_private_room(bob):
    room = open_room(kind=Room.Kind.PRIVATE)
    arguments = {"actor": bob, "session": "s", "address": "192.0.2.1"}
    assert code_of(enter_by_token, token="x" * 22, **arguments) == "not_found"
    assert code_of(enter_by_token, token=room.invite_token, **arguments) == "entered"


def test_code_unknown_expired_and_closed_are_one_answer_after_the_same_work(bob):
    past = timezone.now() - dt.timedelta(seconds=1)
    rooms = {
        "expired": open_room(code_expires_at=past),
        "closed": open_room(mode=Room.Mode.CLOSED),
        "archived": open_room(archived_at=past),
    }
    answers, work = [], []
    for code in ("blue-stage-0000", "AAAA0000", "", "no code at all", *(room.code for room in rooms.values())):
        with CaptureQueriesContext(connection) as captured, pytest.raises(ClientError) as refusal:
            enter_by_code(actor=bob, code=code, session="s", address="192.0.2.1")
        answers.append((refusal.value.code, refusal.value.message, refusal.value.field, refusal.value.retry_after_ms))
        work.append(len(captured))
    assert set(answers) == {("not_found", "This code does not open a room.", "code", None)}
    assert set(work) == {2}
    assert not Membership.objects.exists()
    assert Room.objects.count() == 3


@pytest.mark.parametrize(
    ("limit", "varied"),
    [("_WRONG_PER_SESSION", "address"), ("_WRONG_PER_ADDRESS", "session"), ("_WRONG_IN_ALL", "both")],
)
def test_wrong_codes_are_limited_per_session_per_address_and_in_all(bob, monkeypatch, limit, varied):
    room = open_room()
    monkeypatch.setattr(entering, limit, "3/minute")

    def attempt(number: int, code: str) -> str:
        session = f"s{number}" if varied != "address" else "s"
        address = f"192.0.2.{number}" if varied != "session" else "192.0.2.1"
        return guess(bob, code, session, address)

    assert [attempt(number, "blue-stage-0000") for number in range(4)] == ["not_found"] * 3 + ["rate_limited"]
    assert attempt(9, room.code) == "rate_limited"


def test_right_codes_are_not_limited(monkeypatch):
    for limit in ("_WRONG_PER_SESSION", "_WRONG_PER_ADDRESS", "_WRONG_IN_ALL"):
        monkeypatch.setattr(entering, limit, "1/minute")
    room = open_room()
    assert [guess(make_guest(), room.code) for _ in range(5)] == ["entered"] * 5


def test_wrong_codes_of_others_elsewhere_do_not_matter(bob, monkeypatch):
    monkeypatch.setattr(entering, "_WRONG_PER_SESSION", "1/minute")
    monkeypatch.setattr(entering, "_WRONG_PER_ADDRESS", "1/minute")
    room = open_room()
    assert guess(bob, "wrong", "s1", "192.0.2.1") == "not_found"
    assert guess(bob, room.code, "s2", "192.0.2.2") == "entered"
    assert guess(bob, room.code, "s1", "192.0.2.2") == "rate_limited"
    assert guess(bob, room.code, "s2", "192.0.2.1") == "rate_limited"


@pytest.mark.parametrize("enter", [enter_by_code, enter_by_token])
def test_person_banned_from_everything_learns_nothing_by_guessing(bob, enter):
    room = open_room(kind=Room.Kind.PRIVATE)
    ban_user(actor=make_staff(), user=bob)
    words = []
    for key in ({"code": room.code, "token": room.invite_token}, {"code": "blue-stage-0000", "token": "x" * 22}):
        name = "code" if enter is enter_by_code else "token"
        with pytest.raises(ClientError) as refusal:
            enter(actor=bob, session="s", address="192.0.2.1", **{name: key[name]})
        words.append((refusal.value.code, refusal.value.message))
    assert words == [("banned", "You have been banned.")] * 2


def test_code_does_not_let_the_banned_in(bob):
    room = open_room()
    ban_user(actor=make_staff(), user=bob, room=room)
    assert guess(bob, room.code) == "banned"


# --- statements -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 100])
def test_join_takes_few_statements_for_newcomers_however_many(count):
    room = open_room()
    wanted = [Arrival(make_guest().pk, room.uid) for _ in range(count)]
    # SQLite takes 90 rows in one insert.
    assert statements(lambda: join_rooms(wanted)) == (5 if count == 100 and connection.vendor == "sqlite" else 4)


@pytest.mark.parametrize("count", [1, 3, 100])
def test_join_takes_few_statements_however_many_rooms(bob, count):
    wanted = [Arrival(bob.pk, open_room().uid) for _ in range(count)]
    # SQLite takes 90 rows in one insert.
    assert statements(lambda: join_rooms(wanted)) == (5 if count == 100 and connection.vendor == "sqlite" else 4)


def test_join_by_code_takes_five_statements(bob):
    room = open_room(kind=Room.Kind.PRIVATE)
    assert statements(lambda: guess(bob, room.code)) == 5


@pytest.mark.parametrize("count", [1, 3, 100])
def test_access_of_members_takes_one_statement(count):
    room = open_room()
    people = [make_guest() for _ in range(count)]
    Membership.objects.bulk_create([Membership(room=room, user=person) for person in people])
    assert statements(lambda: accesses([(person.pk, room.uid) for person in people])) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("messages", [1, 3, 100])
async def test_room_join_over_the_socket_takes_few_statements(runtime, sit_down, messages):
    ada, newcomer = await in_db(make_member), await in_db(make_guest)
    room = await in_db(open_room, ada)
    await in_db(fill, ada, room, messages)
    await sit_down(ada, room)
    socket = Socket(await in_db(log_in, newcomer))
    await socket.open()
    writer = runtime.writers["arrivals"]
    before = runtime.threads.statements + writer._threads.statements
    answer = await socket.join(room)
    taken = runtime.threads.statements + writer._threads.statements - before
    assert (answer["mode"], len(answer["messages"])) == ("snapshot", messages)
    # Two for the access, the insert, the second look, the page; SQLite's BEGIN counts in the writer's thread.
    assert taken == (6 if connection.vendor == "sqlite" else 5)
    for expected in (2, 1):
        # One for the access, and for the first who comes back one for the changes, which then stay in memory.
        before = runtime.threads.statements + writer._threads.statements
        assert (await socket.join(room, {"epoch": answer["epoch"], "seq": messages - 1}))["mode"] == "resumed"
        assert runtime.threads.statements + writer._threads.statements - before == expected
    await socket.leave()


@pytest.mark.django_db(transaction=True)
async def test_resume_of_a_whole_room_takes_a_handful_of_reads(runtime, sit_down):
    """All lose the line and come back at once, with fifty messages missed."""
    ada = await in_db(make_member)
    people = [await in_db(make_guest) for _ in range(40)]
    room = await in_db(open_room, ada, *people)
    epoch = room.cursor.epoch
    await in_db(fill, ada, room, 50)
    sockets = [Socket(await in_db(log_in, person)) for person in people]
    await asyncio.gather(*(socket.open() for socket in sockets))
    before = runtime.threads.statements
    answers = await asyncio.gather(*(socket.join(room, {"epoch": epoch, "seq": 0}) for socket in sockets))
    assert {(answer["mode"], len(answer["events"])) for answer in answers} == {("resumed", 50)}
    assert runtime.threads.statements - before <= 6
    await asyncio.gather(*(socket.leave() for socket in sockets))
