"""What a new installation starts with, and that it always says how staff log in."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import User
from builders.models import Builder
from chat.models import Room

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def state_dir(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    return tmp_path


def said(*options: str) -> str:
    output = StringIO()
    call_command("setup_demo", *options, stdout=output)
    return output.getvalue()


def test_first_time_makes_six_rooms_and_prints_a_log_in_that_works(state_dir, settings):
    words = said()
    assert words.startswith("6 listed rooms made.\n")
    assert f"at {settings.PUBLIC_ORIGIN}/admin/" in words
    chief = User.objects.get()
    assert (chief.is_superuser, Room.objects.filter(is_listed=True).count()) == (True, 6)
    assert f"Staff log-in: {chief.email}  password: " in words
    assert chief.check_password(words.partition("password: ")[2].split()[0])
    assert (state_dir / "staff-login").stat().st_mode & 0o777 == 0o600


def test_next_time_changes_nothing_and_prints_the_same_log_in():
    first = said()
    assert said() == first.partition("\n")[2]
    assert (User.objects.count(), Room.objects.count()) == (1, 6)


def test_password_that_was_changed_is_no_longer_printed(state_dir):
    said()
    chief = User.objects.get()
    chief.set_password("my own words entirely")
    chief.save(update_fields=["password"])
    for _ in range(2):
        words = said()
        assert "password: " not in words
        assert f"Staff log-in: {chief.email}  with the password chosen." in words
        assert f"manage.py changepassword {chief.email}" in words
        assert not (state_dir / "staff-login").exists()


def test_staff_that_is_disabled_is_told_from_staff_that_is_not():
    said()
    User.objects.update(is_active=False)
    assert "manage.py createsuperuser" in said()


@pytest.mark.backend("sqlite")
def test_invented_builders_come_and_go_when_asked(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    assert "invented" not in said()
    assert "31 invented builders made, " in said("--builders")
    assert "invented" not in said("--builders")
    assert said("--remove-builders") == "31 invented builders deleted.\n"
    assert not Builder.objects.exists()


@pytest.mark.backend("sqlite")
def test_invented_builders_come_by_themselves_to_a_new_installation_alone(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    assert "31 invented builders made, " in said("--builders=first-time")
    said("--remove-builders")
    assert "invented" not in said("--builders=first-time")
    assert not Builder.objects.exists()
