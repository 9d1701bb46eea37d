"""Sign-up, log-in, log-out and passwords through the real pages."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Session, User
from accounts.services import disable_user

PASSWORD = "correct horse battery"
SIGN_UP = {"display_name": "Known now", "email": "new@example.org", "password1": PASSWORD}


def log_in(client: Client, email: str, password: str = PASSWORD):
    return client.post(reverse("account_login"), {"login": email, "password": password})


def session_key(client: Client) -> str:
    return client.cookies["sessionid"].value


def test_sign_up_of_a_guest_keeps_the_row(guest_client):
    answer = guest_client.post(reverse("account_signup"), SIGN_UP)
    assert answer.status_code == 302
    member = User.objects.get()
    assert (member.pk, member.uid) == (guest_client.guest.pk, guest_client.guest.uid)
    assert (member.is_guest, member.display_name, member.email) == (False, "Known now", "new@example.org")
    assert guest_client.session["_auth_user_id"] == str(member.pk)
    assert EmailAddress.objects.get(user=member).primary


def test_sign_up_of_a_guest_replaces_the_session(guest_client):
    before = session_key(guest_client)
    guest_client.post(reverse("account_signup"), SIGN_UP)
    assert not Session.objects.filter(session_key=before).exists()
    assert Session.objects.get().session_key == session_key(guest_client)


def test_sign_up_of_a_guest_keeps_the_guests_session_while_mail_is_unverified(guest_client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    answer = guest_client.post(reverse("account_signup"), SIGN_UP)
    assert answer["Location"] == reverse("account_email_verification_sent")
    assert guest_client.post("/api/me/name", {"display_name": "Here"}, content_type="application/json").json() == {
        "uid": guest_client.guest.uid,
        "name": "Here",
    }
    elsewhere = Client()
    assert log_in(elsewhere, "new@example.org")["Location"] == reverse("account_email_verification_sent")
    assert "_auth_user_id" not in elsewhere.session


def test_sign_up_form_starts_with_the_guests_name(guest_client):
    page = guest_client.get(reverse("account_signup")).content.decode()
    assert 'value="Visitor"' in page
    assert "stay yours" in page


def test_sign_up_of_a_stranger_makes_a_member(client, db):
    assert client.post(reverse("account_signup"), SIGN_UP).status_code == 302
    member = User.objects.get()
    assert (member.is_guest, member.check_password(PASSWORD)) == (False, True)


@pytest.mark.parametrize(
    "change",
    [{"display_name": "Admin"}, {"email": "no address"}, {"password1": "short"}, {"password1": "new@example.org"}],
    ids=["name of staff", "no address", "short password", "password like the address"],
)
def test_sign_up_with_a_bad_field_is_refused(guest_client, change):
    answer = guest_client.post(reverse("account_signup"), {**SIGN_UP, **change})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    guest_client.guest.refresh_from_db()
    assert guest_client.guest.is_guest


def test_sign_up_with_a_taken_address_is_refused(guest_client, member):
    answer = guest_client.post(reverse("account_signup"), {**SIGN_UP, "email": "ADA@example.org"})
    assert "errorlist" in answer.content.decode()
    guest_client.guest.refresh_from_db()
    assert guest_client.guest.is_guest


def test_sign_up_with_a_taken_address_reveals_nothing_where_mail_is_verified(guest_client, member, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    answer = guest_client.post(reverse("account_signup"), {**SIGN_UP, "email": "ada@example.org"})
    assert answer["Location"] == reverse("account_email_verification_sent")
    guest_client.guest.refresh_from_db()
    assert guest_client.guest.is_guest


def test_sign_up_that_loses_the_race_shows_the_reason(guest_client, monkeypatch):
    form_page = guest_client.get(reverse("account_signup"))
    assert form_page.status_code == 200
    real_get = User.objects.select_for_update

    def converted_meanwhile():
        User.objects.filter(pk=guest_client.guest.pk).update(is_guest=False)
        return real_get()

    monkeypatch.setattr(User.objects, "select_for_update", converted_meanwhile)
    answer = guest_client.post(reverse("account_signup"), SIGN_UP)
    assert "has just been signed up" in answer.content.decode()


def test_log_in_from_a_guest_session_ends_it(guest_client, member):
    before = session_key(guest_client)
    assert guest_client.get(reverse("account_login")).status_code == 200
    assert log_in(guest_client, "ada@example.org").status_code == 302
    assert guest_client.session["_auth_user_id"] == str(member.pk)
    assert [session.user for session in Session.objects.all()] == [member]
    assert session_key(guest_client) != before
    assert User.objects.filter(pk=guest_client.guest.pk, is_guest=True).exists()


def test_log_in_with_a_wrong_password_keeps_the_guest(guest_client, member):
    assert log_in(guest_client, "ada@example.org", "wrong").status_code == 200
    assert guest_client.session["_auth_user_id"] == str(guest_client.guest.pk)


def test_log_in_of_a_disabled_member_is_refused(client, member, staff):
    disable_user(actor=staff, user=member)
    log_in(client, "ada@example.org")
    assert "_auth_user_id" not in client.session


def test_log_in_too_often_is_refused(client, member):
    pages = [log_in(client, "ada@example.org", "wrong").content.decode() for _ in range(6)]
    assert "Too many failed login attempts" in pages[-1]
    assert "_auth_user_id" not in client.session
    assert log_in(client, "ada@example.org").status_code == 200


def test_log_out_deletes_the_session(client, member):
    client.force_login(member)
    assert client.post(reverse("account_logout")).status_code == 302
    assert not Session.objects.filter(user=member).exists()


def test_log_out_of_a_guest_warns_first(guest_client):
    assert "You are a guest" in guest_client.get(reverse("account_logout")).content.decode()
    guest_client.post(reverse("account_logout"))
    assert not Session.objects.filter(user=guest_client.guest).exists()


def test_password_change_ends_the_other_sessions_and_keeps_this_one(client, member):
    elsewhere = Client()
    elsewhere.force_login(member)
    log_in(client, "ada@example.org")
    form = {"oldpassword": PASSWORD, "password1": "another one entirely", "password2": "another one entirely"}
    assert client.post(reverse("account_change_password"), form).status_code == 302
    assert [session.session_key for session in Session.objects.filter(user=member)] == [session_key(client)]
    assert client.get(reverse("account_change_password")).status_code == 200


def test_password_change_of_a_guest_is_refused(guest_client):
    for page in ("account_change_password", "account_set_password", "account_email", "mfa_index"):
        answer = guest_client.get(reverse(page))
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))
    guest_client.post(reverse("account_set_password"), {"password1": PASSWORD, "password2": PASSWORD})
    guest_client.guest.refresh_from_db()
    assert not guest_client.guest.has_usable_password()


def test_password_reset_ends_every_session(client, member):
    elsewhere = Client()
    elsewhere.force_login(member)
    client.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    link = re.search(r"http://testserver(\S+/password/reset/key/\S+)", mail.outbox[0].body)[1]
    form_url = client.get(link)["Location"]
    assert client.get(form_url).status_code == 200
    answer = client.post(form_url, {"password1": "another one entirely", "password2": "another one entirely"})
    assert answer.status_code == 302
    assert client.get(answer["Location"]).status_code == 200
    assert not Session.objects.filter(user=member).exists()
    assert log_in(client, "ada@example.org", "another one entirely").status_code == 302


def test_password_reset_of_an_unknown_address_looks_the_same(client, db, member):
    known = client.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_verification_link_confirms_the_address(client, db):
    client.post(reverse("account_signup"), SIGN_UP)
    link = re.search(r"http://testserver(\S+/confirm-email/\S+)", mail.outbox[0].body)[1]
    assert client.get(link).status_code == 200
    assert client.post(link).status_code == 302
    assert EmailAddress.objects.get().verified
