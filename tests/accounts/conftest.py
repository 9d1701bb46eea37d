"""People for the tests about people."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from operations import ratelimit

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def no_attempts_counted():
    """Limits count per process, so one test's attempts must not stop the next one's."""
    cache.clear()
    ratelimit._local.cache_clear()


@pytest.fixture
def member(db) -> User:
    return User.objects.create_user("ada@example.org", PASSWORD, display_name="Ada")


@pytest.fixture
def staff(db) -> User:
    return User.objects.create_superuser("chief@example.org", PASSWORD, display_name="Chief")


@pytest.fixture
def guest_client(db, client: Client) -> Client:
    """A browser whose session belongs to the guest `client.guest`."""
    answer = client.post("/api/guests", {"display_name": "Visitor"}, content_type="application/json")
    assert answer.status_code == 201
    client.guest = User.objects.get(uid=answer.json()["uid"])
    return client
