"""`manage.py init_multi_account` makes the first pool and account, says what is wrong otherwise, and repeats safely."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from accounts.models import ClaudeAccount, Pool
from nubabel import valkey
from quota.bootstrap import Setup, make_demo_pool
from quota.engine.facade import open_engine
from tests.quota.conftest import key_of

pytestmark = pytest.mark.django_db

FOUR_LINES = """\
✓ Claude account created: default-account
✓ Capacity initialized: 1M requests, 5B tokens
✓ Circuit breaker: CLOSED
✓ Redis connection: OK
"""


@pytest.fixture(autouse=True)
def _key(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = key_of("default")


def run(*arguments: str) -> tuple[str, str, int]:
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("init_multi_account", *arguments, stdout=out, stderr=err)
    except SystemExit as left:
        code = int(left.code or 0)
    return out.getvalue(), err.getvalue(), code


def test_it_prints_exactly_four_lines_when_all_is_well() -> None:
    out, _, code = run()
    assert (out, code) == (FOUR_LINES, 0)


def test_it_may_be_run_again_and_changes_nothing() -> None:
    run()
    ClaudeAccount.objects.update(weight=7)
    assert run()[0] == FOUR_LINES
    assert [account.weight for account in ClaudeAccount.objects.all()] == [7]


async def test_the_engine_knows_the_account_and_its_limits_afterwards(transactional_db: None, redis_url: str) -> None:
    from asgiref.sync import sync_to_async

    await sync_to_async(run)()
    pool = await Pool.objects.aget(name="default")
    account = await ClaudeAccount.objects.aget()
    engine = open_engine(redis_url)
    snapshot = await engine.snapshot(str(pool.pk))
    await engine.close()
    limits = {str(state.limit.metric): state.limit.amount for state in snapshot.accounts[str(account.pk)].limits}
    assert limits == {"requests": 1_000_000, "tokens": 5_000_000_000}


def test_as_json_it_tells_the_same() -> None:
    told = json.loads(run("--json")[0])
    assert (told["ok"], told["created"], told["account"], told["breaker"]) == (
        True,
        True,
        "default-account",
        "closed",
    )


def test_without_a_key_it_says_what_to_set_and_fails(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = ""
    out, err, code = run()
    assert (out, code) == ("", 1)
    assert "ANTHROPIC_API_KEY: it is not set" in err


def test_an_upstream_with_a_path_is_refused_in_words(settings: Settings) -> None:
    settings.ANTHROPIC_BASE_URLS = settings.ALLOWED_BASE_URLS = ("https://proxy.example/anthropic",)
    _, err, code = run()
    assert (code, "ANTHROPIC_BASE_URLS" in err, "no path" in err) == (1, True, True)


def test_a_consumer_token_is_no_key(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = "sk-ant-oat01-" + "x" * 90
    _, err, code = run()
    assert code == 1
    assert "sk-ant-oat01-x" not in err


def test_everything_wrong_is_said_at_once(settings: Settings, tmp_path: Path) -> None:
    settings.ENCRYPTION_KEY = "short"
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    told = json.loads(run("--json")[0])
    assert [failure["check"] for failure in told["failures"]] == ["ENCRYPTION_KEY", "Redis"]
    assert all(failure["mend"] for failure in told["failures"])


def test_another_key_than_the_one_stored_is_kept_and_told(settings: Settings) -> None:
    run()
    settings.ANTHROPIC_API_KEY = key_of("other")
    out, err, code = run()
    assert (out, code) == (FOUR_LINES, 0)
    assert "holds another key" in err


def test_a_redis_that_evicts_is_refused(settings: Settings, start_valkey: Callable[..., valkey.Running]) -> None:
    import redis

    server = start_valkey()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    settings.REDIS_URL = server.url
    _, err, code = run()
    assert code == 1
    assert "invisible refill" in err


def test_keys_that_the_encryption_key_does_not_open_are_named_and_fail(settings: Settings) -> None:
    run()
    settings.ENCRYPTION_KEY = "a1b2c3d4" * 8
    out, err, code = run()
    assert (out, code) == ("", 1)
    assert "default-account (default)" in err
    assert "ENCRYPTION_KEY_FALLBACKS" in err
    assert "holds another key" not in err


def test_a_disabled_account_needs_no_readable_key(settings: Settings) -> None:
    run()
    ClaudeAccount.objects.update(enabled=False)
    settings.ENCRYPTION_KEY = "a1b2c3d4" * 8
    assert run()[2] == 0


def test_a_missing_migration_is_named(django_db_blocker: Any) -> None:
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="quota").delete()
    _, err, code = run()
    assert code == 1
    assert "manage.py migrate" in err


@pytest.mark.parametrize(
    ("requests", "tokens", "said"),
    [
        (1_000_000, 5_000_000_000, "1M requests, 5B tokens"),
        (1_500_000, None, "1.5M requests, unlimited tokens"),
        (1_234_567, 900, "1,234,567 requests, 900 tokens"),
    ],
)
def test_capacity_is_said_as_it_is(requests: int, tokens: int | None, said: str) -> None:
    setup = Setup("default", "default-account", False, requests, tokens, "closed")
    assert setup.lines()[1] == f"✓ Capacity initialized: {said}"


def test_an_open_breaker_is_not_called_well() -> None:
    assert Setup("default", "a", False, 1, 1, "open").lines()[2] == "! Circuit breaker: OPEN"


@pytest.fixture
def demo_url(settings: Settings) -> str:
    return str(settings.ALLOWED_BASE_URLS[-1])


KEYS = {name: key_of(name) for name in ("alpha", "beta", "gamma")}


def test_the_demo_pool_is_simulated_and_has_three_accounts(demo_url: str) -> None:
    pool = make_demo_pool(base_url=demo_url, keys=KEYS)
    assert (pool.name, pool.simulated) == ("demo", True)
    assert sorted(account.name for account in pool.accounts.all()) == ["alpha", "beta", "gamma"]


def test_the_demo_pool_made_again_keeps_what_people_changed(demo_url: str) -> None:
    make_demo_pool(base_url=demo_url, keys=KEYS)
    ClaudeAccount.objects.filter(name="beta").update(weight=3)
    make_demo_pool(base_url=demo_url, keys=KEYS)
    assert ClaudeAccount.objects.get(name="beta").weight == 3


def test_the_demo_pool_follows_its_simulator_to_another_port(demo_url: str, settings: Settings) -> None:
    make_demo_pool(base_url=demo_url, keys=KEYS)
    settings.ALLOWED_BASE_URLS = ("http://127.0.0.1:9999",)
    make_demo_pool(base_url="http://127.0.0.1:9999", keys=KEYS)
    assert {account.base_url for account in ClaudeAccount.objects.all()} == {"http://127.0.0.1:9999"}
