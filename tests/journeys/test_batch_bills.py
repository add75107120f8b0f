"""What a batch cost is charged to whoever made it. Database, Redis and SDK are real, only Anthropic is a double."""

from datetime import timedelta

import anthropic
import pytest
from django.db.models import F, Sum
from django.test import override_settings

from accounts.access import issue_access_key
from accounts.database import in_database
from accounts.models import AccessKey, Pool
from accounts.services import create_account
from gateway.asgi import application
from gateway.models import Resource
from gateway.wiring import charge_batches, close_wiring
from quota.models import Activity, UsageRollup
from quota.running import running_worker
from quota.wiring import close_engine, get_engine
from simulator.testing import running_simulator
from tests.journeys.pool import world_of
from tests.journeys.served import listening
from tests.journeys.test_batches_and_files import a_batch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def simulator():
    world = world_of("alpha")
    world.batch_seconds = 0
    async with running_simulator(world) as running:
        with override_settings(ALLOWED_BASE_URLS=(running.url,)):
            yield running
            await close_wiring()
            await close_engine()


def make_pool(simulator):
    pool = Pool.objects.create(name="default", simulated=True, queue_seconds=0)
    create_account(pool=pool, name="alpha", api_key=simulator.key("alpha"), base_url=simulator.url)
    return pool, issue_access_key(name="app", scopes=["messages"])[0]


async def work():
    """Everything that is due falls due now, and a worker does it."""
    await Resource.objects.aupdate(bill_due_at=F("bill_due_at") - timedelta(minutes=1))
    async with running_worker(more=[(charge_batches, 0.0)]) as worker:
        await worker.once()
        await worker.once()


async def test_the_bill_of_a_batch_stands_in_usage_once_and_to_the_nano_dollar(simulator):
    pool, key = await in_database(lambda: make_pool(simulator))
    async with listening(application) as (url, _), anthropic.AsyncAnthropic(api_key=key, base_url=url) as claude:
        await claude.messages.batches.create(requests=a_batch("one", "two"))
        await work()
        await work()
        (listed,) = [batch async for batch in claude.messages.batches.list()]
        assert listed.processing_status == "ended"
    billed = simulator.world.accounts["alpha"]
    assert billed.cost > 0
    bill = await Activity.objects.aget(source="batch")
    access_key = await AccessKey.objects.aget()
    assert (bill.cost_nano, bill.status, bill.access_key) == (billed.cost, "completed", str(access_key.pk))
    used = await UsageRollup.objects.filter(span="day", access_key=str(access_key.pk)).aaggregate(
        cost=Sum("cost_nano"), tokens=Sum("tokens")
    )
    assert used == {"cost": billed.cost, "tokens": billed.tokens}
    (state,) = (await get_engine().snapshot(str(pool.pk))).accounts.values()
    assert (state.day_cost, state.day_tokens) == (billed.cost, billed.tokens)


async def test_a_batch_that_is_deleted_at_once_is_charged_all_the_same(simulator):
    await in_database(lambda: make_pool(simulator))
    key = (await in_database(lambda: issue_access_key(name="other", scopes=["messages"])))[0]
    async with listening(application) as (url, _), anthropic.AsyncAnthropic(api_key=key, base_url=url) as claude:
        made = await claude.messages.batches.create(requests=a_batch("one"))
        await claude.messages.batches.delete(made.id)
        await work()
    bill = await Activity.objects.aget(source="batch")
    assert bill.cost_nano == simulator.world.accounts["alpha"].cost > 0
