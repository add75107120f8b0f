import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.utils import timezone

from accounts.access import revoke_access_key
from accounts.keys import hash_key, looks_valid
from accounts.models import AccessKey, Pool
from nubabel import valkey
from nubabel.errors import ServeError
from nubabel.serve import pool_step, steps

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def pool() -> Pool:
    return Pool.objects.create(name="demo", simulated=True)


def test_the_first_start_makes_an_administrator_who_can_log_in() -> None:
    name, password = steps.admin_user()
    user = User.objects.get(username=name)
    assert user.is_superuser
    assert user.check_password(password)


def test_later_starts_make_no_second_password() -> None:
    steps.admin_user()
    assert steps.admin_user() == ("admin", "")


def test_an_administrator_of_another_name_is_respected() -> None:
    User.objects.create_superuser("grace", "", "a password of hers")
    assert steps.admin_user() == ("grace", "")


def test_the_printed_key_works_and_only_its_owner_can_read_it(pool: Pool) -> None:
    path = steps.access_key(pool)
    plain = path.read_text().strip()
    assert looks_valid(plain)
    assert AccessKey.objects.get(sha256=hash_key(plain)).pool == pool
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_key_is_kept_from_start_to_start(pool: Pool) -> None:
    before = steps.access_key(pool).read_text()
    assert steps.access_key(pool).read_text() == before
    assert AccessKey.objects.count() == 1


def test_a_revoked_key_is_replaced(pool: Pool) -> None:
    before = steps.access_key(pool).read_text()
    revoke_access_key(AccessKey.objects.get(), now=timezone.now())
    assert steps.access_key(pool).read_text() != before


def test_a_key_to_another_pool_is_replaced(pool: Pool) -> None:
    before = steps.access_key(pool).read_text()
    assert steps.access_key(Pool.objects.create(name="default")).read_text() != before


def test_a_database_that_is_up_to_date_is_left_alone() -> None:
    assert steps.database().endswith("up to date")


def test_a_store_that_does_not_answer_is_named_without_its_password(settings: Any) -> None:
    settings.EMBEDDED_VALKEY = False
    settings.REDIS_URL = "redis://:hunter2@127.0.0.1:1/0"
    with pytest.raises(ServeError, match="REDIS_URL does not answer") as caught:
        steps.store()
    assert "hunter2" not in str(caught.value)


def test_without_a_key_the_pool_is_three_simulated_accounts(settings: Any) -> None:
    settings.DEMO = True
    pool, said = pool_step.pool()
    assert pool.simulated
    assert pool.accounts.count() == 3
    assert "SIMULATED" in said


def test_the_demo_is_made_once(settings: Any) -> None:
    settings.DEMO = True
    assert pool_step.pool()[0] == pool_step.pool()[0]
    assert Pool.objects.get().accounts.count() == 3


def test_with_a_key_the_pool_is_real(settings: Any) -> None:
    settings.DEMO = False
    settings.ANTHROPIC_API_KEY = "sk-ant-api03-" + "a" * 93 + "AA"
    pool, _said = pool_step.pool()
    assert not pool.simulated
    assert [account.name for account in pool.accounts.all()] == ["default-account"]


REAL_KEY = "sk-ant-api03-" + "a" * 93 + "AA"


@pytest.mark.parametrize("demo", [True, False])
def test_a_store_that_evicts_stops_the_start_with_cause_and_remedy(
    demo: bool, settings: Any, start_valkey: Callable[..., valkey.Running]
) -> None:
    server = start_valkey()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    settings.REDIS_URL, settings.DEMO, settings.ANTHROPIC_API_KEY = server.url, demo, REAL_KEY
    with pytest.raises(ServeError, match=r"invisible refill(.|\n)*CONFIG SET maxmemory-policy noeviction"):
        pool_step.pool()


def test_keys_that_cannot_be_opened_are_told_while_the_admin_site_starts(settings: Any) -> None:
    settings.DEMO, settings.ANTHROPIC_API_KEY = False, REAL_KEY
    pool_step.pool()
    settings.ENCRYPTION_KEY = "a1b2c3d4" * 8
    said = pool_step.pool()[1]
    assert said.startswith("default: 1 account\n")
    assert "! Stored keys" in said
    assert "ENCRYPTION_KEY_FALLBACKS" in said
