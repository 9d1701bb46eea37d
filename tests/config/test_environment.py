"""The environment: a wrong value stops the start and names its variable."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import read_environment


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Return a function that reads an environment with the given variables on top of the neutral one."""

    def read(**variables: str):
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read_environment()

    return read


def test_defaults_are_those_of_a_small_installation(environment):
    found = environment(DATABASE_URL="", REDIS_URL="")
    assert (found.host, found.port, found.public_origin) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (found.debug, found.persistence_enabled, found.rate_limits_enabled) == (False, True, True)
    assert (found.database_url, found.redis_url, found.is_secure) == ("", "", False)
    assert found.allowed_hosts == ["127.0.0.1", "[::1]", "localhost"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("DEBUG", "maybe"),
        ("RATE_LIMITS_ENABLED", "of"),
        ("PUBLIC_ORIGIN", "chat.example.org"),
        ("PUBLIC_ORIGIN", "ftp://chat.example.org"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "http://localhost"),
        ("EMAIL_URL", "mailto:x"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_POOL_SIZE", "1"),
        ("WS_CONNECTIONS_PER_USER", "0"),
        ("SPOOL_MAX_BYTES", "10"),
        ("SECRET_KEY", "short"),
        ("PLACES_BASE_URL", "http://places.example.org/v1"),
        ("PLACES_BASE_URL", "https://ada:pw@places.example.org/v1"),
        ("PLACES_BASE_URL", "places.example.org"),
        ("PLACES_API_KEY", "two words"),
        ("PLACES_DAILY_QUOTA", "-1"),
        ("PLACES_DAILY_QUOTA", "many"),
        ("PUBLIC_ORIGIN", "https://chat.example.org/rooms"),
        ("PUBLIC_ORIGIN", "https://"),
        ("PUBLIC_ORIGIN", "https://ada:pw@chat.example.org"),
        ("ALLOWED_HOSTS", "https://chat.example.org"),
        ("ALLOWED_HOSTS", "chat.example.org:443"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "127.0.0.1, proxy"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("DATABASE_URL", "postgresql://ada:a#b@host/name"),
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("REDIS_URL", "redis://host:port/0"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_TOKEN", "has blanks, but is long enough"),
    ],
)
def test_value_that_is_wrong_is_named(environment, name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        environment(**{name: value})


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "on"])
def test_flag_understands_the_usual_words(environment, word):
    assert environment(STAFF_MFA_REQUIRED=word).staff_mfa_required is True


def test_rate_limits_are_not_switched_off_for_the_world(environment):
    assert environment(RATE_LIMITS_ENABLED="false", HOST="127.0.0.1").rate_limits_enabled is False
    with pytest.raises(ImproperlyConfigured, match="RATE_LIMITS_ENABLED"):
        environment(RATE_LIMITS_ENABLED="false", HOST="0.0.0.0")


def test_secret_key_is_made_once_and_kept_for_its_owner_alone(environment, tmp_path):
    first = environment(SECRET_KEY="").secret_key
    assert len(first) >= 32
    assert environment(SECRET_KEY="").secret_key == first
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o077 == 0


def test_data_dir_that_cannot_be_written_is_named(environment, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ImproperlyConfigured, match="DATA_DIR"):
        environment(SECRET_KEY="", DATA_DIR=str(tmp_path / "file" / "data"))


def test_origin_decides_about_security_and_hosts(environment):
    found = environment(PUBLIC_ORIGIN="https://chat.example.org/")
    assert (found.public_origin, found.is_secure) == ("https://chat.example.org", True)
    assert "chat.example.org" in found.allowed_hosts


def test_lists_are_split_at_commas(environment):
    assert environment(TRUSTED_PROXIES=" 127.0.0.1, ::1 ,").trusted_proxies == ["127.0.0.1", "::1"]


def test_password_in_a_url_is_not_repeated(environment):
    with pytest.raises(ImproperlyConfigured) as refusal:
        environment(DATABASE_URL="postgresql://ada:hunter2@host:port/name")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://Chat.Example.org:443/", "https://chat.example.org"),
        ("http://chat.example.org:80", "http://chat.example.org"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_origin_is_read_as_browsers_write_it(environment, given, found):
    assert environment(PUBLIC_ORIGIN=given).public_origin == found


def test_host_of_an_ipv6_origin_is_allowed(environment):
    assert "[2001:db8::7]" in environment(PUBLIC_ORIGIN="http://[2001:db8::7]:8000").allowed_hosts


def test_value_that_begins_with_a_dollar_sign_is_taken_as_it_is(environment):
    assert environment(SECRET_KEY="$" + "k" * 40).secret_key == "$" + "k" * 40
