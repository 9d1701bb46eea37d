"""What the tests that break things share."""

from __future__ import annotations

import pytest

# Their assertions shall tell what was compared, as those in test files do.
pytest.register_assert_rewrite("tests.chaos.crowd")

from tests.databases import PostgresServer, RedisServer  # noqa: E402

# Load tests meet no limits; what is tested against limits says so itself.
UNLIMITED = {"RATE_LIMITS_ENABLED": "false"}


@pytest.fixture(scope="session")
def built_static() -> None:
    """Nothing: these tests open no page, so the front end need not be built for their servers."""


@pytest.fixture
def grown_env(
    postgres_server: PostgresServer, redis_server: RedisServer, request: pytest.FixtureRequest
) -> dict[str, str]:
    """The environment of servers that share a new PostgreSQL database and a Redis."""
    return {**UNLIMITED, "DATABASE_URL": new_database(postgres_server, request), "REDIS_URL": redis_server.url}


@pytest.fixture
def postgres_env(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of servers that share a new PostgreSQL database and know nothing of each other."""
    return {**UNLIMITED, "DATABASE_URL": new_database(postgres_server, request)}


def new_database(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    name = "".join(letter if letter.isalnum() else "_" for letter in request.node.name.lower())
    return server.create_database(name[-60:])
