"""The scripts as files: each says what it takes and returns, compiles, and runs on any Redis from 6.2 on."""

import re
from importlib.resources import files

import pytest
import redis

from quota.engine.keys import pool_keys
from quota.engine.scripts import NAMES, scripts, source

FILES = sorted(entry.name.removesuffix(".lua") for entry in files("quota.engine").joinpath("lua").iterdir())
PARTS = sorted(set(FILES) - set(NAMES))
CALLED = re.compile(r"\bcall\('([A-Za-z]+)'")
REQUIRED = re.compile(r"^-- requires: (.+)$", re.MULTILINE)
# All of them older than 6.2, but ZMSCORE, which came with it.
OF_REDIS_6_2 = {
    *("DEL", "EXISTS", "GET", "MGET", "SET", "TIME", "XADD"),
    *("HDEL", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HSET"),
    *("ZADD", "ZCARD", "ZMSCORE", "ZRANGE", "ZRANGEBYSCORE", "ZREM", "ZREMRANGEBYSCORE", "ZSCORE"),
}
OPTIONS_SINCE_7 = re.compile(r"'(NX|XX|GT|LT|KEEPTTL|BYLEX|BYSCORE|FNX|FXX)'")


@pytest.fixture
def client(redis_url: str):
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.mark.parametrize("name", FILES)
def test_every_file_begins_by_saying_what_it_is_for(name: str) -> None:
    assert re.match(r"-- [A-Z].{20,}", source(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_script_says_what_it_returns(name: str) -> None:
    assert re.search(r"^-- Returns \{", source(name), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"expire"}))
def test_every_script_that_takes_arguments_names_them(name: str) -> None:
    assert re.search(r"^-- ARGV 2", source(name), re.MULTILINE)


def test_every_key_is_named_where_the_scripts_find_them() -> None:
    numbered = re.findall(r"^--\s+(\d+) (\w+)", source("fields"), re.MULTILINE)
    keys = [key.rpartition(b":")[2].decode() for key in pool_keys("p")]
    assert [name for _, name in numbered] == [*keys, "session"]
    assert [int(number) for number, _ in numbered] == list(range(1, 17))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_script_requires_is_there_and_is_no_script_itself(name: str) -> None:
    found = REQUIRED.search(source(name))
    assert found
    assert set(found.group(1).split()) <= set(PARTS)


def test_every_part_is_required_by_somebody() -> None:
    required = {part for name in NAMES for part in (REQUIRED.search(source(name)) or [""])[0].split()}
    assert set(PARTS) <= required


@pytest.mark.parametrize("name", FILES)
def test_only_commands_of_redis_6_2_are_called(name: str) -> None:
    text = source(name)
    assert set(CALLED.findall(text)) <= OF_REDIS_6_2
    assert not OPTIONS_SINCE_7.search(text)


@pytest.mark.parametrize("name", FILES)
def test_no_file_asks_for_keys_it_was_not_given(name: str) -> None:
    """A cluster runs a script where its declared keys are; one that makes up names breaks there."""
    assert not re.search(r"call\('\w+', *'", source(name))


@pytest.mark.parametrize("name", NAMES)
def test_redis_compiles_it_and_calls_it_by_the_name_we_use(client: redis.Redis, name: str) -> None:
    assert client.script_load(scripts()[name].text) == scripts()[name].sha


@pytest.mark.parametrize("name", NAMES)
def test_no_comment_travels_to_redis(name: str) -> None:
    assert not re.search(r"^\s*--", scripts()[name].text, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"configure"}))
def test_on_an_empty_server_every_script_says_so_and_writes_nothing(client: redis.Redis, name: str) -> None:
    before = client.dbsize()
    keys = (*pool_keys("nobody"), b"nb:{nobody}:session:")
    arguments: list[str | int] = ["", "id", "x", "x", 0, 0, 1, 0, "", "", 0, 0, 0, 0]
    assert client.eval(scripts()[name].text, len(keys), *keys, *arguments) == [b"EMPTY"]
    assert client.dbsize() == before
