"""People and sessions in the admin site."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts import services
from accounts.admin import handle_of
from accounts.models import Session, User
from operations.models import ActivityEvent

PASSWORD = "correct horse battery"
PEOPLE = "/admin/accounts/user/"
SESSIONS = "/admin/accounts/session/"


@pytest.fixture
def staff_client(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def guest(db) -> User:
    return services.create_guest(display_name="Visitor")


@pytest.fixture
def moderator_client(db) -> Client:
    moderator = User.objects.create_user("mod@example.org", PASSWORD, display_name="Mo", is_staff=True)
    rights = Permission.objects.filter(codename__in=["view_user", "change_user", "view_session"])
    moderator.user_permissions.set(rights)
    client = Client()
    client.force_login(moderator)
    return client


def act(client: Client, action: str, *people: User, **more: str):
    data = {"action": action, "_selected_action": [person.pk for person in people], **more}
    return client.post(PEOPLE, data, follow=True)


def person_url(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def form_of(client: Client, user: User, **changes: object) -> dict[str, object]:
    form = client.get(person_url(user)).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    return values | changes


@pytest.mark.parametrize("query", ["", "?q=ada", "?q=ada@example.org", "?kind=guest", "?is_active__exact=0"])
def test_people_list_renders(staff_client, member, guest, query):
    assert staff_client.get(PEOPLE + query).status_code == 200


def test_people_list_finds_by_uid(staff_client, member, guest):
    page = staff_client.get(f"{PEOPLE}?q={guest.uid}").content.decode()
    assert guest.uid in page
    assert member.uid not in page


@pytest.mark.parametrize("count", [1, 3])
def test_people_list_takes_as_many_statements_whatever_its_length(staff_client, django_assert_num_queries, count):
    for number in range(count):
        services.create_guest(display_name=f"Visitor {number}")
    with django_assert_num_queries(4):
        staff_client.get(PEOPLE)


@pytest.mark.parametrize("person", ["guest", "member", "staff"])
def test_person_page_renders(staff_client, request, person):
    user = request.getfixturevalue(person)
    page = staff_client.get(person_url(user)).content.decode()
    assert user.uid in page
    assert user.password not in page


@pytest.mark.parametrize(("kind", "found"), [("guest", ["Visitor"]), ("member", ["Ada"]), ("staff", ["Chief"])])
def test_lists_filter_by_kind(staff_client, member, guest, kind, found):
    for person in (member, guest):
        Client().force_login(person)
    people = staff_client.get(f"{PEOPLE}?kind={kind}").context["cl"].queryset
    sessions = staff_client.get(f"{SESSIONS}?kind={kind}").context["cl"].queryset
    assert [person.display_name for person in people] == found
    assert [session.user.display_name for session in sessions] == found


def test_person_cannot_be_deleted_nor_guests_added(staff_client, guest):
    assert staff_client.get(reverse("admin:accounts_user_delete", args=[guest.pk])).status_code == 403
    assert "delete_selected" not in staff_client.get(PEOPLE).content.decode()
    assert "is_guest" not in staff_client.get(reverse("admin:accounts_user_add")).context["adminform"].form.fields


def test_person_added_can_log_in(staff_client, staff):
    form = {"email": "New@example.org", "display_name": "New", "password": PASSWORD}
    assert staff_client.post(reverse("admin:accounts_user_add"), form).status_code == 302
    added = User.objects.get(email="new@example.org")
    assert added.check_password(PASSWORD)
    assert ActivityEvent.objects.get(kind="accounts.member.registered").actor == staff


@pytest.mark.parametrize("change", [{"password": "short"}, {"email": ""}, {"email": "chief@example.org"}])
def test_person_added_with_a_bad_field_is_refused(staff_client, change):
    form = {"email": "new@example.org", "display_name": "New", "password": PASSWORD, **change}
    assert staff_client.post(reverse("admin:accounts_user_add"), form).status_code == 200
    assert User.objects.count() == 1


def test_person_renamed_is_logged(staff_client, staff, guest):
    staff_client.post(person_url(guest), form_of(staff_client, guest, display_name="Polite"))
    guest.refresh_from_db()
    assert guest.display_name == "Polite"
    event = ActivityEvent.objects.get(kind="accounts.user.renamed")
    assert (event.actor, event.target) == (staff, guest.uid)


def test_person_renamed_to_a_role_is_refused(staff_client, guest):
    staff_client.post(person_url(guest), form_of(staff_client, guest, display_name="Admin"))
    guest.refresh_from_db()
    assert guest.display_name == "Visitor"


def test_person_given_a_new_password_is_logged_out(staff_client, member):
    Client().force_login(member)
    form = form_of(staff_client, member, new_password="another one entirely", email="countess@example.org")
    assert staff_client.post(person_url(member), form).status_code == 302
    member.refresh_from_db()
    assert (member.check_password("another one entirely"), member.email) == (True, "countess@example.org")
    assert not Session.objects.filter(user=member).exists()


def test_own_new_password_keeps_the_own_session(staff_client, staff):
    staff_client.post(person_url(staff), form_of(staff_client, staff, new_password="another one entirely"))
    assert staff_client.get(PEOPLE).status_code == 200


def test_rights_given_are_logged(staff_client, member):
    staff_client.post(person_url(member), form_of(staff_client, member, is_staff="on"))
    member.refresh_from_db()
    assert member.is_staff
    assert ActivityEvent.objects.filter(kind="accounts.rights.changed").exists()


def test_rights_cannot_be_taken_by_those_who_only_change_people(moderator_client, member):
    form = form_of(moderator_client, member, is_staff="on", is_superuser="on")
    moderator_client.post(person_url(member), form)
    member.refresh_from_db()
    assert not member.is_staff


def test_superuser_cannot_be_changed_by_those_who_only_change_people(moderator_client, staff):
    assert moderator_client.post(person_url(staff), {"display_name": "Fool"}).status_code == 403
    act(moderator_client, "disable", staff, confirmed="yes")
    staff.refresh_from_db()
    assert (staff.is_active, staff.display_name) == (True, "Chief")


def test_own_rights_cannot_be_changed(staff_client, staff):
    assert "is_superuser" not in staff_client.get(person_url(staff)).context["adminform"].form.fields


def test_address_taken_meanwhile_is_reported(staff_client, member, monkeypatch):
    def taken(**_):
        raise services.EmailTaken

    form = form_of(staff_client, member, email="new@example.org")
    monkeypatch.setattr(services, "change_email", taken)
    answer = staff_client.post(person_url(member), form, follow=True)
    assert "cannot be used" in answer.content.decode()


@pytest.mark.parametrize("action", ["end_sessions", "disable", "enable", "remove_second_factor"])
def test_action_asks_first(staff_client, member, action):
    Client().force_login(member)
    before = ActivityEvent.objects.count()
    page = act(staff_client, action, member).content.decode()
    assert 'name="confirmed"' in page
    assert member.uid in page
    assert (ActivityEvent.objects.count(), Session.objects.filter(user=member).count()) == (before, 1)


def test_actions_confirmed_are_done(staff_client, member, guest):
    Client().force_login(member)
    act(staff_client, "end_sessions", member, confirmed="yes")
    assert not Session.objects.filter(user=member).exists()
    act(staff_client, "disable", member, guest, confirmed="yes")
    assert User.objects.filter(is_active=False).count() == 2
    act(staff_client, "enable", member, confirmed="yes")
    Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={"secret": "x"})
    act(staff_client, "remove_second_factor", member, confirmed="yes")
    assert not Authenticator.objects.exists()
    member.refresh_from_db()
    assert member.is_active


def test_action_refused_says_whom(staff_client, staff):
    page = act(staff_client, "disable", staff, confirmed="yes").content.decode()
    staff.refresh_from_db()
    assert "You may not do this" in page
    assert staff.is_active


def test_session_list_shows_no_key(staff_client, member):
    Client().force_login(member)
    page = staff_client.get(SESSIONS).content.decode()
    assert member.uid in page
    for session in Session.objects.all():
        assert session.session_key not in page
        assert handle_of(session.session_key) in page


def test_session_ended_from_the_list(staff_client, member):
    Client().force_login(member)
    Client().force_login(member)
    first, second = Session.objects.filter(user=member)
    data = {"action": "end", "_selected_action": [handle_of(first.session_key), "unknown"]}
    assert "Sessions ended: 1." in staff_client.post(SESSIONS, data, follow=True).content.decode()
    assert list(Session.objects.filter(user=member)) == [second]


def test_session_of_a_superuser_is_not_ended_by_others(moderator_client, staff):
    Client().force_login(staff)
    session = Session.objects.get(user=staff)
    moderator_client.post(SESSIONS, {"action": "end", "_selected_action": [handle_of(session.session_key)]})
    assert Session.objects.filter(user=staff).exists()


def test_session_page_does_not_exist(staff_client, member):
    Client().force_login(member)
    key = Session.objects.filter(user=member).get().session_key
    assert staff_client.get(reverse("admin:accounts_session_change", args=[key])).status_code == 403
    assert staff_client.get(reverse("admin:accounts_session_add")).status_code == 403


def test_secrets_of_second_factors_have_no_page():
    with pytest.raises(NoReverseMatch):
        reverse("admin:mfa_authenticator_changelist")
