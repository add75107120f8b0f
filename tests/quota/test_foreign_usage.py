"""Usage that did not pass through the pool: found in Anthropic's reports, counted by the engine if the pool says so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import ClaudeAccount, Pool
from quota.engine.memory import MemoryEngine
from quota.engine.types import Foreign, Lease, LeaseRequest, Refusal
from quota.ledger import write
from quota.models import Organization, OrganizationKey, ReportedUsage
from quota.organizations.counts import Count, beyond
from quota.organizations.foreign import foreign_of
from quota.publish import configure, read_pool
from tests.quota.entries import DAY, NOON_MS, expired, settled

TODAY = date(1970, 1, 1) + timedelta(days=DAY)
NOON = datetime.fromtimestamp(NOON_MS / 1_000, tz=UTC)
YESTERDAY = TODAY - timedelta(days=1)

counts = st.builds(Count, st.integers(0, 100), st.sampled_from((None, 0, 3, 10**15)))
days = st.dictionaries(st.sampled_from([TODAY - timedelta(days=back) for back in (0, 1, 9, 40)]), counts)


@given(ours=days, theirs=days)
def test_it_is_never_below_nothing_and_of_today_never_more_than_anthropic_counted(
    ours: dict[date, Count], theirs: dict[date, Count]
) -> None:
    found = beyond(ours, theirs, today=TODAY)
    assert min(found.day_tokens, found.day_cost, found.month_tokens, found.month_cost) >= 0
    assert found.day_tokens <= theirs.get(TODAY, Count()).tokens


@given(theirs=days)
def test_what_both_counted_alike_is_nothing(theirs: dict[date, Count]) -> None:
    assert beyond(theirs, theirs, today=TODAY) == Foreign()


def test_a_call_around_midnight_that_each_counts_in_another_day_is_nothing_in_the_month() -> None:
    found = beyond({YESTERDAY: Count(100, 5)}, {TODAY: Count(100, 5)}, today=TODAY)
    assert (found.day_tokens, found.month_tokens, found.month_cost) == (100, 0, 0)


@dataclass
class Reports:
    """An organization that has told, up to noon, what Alice's key used."""

    alice: ClaudeAccount
    organization: Organization = field(init=False)

    def __post_init__(self) -> None:
        self.organization = Organization.objects.create(name="acme", complete_until=NOON, synced_at=NOON)
        OrganizationKey.objects.create(
            organization=self.organization, key_id="apikey_1", status="active", account=self.alice, seen_at=NOON
        )

    def tell(self, tokens: int, cost: int | None = 0, *, day: date = TODAY) -> None:
        """Again for the same day: the later word counts."""
        told = {"input_tokens": tokens, "cost_nano": cost}
        ReportedUsage.objects.update_or_create(
            organization=self.organization, key_id="apikey_1", day=day, defaults=told
        )

    def found(self) -> Foreign:
        found = foreign_of(self.alice.pool_id, today=TODAY)
        return found.get(str(self.alice.pk), Foreign())


@pytest.fixture
def reports(alice: ClaudeAccount) -> Reports:
    return Reports(alice)


def test_what_anthropic_counted_and_we_did_not_is_found(reports: Reports, alice: ClaudeAccount) -> None:
    write(alice.pool_id, [settled(0, account=alice.pk, tokens=40, cost=400)])
    reports.tell(100, 1_000)
    assert reports.found() == Foreign(day_tokens=60, day_cost=600, month_tokens=60, month_cost=600)


def test_the_day_before_counts_in_the_month_alone(reports: Reports) -> None:
    reports.tell(70, 7, day=YESTERDAY)
    assert reports.found() == Foreign(month_tokens=70, month_cost=7)


def test_last_month_counts_nowhere(reports: Reports) -> None:
    reports.tell(70, 7, day=TODAY - timedelta(days=31))
    assert reports.found() == Foreign()


def test_when_our_ledger_catches_up_it_is_less(reports: Reports, alice: ClaudeAccount) -> None:
    reports.tell(100, 1_000)
    assert reports.found().day_tokens == 100
    write(alice.pool_id, [settled(0, account=alice.pk, tokens=100, cost=1_000)])
    assert reports.found() == Foreign()


def test_our_own_calls_since_anthropics_count_hide_nothing(reports: Reports, alice: ClaudeAccount) -> None:
    reports.organization.complete_until = NOON - timedelta(minutes=5)
    reports.organization.save()
    write(alice.pool_id, [settled(0, account=alice.pk, tokens=5_000, cost=50)])
    reports.tell(60, 6)
    assert (reports.found().day_tokens, reports.found().day_cost) == (60, 6)


def test_a_call_charged_by_estimate_is_not_taken_twice(reports: Reports, alice: ClaudeAccount) -> None:
    write(alice.pool_id, [expired(0, account=alice.pk, tokens=1_000, cost=9_000)])
    reports.tell(900, 8_000)
    assert reports.found() == Foreign()


def test_a_cost_that_is_not_told_by_key_is_nothing(reports: Reports) -> None:
    reports.tell(60, None)
    assert reports.found() == Foreign(day_tokens=60, month_tokens=60)


def test_an_organization_that_was_never_heard_of_has_none(reports: Reports) -> None:
    Organization.objects.update(complete_until=None, synced_at=None)
    reports.tell(60)
    assert reports.found() == Foreign()


def test_a_pool_takes_two_questions_per_organization_more_and_none_if_it_does_not_count(
    reports: Reports, pool: Pool, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(5):
        read_pool(pool.pk, today=TODAY)
    Pool.objects.update(count_foreign_usage=True)
    with django_assert_num_queries(5 + 1 + 3):
        read_pool(pool.pk, today=TODAY)


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine(clock=lambda: NOON_MS)


@pytest.fixture
def limited(add_account: Callable[..., ClaudeAccount]) -> ClaudeAccount:
    return add_account("bob", limit_tokens_day=1_000)


async def ask(engine: MemoryEngine, account: ClaudeAccount) -> Lease | Refusal:
    request = LeaseRequest(str(account.pool_id), "lease-1", "claude-opus-5", "opus-5", tokens=100, only=str(account.pk))
    return await engine.lease(request)


async def loaded(engine: MemoryEngine, account: ClaudeAccount, *, counts_it: bool) -> None:
    from asgiref.sync import sync_to_async

    def image() -> Any:
        reports = Reports(account)
        reports.tell(950)
        Pool.objects.update(count_foreign_usage=counts_it)
        return read_pool(account.pool_id, today=TODAY)

    await configure(engine, await sync_to_async(image)())


@pytest.mark.django_db(transaction=True)
async def test_a_pool_that_counts_it_spares_the_account(engine: MemoryEngine, limited: ClaudeAccount) -> None:
    await loaded(engine, limited, counts_it=True)
    assert isinstance(await ask(engine, limited), Refusal)


@pytest.mark.django_db(transaction=True)
async def test_a_pool_that_does_not_lends_as_before(engine: MemoryEngine, limited: ClaudeAccount) -> None:
    await loaded(engine, limited, counts_it=False)
    assert isinstance(await ask(engine, limited), Lease)
