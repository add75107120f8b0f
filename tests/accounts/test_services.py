from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from accounts import leases, services
from accounts.errors import DeletionRefused, DuplicateKey, KeyRefused
from accounts.models import ClaudeAccount, Pool
from accounts.signals import account_mended
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, NEW

SIMULATOR = "http://127.0.0.1:9100"

pytestmark = pytest.mark.django_db


def nobody(_account):
    return 0


def test_an_account_is_created_with_its_key_and_limits(pool):
    made = services.create_account(pool=pool, name="alpha", api_key=ALPHA_KEY, limit_cost_day=Decimal("12.5"))
    stored = ClaudeAccount.objects.get()
    assert (stored.pk, stored.enabled, stored.limit_cost_day_nano) == (made.pk, True, 12_500_000_000)
    assert stored.reveal_key().reveal() == ALPHA_KEY


@pytest.mark.parametrize(("simulated", "address"), [(False, "https://api.anthropic.com"), (True, SIMULATOR)])
def test_without_an_address_an_account_gets_the_one_of_its_kind_of_pool(pool, simulated, address):
    pool.simulated = simulated
    pool.save()
    assert services.create_account(pool=pool, name="alpha", api_key=ALPHA_KEY).base_url == address


def test_a_simulated_pool_takes_no_account_that_would_call_anthropic(pool):
    pool.simulated = True
    pool.save()
    with pytest.raises(ValidationError, match="not the simulator"):
        services.create_account(pool=pool, name="a", api_key=ALPHA_KEY, base_url="https://api.anthropic.com")
    assert not ClaudeAccount.objects.exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"api_key": "sk-ant-sid01-0123456789abcdef"}, KeyRefused),
        ({"base_url": "https://evil.example"}, ValidationError),
        ({"weight": 0}, ValidationError),
        ({"enabled": False}, ValidationError),
        ({"key_hint": "abcd"}, ValidationError),
        ({"surprise": 1}, ValidationError),
    ],
)
def test_an_account_that_makes_no_sense_is_not_created(pool, change, error):
    with pytest.raises(error):
        services.create_account(**{"pool": pool, "name": "alpha", "api_key": ALPHA_KEY, **change})
    assert not ClaudeAccount.objects.exists()


def test_the_same_key_is_refused_and_the_message_names_the_other_account(alpha, pool):
    with pytest.raises(DuplicateKey, match="'alpha'"):
        services.create_account(pool=pool, name="again", api_key=ALPHA_KEY)


def test_the_same_key_is_recognised_under_an_older_encryption_key(alpha, pool, use_keys, settings):
    use_keys(NEW, settings.ENCRYPTION_KEY)
    with pytest.raises(DuplicateKey, match="'alpha'"):
        services.create_account(pool=pool, name="again", api_key=ALPHA_KEY)


def test_the_same_key_may_serve_in_another_pool(alpha):
    services.create_account(pool=Pool.objects.create(name="other"), name="alpha", api_key=ALPHA_KEY)


def test_a_race_for_the_same_key_ends_in_the_same_refusal(alpha, pool, monkeypatch):
    monkeypatch.setattr(ClaudeAccount, "refuse_duplicate", lambda self, secret: None)
    monkeypatch.setattr(ClaudeAccount, "full_clean", lambda self: None)
    with pytest.raises(DuplicateKey):
        services.create_account(pool=pool, name="again", api_key=ALPHA_KEY)


def test_updating_changes_what_is_named_and_nothing_that_others_changed(alpha):
    ClaudeAccount.objects.update(weight=5)
    services.update_account(alpha, priority=1)
    stored = ClaudeAccount.objects.get()
    assert (stored.priority, stored.weight) == (1, 5)


def test_a_key_can_be_replaced(alpha):
    services.update_account(alpha, api_key=BETA_KEY)
    stored = ClaudeAccount.objects.get()
    assert stored.reveal_key().reveal() == BETA_KEY
    assert (stored.key_hint, stored.key_fingerprint) == ("BBBB", alpha.key_fingerprint)


def test_disabling_keeps_the_first_reason_and_enabling_clears_it(alpha):
    assert services.disable_account(alpha, why="invalid key")
    assert not services.disable_account(alpha, why="something else")
    assert (alpha.enabled, alpha.disabled_reason) == (False, "invalid key")
    assert services.enable_account(alpha)
    assert not services.enable_account(alpha)
    assert (alpha.enabled, alpha.disabled_reason) == (True, "")


def test_a_long_reason_is_cut(alpha):
    services.disable_account(alpha, why="x" * 1000)
    assert len(ClaudeAccount.objects.get().disabled_reason) == 200


