"""Rounds of asking the Admin API, against the simulator's."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any

import aiohttp
import pytest
from django.core.management import CommandError, call_command

from accounts.database import in_database
from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from quota.models import Organization, OrganizationKey, RateLimit, ReportedUsage
from quota.models.organizations import SyncState
from quota.organizations.reconciliation import reconcile
from quota.organizations.sync import EVERY, Outcome, claim, claim_due, sync_due, sync_these
from simulator.clock import ManualClock
from simulator.errors import Forbidden, RateLimited
from simulator.testing import RunningSimulator, running_simulator, threaded_simulator
from simulator.world import World, demo_world
from tests.gateway.test_resolving import Names

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE = {"model": "claude-sonnet-5-5", "max_tokens": 40, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def simulator(settings: Any) -> AsyncIterator[RunningSimulator]:
    async with running_simulator(demo_world(clock=ManualClock())) as running:
        settings.SIMULATOR_URL = running.url
        settings.ALLOWED_BASE_URLS = (running.url,)
        yield running


def now_of(world: World) -> datetime:
    return datetime.fromtimestamp(world.clock.now(), tz=UTC)


async def organization(simulator: RunningSimulator, name: str = "alpha", **columns: Any) -> Organization:
    key = simulator.world.accounts[name].workspace.organization.admin_key
    made = Organization(name=name, base_url=simulator.url, **columns)
    made.admin_key = key
    await in_database(made.save)
    return made


async def account(simulator: RunningSimulator, name: str = "alpha") -> ClaudeAccount:
    def make() -> ClaudeAccount:
        pool, _ = Pool.objects.get_or_create(name="default", defaults={"simulated": True})
        return create_account(pool=pool, name=name, api_key=simulator.key(name), base_url=simulator.url)

    return await in_database(make)


async def use(simulator: RunningSimulator, name: str = "alpha", *, times: int = 1) -> None:
    """Straight to the API, past the pool."""
    headers = {"x-api-key": simulator.key(name), "anthropic-version": "2023-06-01"}
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            async with session.post(f"{simulator.url}/v1/messages", json=MESSAGE, headers=headers) as response:
                assert response.status == 200
    simulator.world.clock.advance(60.0)  # type: ignore[attr-defined] # reports are kept by the minute


async def sync(simulator: RunningSimulator, *organizations: Organization) -> list[Outcome]:
    return await sync_these(organizations, now=now_of(simulator.world))


async def rows(query: Any) -> list[Any]:
    return await in_database(lambda: list(query))


async def test_an_organization_says_who_it_is_and_which_keys_are_accounts_of_ours(
    simulator: RunningSimulator,
) -> None:
    alpha = await account(simulator)
    found = await organization(simulator)
    (outcome,) = await sync(simulator, found)
    world_organization = simulator.world.accounts["alpha"].workspace.organization
    assert (outcome.ok, outcome.matched) == (True, 1)
    assert (found.anthropic_id, found.state) == (world_organization.id, SyncState.OK)
    (key,) = await rows(OrganizationKey.objects.exclude(account=None))
    assert (str(key.account_id), key.key_id) == (str(alpha.pk), simulator.world.accounts["alpha"].key_id)
    await in_database(alpha.refresh_from_db)
    assert alpha.organization_id == world_organization.id


async def test_usage_and_cost_arrive_to_the_nano_dollar(simulator: RunningSimulator) -> None:
    await use(simulator, times=3)
    await sync(simulator, await organization(simulator))
    (row,) = await rows(ReportedUsage.objects.all())
    truth = simulator.world.accounts["alpha"]
    assert (row.requests, row.cost_nano) == (3, truth.cost)
    assert row.input_tokens + row.output_tokens == truth.tokens


async def test_asking_again_changes_what_grew_and_doubles_nothing(simulator: RunningSimulator) -> None:
    found = await organization(simulator)
    for times in (1, 2):
        await use(simulator, times=times)
        await sync(simulator, found)
    (row,) = await rows(ReportedUsage.objects.all())
    assert (row.requests, row.cost_nano) == (3, simulator.world.accounts["alpha"].cost)


async def test_reports_that_lag_are_complete_until_they_say_so(simulator: RunningSimulator) -> None:
    simulator.world.admin_lag = 300.0
    found = await organization(simulator)
    await use(simulator)
    await sync(simulator, found)
    assert not await rows(ReportedUsage.objects.filter(requests__gt=0))
    assert found.complete_until == now_of(simulator.world) - timedelta(seconds=300)
    simulator.world.clock.advance(400.0)  # type: ignore[attr-defined]
    await sync(simulator, found)
    assert await rows(ReportedUsage.objects.filter(requests=1))


async def test_many_pages_are_read_to_the_end(simulator: RunningSimulator) -> None:
    for number in range(1_050):
        simulator.world.add_account(f"more-{number}", organization="alpha")
    await sync(simulator, await organization(simulator))
    assert len(await rows(OrganizationKey.objects.all())) == 1_051


async def test_rate_limits_are_kept_and_a_change_says_what_they_were(simulator: RunningSimulator) -> None:
    found = await organization(simulator)
    await sync(simulator, found)
    row = (await rows(RateLimit.objects.filter(kind="batch")))[0]
    assert (row.changed_at, row.limits["requests_per_minute"]) == (None, 4_000)

    def lower() -> None:
        RateLimit.objects.filter(pk=row.pk).update(limits={"requests_per_minute": 9_000})

    await in_database(lower)
    await sync(simulator, found)
    changed = (await rows(RateLimit.objects.filter(pk=row.pk)))[0]
    assert (changed.before, changed.limits["requests_per_minute"]) == ({"requests_per_minute": 9_000}, 4_000)
    assert changed.changed_at is not None


async def test_a_key_of_another_organization_is_refused_by_name(simulator: RunningSimulator) -> None:
    found = await organization(simulator, "beta", anthropic_id="org_of_alpha")
    (outcome,) = await sync(simulator, found)
    assert (outcome.ok, found.state) == (False, SyncState.REFUSED)
    assert "belongs to another organization: beta" in outcome.why
    assert "Make a new Admin key" in outcome.mend


async def test_an_expired_key_is_refused_and_not_asked_with_every_minute(simulator: RunningSimulator) -> None:
    found = await organization(simulator)
    simulator.world.by_admin_key.clear()
    (outcome,) = await sync(simulator, found)
    assert (found.state, "http 401" in outcome.why) == (SyncState.REFUSED, True)
    assert found.next_at == now_of(simulator.world) + timedelta(minutes=15)


async def test_a_throttle_is_waited_out_for_as_long_as_it_says(simulator: RunningSimulator) -> None:
    found = await organization(simulator)
    simulator.world.admin_refusals.append(RateLimited("slow down", headers={"retry-after": "240"}))
    (outcome,) = await sync(simulator, found)
    assert (outcome.ok, found.state) == (False, SyncState.TROUBLE)
    assert found.next_at == now_of(simulator.world) + timedelta(seconds=240)


async def test_without_the_newer_reports_the_classic_one_serves_and_cost_stays_unknown(
    simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quota.organizations import client

    monkeypatch.setattr(client, "ANALYTICS_BETA", "none")
    await use(simulator, times=2)
    await sync(simulator, await organization(simulator))
    (row,) = await rows(ReportedUsage.objects.exclude(output_tokens=0))
    assert (row.requests, row.cost_nano) == (None, None)
    assert row.input_tokens + row.output_tokens == simulator.world.accounts["alpha"].tokens


async def test_a_forbidden_report_tells_what_to_do_and_loses_nothing_known(simulator: RunningSimulator) -> None:
    found = await organization(simulator)
    await use(simulator)
    await sync(simulator, found)
    simulator.world.admin_refusals.append(Forbidden("no"))
    (outcome,) = await sync(simulator, found)
    assert not outcome.ok
    assert len(await rows(ReportedUsage.objects.all())) == 1


async def test_two_entries_for_one_organization_are_told_apart_from_a_failure(simulator: RunningSimulator) -> None:
    first, second = await organization(simulator), await organization(simulator)
    outcomes = await sync(simulator, first, second)
    assert [outcome.ok for outcome in outcomes] == [True, False]
    assert "delete one of the two" in outcomes[1].why


async def test_an_answer_that_does_not_come_is_trouble_and_not_the_end(
    simulator: RunningSimulator, settings: Any
) -> None:
    found = await organization(simulator)
    settings.SIMULATOR_URL = found.base_url = "http://127.0.0.1:9"
    settings.ALLOWED_BASE_URLS = (found.base_url,)
    (outcome,) = await sync(simulator, found)
    assert (outcome.ok, found.state) == (False, SyncState.TROUBLE)


async def test_a_key_is_sent_to_no_address_that_is_not_allowed(simulator: RunningSimulator, settings: Any) -> None:
    found = await organization(simulator)
    settings.SIMULATOR_URL, settings.ALLOWED_BASE_URLS = "", ("https://api.anthropic.com",)
    (outcome,) = await sync(simulator, found)
    assert "not sent anywhere" in outcome.why
    assert not simulator.world.exchanges


@pytest.mark.parametrize(
    ("leads_to", "reached"), [("127.0.0.1", True), ("10.0.0.1", False), ("169.254.169.254", False)]
)
async def test_an_admin_key_goes_only_to_addresses_that_are_judged_at_the_connection(
    leads_to: str, reached: bool, simulator: RunningSimulator, settings: Any
) -> None:
    found = await organization(simulator)
    settings.SIMULATOR_URL = found.base_url = simulator.url.replace("127.0.0.1", "localhost")
    settings.ALLOWED_BASE_URLS = (found.base_url,)
    (outcome,) = await sync_these([found], now=now_of(simulator.world), names=lambda: Names([leads_to]))
    assert (outcome.ok, bool(simulator.world.exchanges)) == (reached, reached)
    assert reached or "ANTHROPIC_PRIVATE_NETWORKS" in outcome.why


async def test_of_many_pollers_one_asks(simulator: RunningSimulator) -> None:
    found = await organization(simulator)
    now = now_of(simulator.world)
    stale = [await in_database(lambda: Organization.objects.get(pk=found.pk)) for _ in range(8)]
    claimed = await asyncio.gather(*[in_database(partial(claim, one, now=now)) for one in stale])
    assert claimed.count(True) == 1


async def test_nobody_is_asked_again_within_a_minute(simulator: RunningSimulator) -> None:
    await organization(simulator)
    now = now_of(simulator.world)
    assert len(await sync_due(now=now)) == 1
    assert await sync_due(now=now + EVERY / 2) == []
    assert len(await sync_due(now=now + EVERY)) == 1


async def test_the_key_of_the_environment_has_a_row_for_as_long_as_it_is_set(
    simulator: RunningSimulator, settings: Any
) -> None:
    settings.ANTHROPIC_ADMIN_API_KEY = simulator.world.accounts["alpha"].workspace.organization.admin_key
    (found,) = await in_database(lambda: claim_due(now=now_of(simulator.world)))
    assert (found.from_environment, found.admin_key) == (True, None)
    settings.ANTHROPIC_ADMIN_API_KEY = ""
    await in_database(lambda: claim_due(now=now_of(simulator.world)))
    assert not await rows(Organization.objects.all())


async def test_usage_past_the_pool_is_seen(simulator: RunningSimulator) -> None:
    alpha = await account(simulator)
    found = await organization(simulator)
    await use(simulator, times=2)
    await sync(simulator, found)
    now = now_of(simulator.world)
    (line,) = await in_database(lambda: reconcile(found, first=now.date(), last=now.date(), now=now))
    truth = simulator.world.accounts["alpha"]
    assert (line.account, line.tokens, line.cost_nano) == (str(alpha.pk), truth.tokens, truth.cost)


def test_the_command_shows_both_counts_and_fails_where_one_is_missing(db: None, settings: Any) -> None:
    with threaded_simulator() as simulator:
        settings.SIMULATOR_URL, settings.ALLOWED_BASE_URLS = simulator.url, (simulator.url,)
        one = Organization(name="alpha", base_url=simulator.url)
        one.admin_key = simulator.world.accounts["alpha"].workspace.organization.admin_key
        one.save()
        out = StringIO()
        call_command("sync_usage", "--json", stdout=out)
        told = json.loads(out.getvalue())
        assert [outcome["ok"] for outcome in told["organizations"]] == [True]
        simulator.world.by_admin_key.clear()
        with pytest.raises(CommandError):
            call_command("sync_usage", stdout=out)
    assert "Make a new Admin key" in out.getvalue()


def test_the_command_says_what_to_do_where_there_is_no_key() -> None:
    with pytest.raises(CommandError, match="Set ANTHROPIC_ADMIN_API_KEY"):
        call_command("sync_usage")


@pytest.mark.usefixtures("db")
def test_an_admin_key_never_shows() -> None:
    one = Organization(name="alpha")
    one.admin_key = "sk-ant-admin01-canary-canary-canary"
    one.save()
    assert "canary" not in f"{one!r} {one.admin_key!r} {Organization.objects.get().__dict__}"
