import threading
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.models import AccessKey, ClaudeAccount, Pool, Strategy
from accounts.models.limits import COSTS, COUNTED, LIMIT_FIELDS
from accounts.signals import pool_changed
from quota.engine import types as engine
from tests.accounts.cast import ALPHA_KEY, BETA_KEY

pytestmark = pytest.mark.django_db


def version(pool: Pool) -> int:
    return Pool.objects.values_list("version", flat=True).get(pk=pool.pk)


def test_a_row_has_its_id_before_it_is_saved():
    assert isinstance(ClaudeAccount().pk, uuid.UUID)


def test_the_strategies_are_those_of_the_engine():
    assert set(Strategy.values) == set(engine.Strategy)


def test_a_new_pool_has_the_documented_defaults(pool):
    assert (pool.strategy, pool.affinity, pool.version) == (Strategy.LEAST_LOADED, True, 1)
    assert (pool.breaker_threshold, pool.breaker_open_seconds, pool.breaker_successes) == (5, 300, 1)
    assert (pool.early_probe, pool.outage_guard, pool.estimate_policy, pool.degraded) == (
        False,
        True,
        "expected",
        "local",
    )


# what the database refuses


@pytest.mark.parametrize("field", LIMIT_FIELDS)
@pytest.mark.parametrize("amount", [0, 1 << 53])
def test_the_database_refuses_a_limit_that_is_no_countable_number(alpha, field, amount):
    amount = 9_000_001 if field in COSTS and amount else amount
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaudeAccount.objects.update(**{field: amount})


@pytest.mark.parametrize("change", [{"weight": 0}, {"max_concurrency": 0}, {"name": ""}, {"key_fingerprint": ""}])
def test_the_database_refuses_an_account_that_makes_no_sense(alpha, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaudeAccount.objects.update(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": "best"},
        {"degraded": "panic"},
        {"estimate_policy": "none"},
        {"breaker_threshold": 0},
        {"breaker_open_seconds": 0},
        {"breaker_successes": 0},
        {"affinity_ttl_seconds": 0},
        {"queue_seconds": 301},
    ],
)
def test_the_database_refuses_a_pool_that_makes_no_sense(pool, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        Pool.objects.update(**change)


def test_a_name_is_unique_in_its_pool_only(alpha, make_account):
    make_account("alpha", BETA_KEY, pool=Pool.objects.create(name="other"))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_account("alpha", BETA_KEY)


def test_the_same_key_twice_in_a_pool_is_refused_by_the_database(alpha, make_account):
    make_account("elsewhere", ALPHA_KEY, pool=Pool.objects.create(name="other"))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_account("again", ALPHA_KEY)


def test_a_pool_with_accounts_cannot_be_deleted(alpha):
    with pytest.raises(ProtectedError):
        alpha.pool.delete()


def test_the_database_refuses_an_access_key_without_scopes(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessKey.objects.create(name="none", sha256="0" * 64, scopes=[])


# what validation explains


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": "https://evil.example"}, "not an allowed upstream"),
        ({"base_url": "http://127.0.0.1:9100"}, "must be https"),
        ({"limit_tokens_day": 0}, "limit is positive"),
        ({"limit_cost_day": Decimal(-5)}, "limit is positive"),
        ({"limit_cost_day": Decimal("1234567.123456789")}, "15 significant digits"),
        ({"limit_cost_day": Decimal("1.0000000001")}, "9 decimal places"),
        ({"allowed_models": "claude"}, "list of model names"),
        ({"allowed_models": ["a", "a"]}, "twice"),
        ({"allowed_models": [1]}, "short text"),
        ({"name": "two\nlines"}, "one line"),
        ({"name": "   "}, "one line"),
        ({"api_key": "sk-ant-oat01-0123456789abcdef"}, "terms forbid"),
    ],
)
def test_validation_says_what_is_wrong(alpha, change, words):
    for column, value in change.items():
        setattr(alpha, column, value)
    with pytest.raises(ValidationError, match=words):
        alpha.full_clean()


def test_a_simulated_pool_may_use_the_simulator_on_this_machine(make_account, settings):
    settings.ALLOWED_BASE_URLS = ("https://api.anthropic.com", "http://127.0.0.1:9100")
    demo = Pool.objects.create(name="demo", simulated=True)
    make_account(pool=demo, base_url="http://127.0.0.1:9100/").full_clean()


def test_a_simulated_pool_refuses_the_address_of_anthropic(make_account):
    demo = Pool.objects.create(name="demo", simulated=True)
    with pytest.raises(ValidationError, match="sends nothing to Anthropic"):
        make_account(pool=demo).full_clean()