def test_what_answers_say_of_the_organization_is_kept_and_counts_as_an_edit_once(alpha):
    learn = {"account_id": str(alpha.pk), "organization_id": "org_1"}
    assert services.remember_origin(**learn)
    version = ClaudeAccount.objects.get().version
    assert not services.remember_origin(**learn)
    assert not services.remember_origin(account_id=str(alpha.pk))
    assert ClaudeAccount.objects.get().version == version


def test_learning_the_workspace_keeps_the_organization(alpha):
    services.remember_origin(account_id=str(alpha.pk), organization_id="org_1")
    services.remember_origin(account_id=str(alpha.pk), workspace_id="wrkspc_1")
    stored = ClaudeAccount.objects.get()
    assert (stored.organization_id, stored.workspace_id) == ("org_1", "wrkspc_1")


# what a person mended


@pytest.fixture
def mended(django_capture_on_commit_callbacks):
    """Run something and say which accounts were announced as mended."""

    def run(work):
        told = []

        def listener(*, account_id, **_):
            told.append(account_id)

        account_mended.connect(listener)
        with django_capture_on_commit_callbacks(execute=True):
            work()
        account_mended.disconnect(listener)
        return told

    return run


def test_a_new_key_mends_an_account(alpha, mended):
    assert mended(lambda: services.update_account(alpha, api_key=BETA_KEY)) == [alpha.pk]


def test_enabling_mends_an_account_once(alpha, mended):
    services.disable_account(alpha)
    assert mended(lambda: services.enable_account(alpha)) == [alpha.pk]
    assert mended(lambda: services.enable_account(alpha)) == []


def test_another_change_mends_nothing(alpha, mended):
    assert mended(lambda: services.update_account(alpha, priority=1)) == []
    assert mended(lambda: services.disable_account(alpha)) == []


def test_switching_says_when_it_happened(alpha):
    before = ClaudeAccount.objects.get().updated_at
    services.disable_account(alpha)
    disabled = ClaudeAccount.objects.get().updated_at
    services.enable_account(alpha)
    assert before < disabled < ClaudeAccount.objects.get().updated_at


def test_learning_an_organization_is_nobodys_mending(alpha):
    before = ClaudeAccount.objects.get().updated_at
    services.remember_origin(account_id=str(alpha.pk), organization_id="org_1")
    assert ClaudeAccount.objects.get().updated_at == before


# deletion


def test_an_enabled_account_is_not_deleted(alpha):
    with pytest.raises(DeletionRefused, match="Disable it first"):
        services.delete_account(alpha, leases_of=nobody)


def test_an_account_with_requests_under_way_is_not_deleted(alpha):
    services.disable_account(alpha)
    with pytest.raises(DeletionRefused, match="3 requests"):
        services.delete_account(alpha, leases_of=lambda _: 3)
    assert ClaudeAccount.objects.exists()


def test_a_disabled_idle_account_is_deleted(alpha):
    services.disable_account(alpha)
    services.delete_account(alpha, leases_of=nobody)
    assert not ClaudeAccount.objects.exists()


def test_an_account_that_was_enabled_meanwhile_is_not_deleted(alpha):
    services.disable_account(alpha)
    ClaudeAccount.objects.update(enabled=True)
    with pytest.raises(DeletionRefused, match="is enabled"):
        services.delete_account(alpha, leases_of=nobody)


def test_what_is_still_in_use_keeps_an_account(alpha, monkeypatch):
    held: Any = {"message batch msgbatch_1"}

    def protected(self):
        raise ProtectedError("protected", held)

    monkeypatch.setattr(ClaudeAccount, "delete", protected)
    services.disable_account(alpha)
    with pytest.raises(DeletionRefused, match=r"1 still in use there \(message batch msgbatch_1\)"):
        services.delete_account(alpha, leases_of=nobody)


@pytest.fixture
def lease_counter():
    before = leases._counter
    yield leases.register_lease_counter
    leases.register_lease_counter(before)


def test_leases_are_asked_of_whoever_registered(alpha, lease_counter):
    lease_counter(lambda pool, account: 7 if (pool, account) == (str(alpha.pool_id), str(alpha.pk)) else 0)
    assert leases.leases_of(alpha) == 7


def test_where_nobody_knows_about_leases_nothing_is_deleted(alpha, lease_counter):
    lease_counter(None)
    services.disable_account(alpha)
    with pytest.raises(DeletionRefused, match="Nobody can tell"):
        services.delete_account(alpha, leases_of=leases.leases_of)


def test_where_the_count_fails_nothing_is_deleted(alpha, lease_counter):
    def broken(*_):
        raise OSError("redis is gone")

    lease_counter(broken)
    with pytest.raises(DeletionRefused, match="Redis"):
        leases.leases_of(alpha)
