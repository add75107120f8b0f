"""`make load` touches nobody's data: a database of its own, and a Redis only if it is empty."""

import os
from pathlib import Path

import psycopg
import pytest
import redis

from benchmarks.load.stores import NoStore, database, renamed, store
from benchmarks.rig import private_server

GIVEN = os.environ.get("DATABASE_URL", "")


def test_a_redis_that_holds_something_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    with private_server() as server, redis.Redis.from_url(server.url) as client:
        monkeypatch.setenv("REDIS_URL", server.url)
        client.set("somebody's", "1")
        with pytest.raises(NoStore, match="empty"), store():
            pass
        assert client.get("somebody's") == b"1"


def test_an_empty_redis_is_empty_afterwards(monkeypatch: pytest.MonkeyPatch):
    with private_server() as server, redis.Redis.from_url(server.url) as client:
        monkeypatch.setenv("REDIS_URL", server.url)
        with store() as (url, _):
            assert url == server.url
            client.set("ours", "1")
        assert client.dbsize() == 0


def test_a_redis_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(NoStore, match="does not answer"), store():
        pass


def test_a_database_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    with pytest.raises(NoStore, match="DATABASE_URL"), database(tmp_path):
        pass


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ("postgresql://ann:pw@db:5432/pool?sslmode=require", "postgresql://ann:pw@db:5432/load?sslmode=require"),
        ("postgresql:///pool?host=/run/postgresql", "postgresql:///load?host=/run/postgresql"),
        ("postgres://db", "postgres://db/load"),
    ],
)
def test_another_database_is_named_on_the_same_server(given: str, other: str):
    assert renamed(given, "load") == other


@pytest.mark.skipif(not GIVEN.startswith("postgres"), reason="DATABASE_URL names no PostgreSQL")
def test_beside_a_given_database_there_is_one_of_ours_for_a_while(tmp_path: Path):
    with database(tmp_path) as (url, _):
        assert url != GIVEN
        with psycopg.connect(url) as opened:
            name = opened.info.dbname
    with psycopg.connect(GIVEN) as front:
        found = front.execute("SELECT count(*) FROM pg_database WHERE datname = %s", (name,)).fetchone()
    assert found == (0,)