def test_an_account_stays_in_its_pool(alpha):
    other = Pool.objects.create(name="other")
    alpha = ClaudeAccount.objects.get()
    alpha.pool = other
    with pytest.raises(ValidationError, match="stays in its pool"):
        alpha.save()
    with pytest.raises(ValidationError, match="stays in its pool"):
        ClaudeAccount.objects.update(pool=other)


# limits in the engine's words


def test_every_limit_column_reaches_the_engine(alpha):
    for position, field in enumerate(LIMIT_FIELDS, start=1):
        setattr(alpha, field, position)
    alpha.save()
    limits = {f"limit_{limit.metric}_{limit.window}": limit.amount for limit in ClaudeAccount.objects.get().limits()}
    assert limits == {
        field: position * (1_000_000_000 if field in COSTS else 1)
        for position, field in enumerate(LIMIT_FIELDS, start=1)
    }
    assert len(COUNTED) + len(COSTS) == 9


def test_a_cost_limit_is_exact_to_the_nano_dollar(alpha):
    alpha.limit_cost_month = Decimal("123456.123456789")
    alpha.save()
    assert ClaudeAccount.objects.get().limit_cost_month_nano == 123_456_123_456_789


def test_no_limit_is_none(alpha):
    assert alpha.limits() == ()
    assert alpha.limit_cost_day_nano is None


# versions


def _save_account(account: ClaudeAccount) -> None:
    account.priority += 1
    account.save()


EDITS: dict[str, Callable[[Pool, ClaudeAccount], object]] = {
    "saving the pool": lambda pool, _: pool.save(),
    "saving some columns of the pool": lambda pool, _: pool.save(update_fields=["name"]),
    "updating pools": lambda _, __: Pool.objects.update(affinity=False),
    "saving an account": lambda _, account: _save_account(account),
    "saving some columns of an account": lambda _, account: account.save(update_fields=["priority"]),
    "updating accounts": lambda _, __: ClaudeAccount.objects.update(weight=2),
    "updating accounts in bulk": lambda _, account: ClaudeAccount.objects.bulk_update([account], ["weight"]),
    "creating an account": lambda pool, _: ClaudeAccount.objects.create(pool=pool, name="b", api_key=BETA_KEY),
    "creating accounts in bulk": lambda pool, _: ClaudeAccount.objects.bulk_create(
        [ClaudeAccount(pool=pool, name="b", api_key=BETA_KEY)]
    ),
    "deleting an account": lambda _, account: account.delete(),
    "deleting accounts": lambda _, __: ClaudeAccount.objects.all().delete(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_every_way_to_edit_moves_the_version_and_tells(alpha, pool, edit, django_capture_on_commit_callbacks):
    told: list[uuid.UUID] = []

    def listener(*, pool_id: uuid.UUID, **_: object) -> None:
        told.append(pool_id)

    pool.refresh_from_db()
    before = version(pool)
    pool_changed.connect(listener)
    with django_capture_on_commit_callbacks(execute=True):
        edit(pool, ClaudeAccount.objects.get())
    pool_changed.disconnect(listener)
    assert version(pool) > before
    assert set(told) == {pool.pk}


def test_an_edit_elsewhere_does_not_move_the_version(alpha, pool):
    before = version(pool)
    Pool.objects.create(name="other").save()
    assert version(pool) == before


def test_an_instance_knows_its_true_version_after_saving(pool):
    stale = Pool.objects.get()
    pool.save()
    stale.save()
    assert stale.version == version(pool) == 3


def test_an_account_counts_its_own_edits(alpha):
    alpha.save()
    ClaudeAccount.objects.update(weight=3)
    assert ClaudeAccount.objects.get().version == 3


def test_a_failed_edit_moves_nothing(alpha, pool):
    before = version(pool)
    alpha.weight = 0
    with pytest.raises(IntegrityError), transaction.atomic():
        alpha.save()
    assert version(pool) == before


@pytest.mark.django_db(transaction=True)
def test_concurrent_edits_lose_no_version(pool, make_account):
    accounts = [make_account(f"a{number}", f"sk-ant-api03-{number:020d}") for number in range(4)]
    before = version(pool)
    failures: list[BaseException] = []

    def edit(account: ClaudeAccount) -> None:
        try:
            for _ in range(5):
                account.save()
        except BaseException as failure:  # noqa: BLE001 - the test's own thread reports it
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=[account]) for account in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert version(pool) == before + 20
