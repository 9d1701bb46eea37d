"""Who gets into the admin site, and by which way."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from tests.accounts.conftest import PASSWORD
from tests.accounts.test_pages import code_for

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


def log_in(client, staff) -> str:
    """Log in as the admin site asks for it, and return the path of the page that follows."""
    location = visit(client)["Location"]
    form = {"login": staff.email, "password": PASSWORD, "next": INDEX}
    return client.post(location, form, follow=True).request["PATH_INFO"]


def test_first_log_in_of_staff_leads_through_the_second_factor_to_the_admin(client, staff, mfa_required):
    assert log_in(client, staff) == reverse("mfa_activate_totp")
    page = client.get(reverse("mfa_activate_totp"))
    code = code_for(page.context["form"].secret)
    answer = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    # No password is asked for again on the way: it was given a moment ago.
    assert answer.request["PATH_INFO"] == reverse("mfa_view_recovery_codes")
    assert f'href="{INDEX}"' in answer.content.decode()
    assert visit(client).status_code == 200


def test_next_log_in_of_staff_asks_for_the_code(client, staff, mfa_required):
    add_factor(staff)
    assert log_in(client, staff) == reverse("mfa_authenticate")
    assert visit(client)["Location"].startswith(reverse("account_login"))


def test_log_in_of_long_ago_does_not_open_the_second_factor(client, staff, mfa_required, time_machine):
    log_in(client, staff)
    time_machine.move_to(timezone.now() + timedelta(seconds=301))
    answer = client.get(reverse("mfa_activate_totp"))
    assert answer["Location"].startswith(reverse("account_reauthenticate"))


def test_log_in_of_a_moment_ago_does_not_open_other_changes(client, staff):
    log_in(client, staff)
    answer = client.post(reverse("account_email"), {"action_add": "", "email": "evil@example.org"})
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
