"""The rules about people: guests, names, sign-up, sessions, disabling."""

import threading

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import connection
from django.test import Client, RequestFactory

from accounts import services
from accounts.models import Session, User
from accounts.sessions import SessionStore
from operations.models import ActivityEvent
from realtime.errors import ClientError

PASSWORD = "correct horse battery"


def request_of(user=None):
    request = RequestFactory().post("/")
    request.session = SessionStore()
    request.user = user or AnonymousUser()
    return request


def logged_in(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.session.session_key


def kinds() -> list[str]:
    return list(ActivityEvent.objects.order_by("id").values_list("kind", flat=True))


@pytest.fixture
def guest(db) -> User:
    return services.create_guest(display_name="Visitor")


@pytest.fixture
def moderator(db) -> User:
    user = User.objects.create_user("mod@example.org", PASSWORD, display_name="Mo", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_user"))
    return user


def test_create_guest_makes_a_person_without_password(guest):
    assert (guest.is_guest, guest.email, guest.has_usable_password()) == (True, None, False)
    assert kinds() == ["accounts.guest.created"]


def test_create_guest_with_a_refused_name_makes_nobody(db):
    with pytest.raises(ClientError):
        services.create_guest(display_name="Admin")
    assert not User.objects.exists()


def test_sign_in_guest_makes_a_guest_once(db):
    request = request_of()
    guest, is_new = services.sign_in_guest(request, "Visitor")
    again, is_new_again = services.sign_in_guest(request, "Visitor")
    assert (is_new, is_new_again, again.pk) == (True, False, guest.pk)
    assert User.objects.count() == 1


def test_sign_in_guest_changes_the_session_key(db):
    request = request_of()
    request.session["basket"] = "apples"
    request.session.create()
    before = request.session.session_key
    services.sign_in_guest(request, "Visitor")
    assert request.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_sign_in_guest_renames_the_guest_of_the_session(guest):
    person, is_new = services.sign_in_guest(request_of(guest), "Wanderer")
    assert (person.pk, person.display_name, is_new) == (guest.pk, "Wanderer", False)
    assert kinds()[-1] == "accounts.user.renamed"


def test_sign_in_guest_leaves_a_member_alone(member):
    person, is_new = services.sign_in_guest(request_of(member), "Wanderer")
    member.refresh_from_db()
    assert (person.pk, is_new, member.display_name) == (member.pk, False, "Ada")


def test_sign_in_guest_too_often_is_refused(db, monkeypatch):
    monkeypatch.setattr(services, "GUESTS_PER_ADDRESS", "2/minute")
    for number in range(2):
        services.sign_in_guest(request_of(), f"Visitor {number}")
    with pytest.raises(ClientError) as refusal:
        services.sign_in_guest(request_of(), "Visitor 3")
    assert refusal.value.code == "rate_limited"
    assert refusal.value.retry_after_ms > 0


def test_sign_in_guest_with_a_refused_name_counts_no_attempt(db, monkeypatch):
    monkeypatch.setattr(services, "GUESTS_PER_ADDRESS", "1/minute")
    with pytest.raises(ClientError):
        services.sign_in_guest(request_of(), "!")
    assert services.sign_in_guest(request_of(), "Visitor")[1]


def test_rename_to_the_same_name_records_nothing(guest):
    services.rename(user=guest, display_name="  Visitor ")
    assert kinds() == ["accounts.guest.created"]


def test_rename_too_often_is_refused(guest, monkeypatch):
    monkeypatch.setattr(services, "RENAMES_PER_PERSON", "1/minute")
    services.rename(user=guest, display_name="One")
    with pytest.raises(ClientError) as refusal:
        services.rename(user=guest, display_name="Two")
    assert refusal.value.code == "rate_limited"


def test_rename_of_another_without_right_is_refused(guest, member):
    with pytest.raises(services.Forbidden):
        services.rename(user=guest, display_name="Silly", actor=member)


def test_rename_lets_staff_carry_a_role(moderator):
    assert services.rename(user=moderator, display_name="Moderator").display_name == "Moderator"


def test_register_member_keeps_the_guest(guest):
    member = services.register_member(email="New@Example.org", password=PASSWORD, display_name="Known now", guest=guest)
    assert (member.pk, member.uid, member.is_guest, member.email) == (guest.pk, guest.uid, False, "new@example.org")
    assert member.check_password(PASSWORD)
    assert ActivityEvent.objects.get(kind="accounts.member.registered").data == {"was_guest": True}


def test_register_member_with_a_taken_address_changes_nothing(guest, member):
    with pytest.raises(services.EmailTaken) as refusal:
        services.register_member(email="ADA@example.org", password=PASSWORD, display_name="Eve", guest=guest)
    guest.refresh_from_db()
    assert (refusal.value.code, guest.is_guest, guest.email, guest.display_name) == ("conflict", True, None, "Visitor")
    assert "accounts.member.registered" not in kinds()


def test_register_member_twice_is_refused(guest):
    services.register_member(email="one@example.org", password=PASSWORD, display_name="One", guest=guest)
    with pytest.raises(services.AlreadyRegistered):
        services.register_member(email="two@example.org", password=PASSWORD, display_name="Two", guest=guest)


def test_register_member_for_a_disabled_guest_is_refused(guest):
    User.objects.filter(pk=guest.pk).update(is_active=False)
    with pytest.raises(services.Forbidden):
        services.register_member(email="one@example.org", password=PASSWORD, display_name="One", guest=guest)


def test_register_member_for_another_without_right_is_refused(member):
    with pytest.raises(services.Forbidden):
        services.register_member(email="one@example.org", password=PASSWORD, display_name="One", actor=member)


@pytest.mark.django_db(transaction=True)
def test_register_member_at_once_lets_one_win():
    guest = services.create_guest(display_name="Visitor")
    results: list[object] = []
    start = threading.Barrier(2)

    def sign_up(name: str) -> None:
        start.wait()
        try:
            results.append(
                services.register_member(
                    email=f"{name}@example.org", password=PASSWORD, display_name=name, guest=guest
                ).email
            )
        except ClientError as refusal:
            results.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=sign_up, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    guest.refresh_from_db()
    assert sorted(results) == sorted(["conflict", guest.email])
    assert User.objects.count() == 1


def test_set_password_ends_the_other_sessions(member):
    here, elsewhere = logged_in(member), logged_in(member)
    services.set_password(user=member, password="another one entirely", keep=here)
    assert list(Session.objects.values_list("session_key", flat=True)) == [here]
    assert elsewhere != here
    assert ActivityEvent.objects.get(kind="accounts.password.changed").data == {"sessions_ended": 1}


def test_set_password_of_another_without_right_is_refused(member, moderator, staff):
    with pytest.raises(services.Forbidden):
        services.set_password(user=moderator, password=PASSWORD, actor=member)
    with pytest.raises(services.Forbidden):
        services.set_password(user=staff, password=PASSWORD, actor=moderator)


def test_end_sessions_ends_those_of_one_person(member, staff):
    logged_in(member), logged_in(member), logged_in(staff)
    assert services.end_sessions(user=member, actor=staff) == 2
    assert [session.user for session in Session.objects.all()] == [staff]


def test_end_sessions_of_oneself_is_allowed(member):
    logged_in(member)
    assert services.end_sessions(user=member, actor=member) == 1


def test_end_sessions_of_another_without_right_is_refused(member, staff):
    logged_in(staff)
    with pytest.raises(services.Forbidden):
        services.end_sessions(user=staff, actor=member)
    assert Session.objects.count() == 1


def test_end_session_that_is_gone_is_no_error(staff):
    services.end_session(key="gone", actor=staff)
    assert "accounts.sessions.ended" not in kinds()


def test_end_session_of_another_without_right_is_refused(member, staff):
    key = logged_in(staff)
    with pytest.raises(services.Forbidden):
        services.end_session(key=key, actor=member)


def test_disable_user_ends_sessions_and_refuses_log_in(member, staff):
    logged_in(member)
    services.disable_user(actor=staff, user=member)
    member.refresh_from_db()
    assert (member.is_active, Session.objects.count()) == (False, 0)
    services.disable_user(actor=staff, user=member)
    assert kinds().count("accounts.user.disabled") == 1


def test_enable_user_undoes_disabling_once(member, staff):
    services.disable_user(actor=staff, user=member)
    services.enable_user(actor=staff, user=member)
    services.enable_user(actor=staff, user=member)
    member.refresh_from_db()
    assert member.is_active
    assert kinds().count("accounts.user.enabled") == 1


@pytest.mark.parametrize("act", [services.disable_user, services.enable_user])
def test_disabling_and_enabling_without_right_is_refused(act, member, guest):
    with pytest.raises(services.Forbidden):
        act(actor=member, user=guest)


def test_disable_user_refuses_oneself_and_superusers(staff, moderator):
    with pytest.raises(services.Forbidden):
        services.disable_user(actor=staff, user=staff)
    with pytest.raises(services.Forbidden):
        services.disable_user(actor=moderator, user=staff)


def test_change_email_replaces_every_address(member, staff):
    EmailAddress.objects.create(user=member, email="ada@example.org", primary=True, verified=True)
    services.change_email(actor=staff, user=member, email="Countess@example.org")
    addresses = EmailAddress.objects.filter(user=member)
    assert [(a.email, a.primary, a.verified) for a in addresses] == [("countess@example.org", True, False)]


def test_change_email_to_a_taken_address_is_refused(member, staff):
    with pytest.raises(services.EmailTaken):
        services.change_email(actor=staff, user=member, email="chief@example.org")
    member.refresh_from_db()
    assert member.email == "ada@example.org"


def test_change_email_of_a_guest_is_refused(guest, staff):
    with pytest.raises(services.Forbidden):
        services.change_email(actor=staff, user=guest, email="new@example.org")


def test_set_rights_is_for_superusers_and_never_for_oneself(member, moderator, staff, guest):
    services.set_rights(actor=staff, user=member, is_staff=False, is_superuser=True)
    member.refresh_from_db()
    assert (member.is_staff, member.is_superuser) == (True, True)
    for actor, user in [(moderator, guest), (staff, staff), (staff, guest)]:
        with pytest.raises(services.Forbidden):
            services.set_rights(actor=actor, user=user, is_staff=True, is_superuser=False)


def test_remove_second_factor_is_for_superusers(member, moderator, staff):
    Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={"secret": "x"})
    logged_in(member)
    with pytest.raises(services.Forbidden):
        services.remove_second_factor(actor=moderator, user=member)
    assert services.remove_second_factor(actor=staff, user=member)
    assert not services.remove_second_factor(actor=staff, user=member)
    assert Session.objects.count() == 0
