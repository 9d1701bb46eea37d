"""The servers that other tests rely on behave as those tests expect."""

from __future__ import annotations

import psycopg
import pytest
import redis

from tests.databases import PostgresServer, RedisServer

pytestmark = pytest.mark.grown


def rows(url: str) -> int:
    with psycopg.connect(url, connect_timeout=3) as connection:
        found = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert found is not None
        return int(found[0])


@pytest.mark.chaos
def test_postgres_keeps_its_data_however_it_ends(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database("kept_data")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    for end in (
        postgres_server.stop,
        postgres_server.kill9,
        lambda: postgres_server.stop(immediate=True),
    ):
        end()
        with pytest.raises(psycopg.OperationalError):
            rows(url)
        postgres_server.start()
        assert rows(url) == 1


@pytest.mark.chaos
def test_postgres_answers_nothing_while_paused(postgres_server: PostgresServer) -> None:
    postgres_server.pause()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_server.url(), connect_timeout=2)
    postgres_server.resume()
    psycopg.connect(postgres_server.url(), connect_timeout=5).close()


def test_postgres_url_is_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        assert found.fetchone() == (0,)


@pytest.mark.chaos
def test_redis_forgets_when_stopped_and_when_flushed(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("name", "value")
        redis_server.flush()
        assert client.get("name") is None
        client.set("name", "value")
        redis_server.stop()
        with pytest.raises(redis.ConnectionError):
            client.get("name")
        redis_server.start()
        assert client.get("name") is None
