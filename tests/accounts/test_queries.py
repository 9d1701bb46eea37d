"""Looking up many sessions at once: who is behind them, and with how few statements."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.queries import Identity, identity_of, sessions_alive, sessions_of_people
from accounts.sessions import SessionStore


def key_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.session.session_key


def users_of_sessions(keys: list[str]) -> dict[str, Identity]:
    return {key: identity_of(session.user) for key, session in sessions_of_people(keys).items()}


def stored_with(user: User, **changes: str) -> str:
    """Return the key of a session whose data differ from a good log-in's in `changes`."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.update(changes)
    session.create()
    return session.session_key


@pytest.fixture
def guest(db) -> User:
    guest = User(display_name="Visitor", is_guest=True)
    guest.set_unusable_password()
    guest.save()
    return guest


def test_users_of_sessions_returns_identities(member, guest):
    member_key, guest_key = key_of(member), key_of(guest)
    assert users_of_sessions([member_key, guest_key, "unknown"]) == {
        member_key: Identity(pk=member.pk, uid=member.uid, name="Ada", is_guest=False, is_staff=False),
        guest_key: Identity(pk=guest.pk, uid=guest.uid, name="Visitor", is_guest=True, is_staff=False),
    }


@pytest.mark.parametrize("count", [0, 1, 30])
def test_lookups_take_one_statement_whatever_their_size(db, django_assert_max_num_queries, count):
    people = [User.objects.create_user(f"{n}@example.org", display_name=f"Person {n}") for n in range(count)]
    keys = [stored_with(person) for person in people]
    with django_assert_max_num_queries(1):
        assert len(users_of_sessions(keys)) == count
    with django_assert_max_num_queries(1):
        assert sessions_alive(keys) == set(keys)


def test_lookups_leave_out_an_expired_session(member):
    key = key_of(member)
    Session.objects.filter(session_key=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert sessions_alive([key]) == set()
    assert users_of_sessions([key]) == {}


def test_lookups_leave_out_a_disabled_person(member):
    key = key_of(member)
    User.objects.filter(pk=member.pk).update(is_active=False)
    assert sessions_alive([key]) == set()
    assert users_of_sessions([key]) == {}


def test_lookups_leave_out_a_session_of_nobody(db):
    session = SessionStore()
    session["basket"] = "apples"
    session.create()
    assert sessions_alive([session.session_key]) == set()
    assert users_of_sessions([session.session_key]) == {}


def test_users_of_sessions_refuses_a_session_from_before_a_password_change(member):
    key = key_of(member)
    member.set_password("another one entirely")
    member.save(update_fields=["password"])
    assert users_of_sessions([key]) == {}


@pytest.mark.parametrize(
    "changes",
    [{HASH_SESSION_KEY: "0" * 64}, {HASH_SESSION_KEY: ""}, {BACKEND_SESSION_KEY: "elsewhere.Backend"}],
    ids=["wrong hash", "no hash", "unknown backend"],
)
def test_users_of_sessions_refuses_what_django_refuses(member, changes):
    assert users_of_sessions([stored_with(member, **changes)]) == {}


def test_users_of_sessions_refuses_data_with_a_broken_signature(member, caplog):
    key = key_of(member)
    Session.objects.filter(session_key=key).update(session_data="tampered")
    assert users_of_sessions([key]) == {}


def test_users_of_sessions_refuses_a_row_that_names_somebody_else(member, staff):
    key = key_of(member)
    Session.objects.filter(session_key=key).update(user=staff)
    assert users_of_sessions([key]) == {}


def test_users_of_sessions_accepts_a_rotated_secret_key(member, settings):
    key = key_of(member)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next key, also long enough to be accepted"
    assert list(users_of_sessions([key])) == [key]
