"""Every account page that can be reached renders in our layout, and asks nothing that the content policy forbids."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client
from django.urls import reverse

from accounts.models import User

PASSWORD = "correct horse battery"
FOR_ALL = ["account_login", "account_signup", "account_reset_password", "account_reset_password_done"]
FOR_ALL += ["account_reset_password_from_key_done", "account_inactive", "account_email_verification_sent"]
FOR_MEMBERS = ["account_logout", "account_email", "account_change_password", "account_reauthenticate", "mfa_index"]
FOR_MFA = ["mfa_index", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_deactivate_totp"]


def check_page(answer) -> str:
    """Assert that `answer` is a page of ours without inline style or script; return its text."""
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'id="main"' in page
    assert page.count("<h1") == 1
    assert re.search(r"<title>[^<]+ · Pavilion</title>", page)
    assert not re.search(r"\sstyle=", page)
    assert not re.search(r"\son[a-z]+=", page)
    for script in re.findall(r"<script[^>]*>", page):
        assert "nonce=" in script or "src=" in script
    # Every field has its label.
    for field in re.findall(r'<(?:input|textarea)(?![^>]*type="hidden")[^>]*\sid="([^"]+)"', page):
        assert f'for="{field}"' in page
    return page


def code_of(member: User) -> str:
    secret = Authenticator.objects.get(user=member, type=Authenticator.Type.TOTP).data["secret"]
    return code_for(secret)


def code_for(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(secret, counter))


@pytest.fixture
def member_client(client: Client, member: User) -> Client:
    client.post(reverse("account_login"), {"login": member.email, "password": PASSWORD})
    return client


@pytest.fixture
def mfa_client(member_client: Client) -> Client:
    """A browser of a member who has just set up the second factor through the pages."""
    member_client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = check_page(member_client.get(reverse("mfa_activate_totp")))
    secret = re.search(r'id="authenticator_secret"[^>]*value="(\w+)"', page)[1]
    answer = member_client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)})
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    return member_client


@pytest.mark.parametrize("name", FOR_ALL)
def test_page_for_strangers(client, db, name):
    check_page(client.get(reverse(name)))


@pytest.mark.parametrize("name", FOR_ALL)
def test_page_for_guests(guest_client, name):
    check_page(guest_client.get(reverse(name)))


@pytest.mark.parametrize("name", FOR_MEMBERS)
def test_page_for_members(member_client, name):
    check_page(member_client.get(reverse(name)))


@pytest.mark.parametrize("name", FOR_MEMBERS)
def test_page_for_members_sends_strangers_to_log_in(client, db, name):
    answer = client.get(reverse(name))
    assert answer.status_code == 302


@pytest.mark.parametrize("name", FOR_MFA)
def test_page_about_the_second_factor(mfa_client, name):
    check_page(mfa_client.get(reverse(name)))


def test_page_of_a_used_reset_link(client, db):
    page = check_page(client.get(reverse("account_reset_password_from_key", args=["1", "wrong-key"])))
    assert "has been used" in page


def test_page_of_a_wrong_confirmation_link(client, db):
    check_page(client.get(reverse("account_confirm_email", args=["wrong"])))


def test_page_too_many_attempts(client, db, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    client.post(reverse("account_login"), {"login": "a@example.org", "password": "x"})
    answer = client.post(reverse("account_login"), {"login": "a@example.org", "password": "x"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_qr_code_has_a_ground_of_its_own(member_client):
    member_client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    picture = member_client.get(reverse("mfa_activate_totp")).context["totp_svg"]
    assert "#fff" in picture
    assert "<style" not in picture


def test_email_page_adds_changes_and_removes_addresses(member_client, member):
    url = reverse("account_email")
    add = {"email": "countess@example.org", "action_add": ""}
    assert member_client.post(url, add)["Location"].startswith(reverse("account_reauthenticate"))
    member_client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    member_client.post(url, add)
    assert "countess@example.org" in check_page(member_client.get(url))
    member_client.post(url, {"email": "countess@example.org", "action_primary": ""})
    member.refresh_from_db()
    assert member.email == "countess@example.org"
    member_client.post(url, {"email": "ada@example.org", "action_remove": ""})
    # The last address cannot go: nobody could log in any more.
    member_client.post(url, {"email": "countess@example.org", "action_remove": ""})
    member.refresh_from_db()
    addresses = member.emailaddress_set.values_list("email", flat=True)
    assert (member.email, list(addresses)) == ("countess@example.org", ["countess@example.org"])


def test_log_in_with_a_second_factor_needs_the_code(mfa_client, member):
    client = Client()
    answer = client.post(reverse("account_login"), {"login": member.email, "password": PASSWORD})
    assert answer["Location"] == reverse("mfa_authenticate")
    check_page(client.get(reverse("mfa_authenticate")))
    assert "errorlist" in client.post(reverse("mfa_authenticate"), {"code": "000000"}).content.decode()
    assert "_auth_user_id" not in client.session


def test_log_in_with_a_second_factor_from_a_guest_session(mfa_client, member, django_user_model):
    recovery = Authenticator.objects.get(user=member, type=Authenticator.Type.RECOVERY_CODES).wrap()
    client = Client()
    client.post("/api/guests", {"display_name": "Visitor"}, content_type="application/json")
    guest = django_user_model.objects.get(is_guest=True)
    client.post(reverse("account_login"), {"login": member.email, "password": PASSWORD})
    # Half way through, the guest is still there: giving up costs nothing.
    assert client.session["_auth_user_id"] == str(guest.pk)
    check_page(client.get(reverse("mfa_authenticate")))
    client.post(reverse("mfa_authenticate"), {"code": recovery.get_unused_codes()[0]})
    assert client.session["_auth_user_id"] == str(member.pk)
