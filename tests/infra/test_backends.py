from __future__ import annotations

import os

import pytest
from django.conf import settings
from django.db import connection

from tests.backends import chosen_backend, worker_name


def test_each_process_has_its_own_data_and_redis_number() -> None:
    # The environment is set per process: settings read before that would be those of the process that started it.
    assert str(settings.DATA_DIR) == os.environ["DATA_DIR"]
    assert settings.REDIS_URL == os.environ["REDIS_URL"]
    if "CONFIG" in settings.CHANNEL_LAYERS["default"]:
        assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] == f"pavilion-{worker_name()}"


def test_the_chosen_backend_is_used(db: None) -> None:
    vendor, layer = {
        "sqlite": ("sqlite", "channels.layers.InMemoryChannelLayer"),
        "postgres": ("postgresql", "channels_redis.pubsub.RedisPubSubChannelLayer"),
    }[chosen_backend()]
    assert connection.vendor == vendor
    assert settings.CHANNEL_LAYERS["default"]["BACKEND"] == layer


@pytest.mark.backend("sqlite")
def test_sqlite_is_a_file_in_wal_mode(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA database_list")
        assert cursor.fetchone()[2].startswith(str(settings.DATA_DIR))
