"""`manage.py accounts`, `pool_status` and `usage`, as people and programs call them."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from quota import control
from quota.facts import Span
from quota.management.tables import harmless, table
from quota.models import UsageRollup
from simulator.testing import RunningSimulator, threaded_simulator
from tests.accounts.cast import ALPHA_KEY, BETA_KEY
from tests.journeys.pool import world_of

pytestmark = pytest.mark.django_db(transaction=True)

Typed = Callable[[str], None]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Put this on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def used(account: ClaudeAccount, **amounts: Any) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    usual = {"pool_id": account.pool_id, "account": account, "model": "claude-opus-5-5", "requests": 1}
    for span, at in ((Span.HOUR, now), (Span.DAY, now.replace(hour=0))):
        UsageRollup.objects.create(span=span, starts_at=at, **(usual | amounts))


# -- accounts


def test_the_list_says_how_each_stands(alice: ClaudeAccount) -> None:
    (one,) = told("accounts", "list")["accounts"]
    assert (one["name"], one["status"], one["breaker"], one["serves"]) == ("alice", "serving", "closed", True)


def test_for_people_it_is_a_table(alice: ClaudeAccount) -> None:
    head, line = run("accounts", "list").splitlines()
    assert head.split()[:3] == ["POOL", "ACCOUNT", "STATUS"]
    assert line.split()[:3] == ["default", "alice", "serving"]


def test_without_redis_the_list_says_so_and_shows_what_is_known(alice: ClaudeAccount, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    listed = told("accounts", "list")
    assert listed["troubles"] == {"default": "Redis does not answer"}
    assert [one["status"] for one in listed["accounts"]] == ["unknown"]


def test_an_account_is_added_with_the_key_from_standard_input(pool: Pool, typed: Typed) -> None:
    typed(ALPHA_KEY + "\n")
    added = told("accounts", "add", "alpha", "--requests-per-minute", "5", "--cost-per-day", "1.50", "--priority", "7")
    alpha = ClaudeAccount.objects.get(pk=added["id"])
    assert (added["changed"], alpha.reveal_key().reveal()) == (True, ALPHA_KEY)
    assert (alpha.limit_requests_minute, alpha.limit_cost_day, alpha.priority) == (5, Decimal("1.50"), 7)


def test_adding_it_again_changes_nothing(pool: Pool, typed: Typed) -> None:
    for changed in (True, False):
        typed(ALPHA_KEY)
        assert told("accounts", "add", "alpha")["changed"] is changed
    assert ClaudeAccount.objects.count() == 1


def test_another_key_under_the_same_name_is_refused_without_showing_it(pool: Pool, typed: Typed) -> None:
    typed(ALPHA_KEY)
    run("accounts", "add", "alpha")
    typed(BETA_KEY)
    with pytest.raises(CommandError) as refused:
        run("accounts", "add", "alpha")
    assert "of this name already" in str(refused.value)
    assert BETA_KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["", "\n", "sk-ant-oat01-somebody-signed-in", "nonsense"])
def test_what_is_no_key_is_refused(pool: Pool, typed: Typed, key: str) -> None:
    typed(key)
    with pytest.raises(CommandError):
        run("accounts", "add", "alpha")
    assert not ClaudeAccount.objects.exists()


def test_disable_and_enable_say_whether_anything_changed(alice: ClaudeAccount) -> None:
    assert [told("accounts", "disable", "alice")["changed"] for _ in range(2)] == [True, False]
    assert told("accounts", "list")["accounts"][0]["status"] == "disabled"
    assert [told("accounts", "enable", "alice")["changed"] for _ in range(2)] == [True, False]


def test_disabling_keeps_the_reason(alice: ClaudeAccount) -> None:
    run("accounts", "disable", "alice", "--why", "moving house")
    alice.refresh_from_db()
    assert alice.disabled_reason == "moving house"


def test_reset_closes_a_breaker_that_was_forced_open(alice: ClaudeAccount) -> None:
    control.ask(
        alice.pool_id, lambda engine: engine.force_open(str(alice.pool_id), str(alice.pk), actor="test", why="rest")
    )
    assert told("accounts", "list")["accounts"][0]["status"] == "forced_open"
    run("accounts", "reset", str(alice.pk))
    assert told("accounts", "list")["accounts"][0]["status"] == "serving"


def test_an_unknown_name_is_an_error(alice: ClaudeAccount) -> None:
    with pytest.raises(CommandError, match="no account 'mallory'"):
        run("accounts", "disable", "mallory")


def test_a_name_in_two_pools_wants_the_pool(alice: ClaudeAccount) -> None:
    other = Pool.objects.create(name="other")
    create_account(pool=other, name="alice", api_key=ALPHA_KEY)
    with pytest.raises(CommandError, match="--pool"):
        run("accounts", "disable", "alice")
    assert told("accounts", "disable", "alice", "--pool", "other")["pool"] == "other"


# -- accounts test


@pytest.fixture
def simulator(settings: Settings) -> Iterator[RunningSimulator]:
    with threaded_simulator(world_of("alpha")) as running:
        settings.ALLOWED_BASE_URLS = (running.url,)
        yield running


def at_the_simulator(simulator: RunningSimulator, key: str) -> None:
    demo = Pool.objects.create(name="demo", simulated=True)
    create_account(pool=demo, name="alpha", api_key=key, base_url=simulator.url)


def test_a_key_that_works_is_said_to_work(simulator: RunningSimulator) -> None:
    at_the_simulator(simulator, simulator.key("alpha"))
    assert run("accounts", "test", "alpha").startswith("✓ alpha: The key works.")


def test_one_that_does_not_is_an_error(simulator: RunningSimulator) -> None:
    at_the_simulator(simulator, BETA_KEY)
    with pytest.raises(CommandError, match="✗ alpha: Anthropic refuses this key"):
        run("accounts", "test", "alpha")


# -- pool_status


def test_a_pool_that_serves_is_fine(alice: ClaudeAccount) -> None:
    assert run("pool_status").startswith("✓ default: 1 of 1 accounts serve, least loaded, 0 calls under way")


def test_one_that_cannot_is_an_error_and_shown_all_the_same(
    alice: ClaudeAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    run("accounts", "disable", "alice")
    with pytest.raises(CommandError, match="Not every pool"):
        call_command("pool_status")
    assert capsys.readouterr().out.startswith("✗ default: 0 of 1")


def test_watching_looks_again_and_gives_a_line_of_json_for_each_look(alice: ClaudeAccount) -> None:
    looks = run("pool_status", "--json", "--watch", "0", "--times", "3").splitlines()
    assert [json.loads(look)["pools"][0]["serving"] for look in looks] == [1, 1, 1]


# -- usage


def test_usage_sums_up_and_shows_the_dearest_first(alice: ClaudeAccount, add_account: Any) -> None:
    used(alice, tokens=10, cost_nano=1)
    used(add_account("bob"), tokens=30, cost_nano=2_000_000_000)
    found = told("usage", "--period", "7d")
    assert [line["account"] for line in found["lines"]] == ["bob", "alice"]
    assert (found["total"]["tokens"], found["total"]["cost"]) == (40, "2.000000001")


def test_csv_is_exact_and_no_cell_is_a_formula(add_account: Any) -> None:
    used(add_account("=cmd()"), cost_nano=3)
    (line,) = csv.DictReader(io.StringIO(run("usage", "--csv")))
    assert (line["account"], line["cost"], line["requests"]) == ("'=cmd()", "0.000000003", "1")


def test_what_is_older_than_the_period_is_left_out(alice: ClaudeAccount) -> None:
    used(alice, tokens=5)
    UsageRollup.objects.update(starts_at=timezone.now() - timedelta(days=8))
    assert told("usage", "--period", "7d")["lines"] == []
    assert told("usage", "--period", "30d")["total"]["tokens"] == 5


def test_for_people_usage_is_a_table_with_a_sum(alice: ClaudeAccount) -> None:
    used(alice, tokens=1_000, cost_nano=1_500_000_000)
    assert run("usage").splitlines()[-1].split() == ["all", "1", "1,000", "1.5000"]


def test_a_pool_that_is_not_there_is_an_error(pool: Pool) -> None:
    with pytest.raises(CommandError, match="no pool 'nowhere'"):
        run("usage", "--pool", "nowhere")


def test_columns_are_as_wide_as_they_must_be() -> None:
    assert table(("A", "N"), [("long", "7"), ("x", "10")], right=[1]) == ["A      N", "long   7", "x     10"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
