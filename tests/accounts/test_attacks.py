"""What strangers try at the doors: guessing, locking others out, planted sessions, links that lead away."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Session, User
from tests.accounts.conftest import PASSWORD
from tests.processes import free_port

ELSEWHERE = ["https://evil.example/", "//evil.example/", "/\\evil.example", "///evil.example", "https:evil.example"]
ELSEWHERE += ["javascript:alert(1)", "http://testserver@evil.example/", "\x01//evil.example"]


def log_in(client: Client, email: str, password: str = PASSWORD, *, address: str = "203.0.113.9", **form: str):
    url = reverse("account_login")
    return client.post(url, {"login": email, "password": password, **form}, REMOTE_ADDR=address)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- guessing ---------------------------------------------------------------------------------------------------


def test_guesses_at_one_account_are_stopped_by_address(client, member):
    for _ in range(5):
        log_in(client, member.email, "wrong")
    assert "Too many failed" in log_in(client, member.email).content.decode()
    assert not is_in(client)


def test_stranger_who_guesses_does_not_lock_the_owner_out(client, member):
    for _ in range(8):
        log_in(Client(), member.email, "wrong", address="198.51.100.7")
    log_in(client, member.email)
    assert is_in(client)


def test_guesses_at_one_account_from_everywhere_are_stopped(client, member):
    for n in range(50):
        log_in(Client(), member.email, "wrong", address=f"198.51.{n}.7")
    answer = log_in(client, member.email.upper())
    assert "Too many failed" in answer.content.decode()
    assert not is_in(client)


def test_festival_behind_one_address_can_log_in(db):
    for n in range(40):
        email = f"n{n}@example.org"
        User.objects.create_user(email, PASSWORD)
        client = Client()
        log_in(client, email)
        assert is_in(client), n


def test_guess_at_nobody_looks_like_a_guess_at_somebody(client, member):
    known = log_in(client, member.email, "wrong").content.decode()
    unknown = log_in(client, "nobody@example.org", "wrong").content.decode()
    assert known.count("errorlist") == unknown.count("errorlist") > 0
    assert "password you specified" in known
    assert "password you specified" in unknown


def test_log_in_works_and_is_limited_while_redis_is_away(client, member, settings, monkeypatch):
    monkeypatch.setattr("operations.cache._rest.until", 0.0)
    place = {"BACKEND": "operations.cache.SharedCache", "LOCATION": f"redis://127.0.0.1:{free_port()}"}
    settings.CACHES = {"default": place}
    for _ in range(5):
        assert log_in(Client(), member.email, "wrong", address="198.51.100.7").status_code == 200
    assert "Too many failed" in log_in(Client(), member.email, address="198.51.100.7").content.decode()
    log_in(client, member.email)
    assert is_in(client)


def test_cache_uses_redis_while_it_answers(settings, redis_url, monkeypatch):
    monkeypatch.setattr("operations.cache._rest.until", 0.0)
    settings.CACHES = {"default": {"BACKEND": "operations.cache.SharedCache", "LOCATION": redis_url}}
    cache.set("seen", "all", 30)
    assert cache._local.get("seen") is None
    assert (cache.get("seen"), cache.add("seen", "one"), cache.has_key("seen")) == ("all", False, True)
    assert cache.delete("seen")


# --- sessions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["guest", "sign-up", "log-in"])
def test_planted_session_key_is_not_taken_over(client, member, door):
    planted = "a" * 32
    client.cookies["sessionid"] = planted
    if door == "guest":
        client.post("/api/guests", {"display_name": "Ada"}, content_type="application/json")
    elif door == "sign-up":
        form = {"display_name": "Ada", "email": "new@example.org", "password1": PASSWORD}
        client.post(reverse("account_signup"), form)
    else:
        log_in(client, member.email)
    assert is_in(client)
    assert client.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_session_of_a_strangers_guest_does_not_become_the_members(guest_client, member):
    """Somebody plants the cookie of an own guest session; the member logs in on it."""
    stranger = Client()
    stranger.cookies["sessionid"] = guest_client.cookies["sessionid"].value
    log_in(guest_client, member.email)
    assert is_in(guest_client)
    assert stranger.get("/api/me").status_code == 401


# --- links that lead away ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ELSEWHERE)
def test_log_in_stays_here(client, member, target):
    assert log_in(client, member.email, next=target)["Location"] == "/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_sign_up_and_log_out_stay_here(client, db, target):
    form = {"display_name": "Ada", "email": "new@example.org", "password1": PASSWORD, "next": target}
    assert client.post(reverse("account_signup"), form)["Location"] == "/"
    assert client.post(reverse("account_logout"), {"next": target})["Location"] == "/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_admin_log_in_stays_here(client, staff, target):
    client.force_login(staff)
    assert client.get("/admin/login/", {"next": target})["Location"] == "/admin/"


def test_address_that_visits_all_hosts_does_not_open_the_way_out(client, member, settings):
    settings.ALLOWED_HOSTS = ["*"]
    assert log_in(client, member.email, next="https://evil.example/")["Location"] == "/"


# --- passwords --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["short", "password123", "1234567890", "new@example.org", "qwertyuiop"])
def test_weak_password_is_refused(client, db, password):
    form = {"display_name": "Ada", "email": "new@example.org", "password1": password}
    assert "errorlist" in client.post(reverse("account_signup"), form).content.decode()
    assert not User.objects.exists()


def test_password_changed_on_the_command_line_ends_the_sessions(client, member, monkeypatch):
    client.force_login(member)
    monkeypatch.setattr("getpass.getpass", lambda *_args, **_options: "another one entirely")
    call_command("changepassword", member.email, stdout=StringIO())
    member.refresh_from_db()
    assert member.check_password("another one entirely")
    assert not member.sessions.exists()
