"""Who gets into the admin site, and by which way."""

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from accounts.models import User

INDEX = "/admin/"


@pytest.fixture
def mfa_required(settings):
    settings.STAFF_MFA_REQUIRED = True


def add_factor(user: User, kind: str = Authenticator.Type.TOTP) -> None:
    Authenticator.objects.create(user=user, type=kind, data={"secret": "x"})


def visit(client, url: str = INDEX):
    """Return the answer after the admin site's own redirection to its log-in view."""
    answer = client.get(url)
    while answer.status_code == 302 and answer["Location"].startswith("/admin/login/"):
        answer = client.get(answer["Location"])
    return answer


def test_admin_sends_strangers_to_our_log_in_page(client, db):
    assert visit(client)["Location"] == f"{reverse('account_login')}?next=%2Fadmin%2F"


def test_admin_sends_guests_to_our_log_in_page(guest_client):
    assert visit(guest_client)["Location"].startswith(reverse("account_login"))


def test_admin_refuses_members(client, member):
    client.force_login(member)
    assert visit(client).status_code == 403


def test_admin_lets_staff_in(client, staff):
    client.force_login(staff)
    assert visit(client).status_code == 200


def test_admin_log_in_leads_back_to_the_page_asked_for(client, staff):
    location = visit(client, reverse("admin:accounts_user_changelist"))["Location"]
    answer = client.post(location, {"login": staff.email, "password": "correct horse battery", "next": INDEX})
    assert answer["Location"] == INDEX


def test_admin_log_in_never_leads_to_another_site(client, staff):
    client.force_login(staff)
    assert client.get("/admin/login/?next=https://evil.example/")["Location"] == INDEX


def test_admin_asks_staff_for_a_second_factor_where_required(client, staff, mfa_required):
    client.force_login(staff)
    answer = visit(client)
    assert answer["Location"].startswith(reverse("mfa_activate_totp"))


def test_admin_takes_no_recovery_codes_for_a_second_factor(client, staff, mfa_required):
    add_factor(staff, Authenticator.Type.RECOVERY_CODES)
    client.force_login(staff)
    assert visit(client).status_code == 302


def test_admin_lets_staff_with_a_second_factor_in(client, staff, mfa_required):
    add_factor(staff)
    client.force_login(staff)
    assert visit(client).status_code == 200


def test_admin_password_change_uses_the_members_page(client, staff):
    client.force_login(staff)
    assert client.get(reverse("admin:password_change"))["Location"] == reverse("account_change_password")


def test_admin_log_out_ends_the_session(client, staff):
    client.force_login(staff)
    client.post(reverse("admin:logout"))
    assert not staff.sessions.exists()
