"""The accounts' pages show how each stands, by the engine's own facts, and orders change that."""

import asyncio

import pytest
from django.urls import reverse

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from quota.board import Looks, board_of
from quota.engine.types import LeaseRequest, Settlement, Verdict
from quota.models import Organization, OrganizationKey
from quota.publish import publish_pool
from quota.wiring import open_patient_engine
from simulator.testing import threaded_simulator
from simulator.world import demo_world
from tests.accounts.admin.pages import LIST, ORDER, PAGE, bulk, order, person, text
from tests.accounts.cast import BETA_KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return person("admin")


@pytest.fixture
def operator():
    return person("operator")


@pytest.fixture
def viewer():
    return person("viewer")


@pytest.fixture
def loaded(alpha):
    publish_pool(alpha.pool_id)
    return alpha


@pytest.fixture
def redis_away(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


def used(account, *, verdict=Verdict.SUCCESS, tokens=600, times=1):
    async def call():
        engine = open_patient_engine()
        for number in range(times):
            lease = f"{account.pk}-{verdict}-{number}"
            await engine.lease(LeaseRequest(str(account.pool_id), lease, "claude-opus-5-5", "opus"))
            await engine.settle(str(account.pool_id), lease, Settlement(verdict, tokens=tokens, cost=5_000_000_000))
        await engine.close()

    asyncio.run(call())


def status(account):
    return board_of([account]).cards[account.pk].status


def test_a_healthy_account_is_serving_and_next(viewer, loaded):
    page = text(viewer.get(reverse(LIST)))
    assert "serving" in page
    assert "nb-next" in page


def test_the_list_shows_what_was_used_of_each_limit_and_today(viewer, loaded):
    ClaudeAccount.objects.filter(pk=loaded.pk).update(limit_tokens_day=1_000)
    publish_pool(loaded.pool_id)
    used(loaded)
    page = text(viewer.get(reverse(LIST)))
    assert "600 of 1K (60 %), anew" in page
    assert "$5.00" in page


def test_an_account_whose_breaker_opened_says_why_and_until_when(viewer, loaded):
    used(loaded, verdict=Verdict.FAILURE, times=5)
    assert "breaker open, back in" in text(viewer.get(reverse(LIST)))


def test_without_redis_the_list_says_so_and_still_opens(viewer, alpha, redis_away):
    page = viewer.get(reverse(LIST))
    assert page.status_code == 200
    assert "Redis does not answer" in text(page)


def test_without_redis_an_order_says_that_nothing_changed(operator, alpha, redis_away):
    assert "nothing was changed, because Redis does not answer" in text(order(operator, alpha, "reset_circuit"))


def test_the_list_is_filtered_by_how_accounts_stand(viewer, loaded, make_account):
    beta = make_account("beta", BETA_KEY, enabled=False)
    publish_pool(loaded.pool_id)
    serving = viewer.get(reverse(LIST), {"stands": "serves"}).context["cl"].result_list
    disabled = viewer.get(reverse(LIST), {"stands": "disabled"}).context["cl"].result_list
    assert ([one.name for one in serving], [one.name for one in disabled]) == (["alpha"], [beta.name])


@pytest.mark.parametrize(
    ("what", "words"),
    [("force_open", "breaker forced open"), ("force_closed", "serving"), ("disable", "disabled")],
)
def test_an_order_from_the_accounts_page_changes_how_it_stands(operator, loaded, what, words):
    page = text(order(operator, loaded, what))
    loaded.refresh_from_db()
    assert status(loaded).text == words
    assert words in page


def test_a_reset_brings_a_tripped_account_back(operator, loaded):
    used(loaded, verdict=Verdict.FAILURE, times=5)
    bulk(operator, "reset_circuits", loaded)
    assert status(loaded).serves


def test_orders_for_many_say_what_became_of_each(operator, loaded, make_account):
    beta = make_account("beta", BETA_KEY)
    page = text(bulk(operator, "force_open", loaded, beta))
    assert "alpha: forced open" in page
    assert "beta: forced open" in page


def test_a_viewer_may_give_no_orders(viewer, loaded):
    assert viewer.post(reverse(ORDER, args=[loaded.pk]), {"order": "disable"}).status_code == 403
    assert "Force open" not in text(viewer.get(reverse(PAGE, args=[loaded.pk])))
    assert status(loaded).serves


def test_an_order_is_a_post(operator, loaded):
    assert operator.get(reverse(ORDER, args=[loaded.pk])).status_code == 405


def test_an_unknown_order_is_refused(operator, loaded):
    assert operator.post(reverse(ORDER, args=[loaded.pk]), {"order": "explode"}).status_code == 404


def test_an_operator_sees_no_place_to_enter_a_key(operator, loaded):
    assert "new_key" not in text(operator.get(reverse(PAGE, args=[loaded.pk])))


def test_the_priority_is_edited_in_the_list(admin, loaded):
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": str(loaded.pk), "form-0-priority": 7}
    admin.post(reverse(LIST), form | {"initial-form-0-priority": 100, "_save": "Save"})
    loaded.refresh_from_db()
    assert loaded.priority == 7


def test_an_empty_list_says_what_to_do_next(admin, pool):
    assert "Add the first one" in text(admin.get(reverse(LIST)))


def test_200_accounts_cost_as_many_queries_as_two(admin, pool, make_account, django_assert_num_queries):
    make_account(), make_account("beta", BETA_KEY)
    publish_pool(pool.pk)
    admin.get(reverse(LIST))
    with django_assert_num_queries(8):
        admin.get(reverse(LIST))
    rows = [ClaudeAccount(pool=pool, name=f"n{n}", api_key=f"sk-ant-api03-many-{n:020d}") for n in range(198)]
    ClaudeAccount.objects.bulk_create(rows)
    publish_pool(pool.pk)
    with django_assert_num_queries(8):
        assert admin.get(reverse(LIST)).context["cl"].result_count == 200


def test_filtering_1000_accounts_asks_no_more_than_filtering_two(admin, pool, make_account, django_assert_num_queries):
    make_account(), make_account("beta", BETA_KEY)
    publish_pool(pool.pk)
    rows = [ClaudeAccount(pool=pool, name=f"n{n}", api_key=f"sk-ant-api03-many-{n:020d}") for n in range(998)]
    for more in ([], rows):
        ClaudeAccount.objects.bulk_create(more)
        publish_pool(pool.pk)
        with django_assert_num_queries(9):
            admin.get(reverse(LIST), {"stands": "serves"})


def test_a_page_looks_at_each_pool_once(loaded):
    looks = Looks()
    first = looks.at([loaded.pool_id])
    used(loaded)
    assert looks.at([loaded.pool_id]) == first
    assert Looks().at([loaded.pool_id]) != first


def test_an_account_whose_key_nobody_can_read_is_found_by_that(viewer, loaded, settings):
    settings.ENCRYPTION_KEY = "9" * 64
    publish_pool(loaded.pool_id)
    found = viewer.get(reverse(LIST), {"stands": "undecryptable"}).context["cl"].result_list
    assert [one.name for one in found] == ["alpha"]


def test_sync_now_says_if_nobody_knows_an_admin_key(operator, loaded):
    assert "There is no Admin key of the organization of alpha" in text(bulk(operator, "sync_now", loaded))


@pytest.mark.django_db(transaction=True)
def test_sync_now_asks_anthropic_about_the_accounts_organization(operator, settings):
    with threaded_simulator(demo_world()) as simulator:
        settings.SIMULATOR_URL, settings.ALLOWED_BASE_URLS = simulator.url, (simulator.url,)
        demo = Pool.objects.create(name="demo", simulated=True)
        account = create_account(pool=demo, name="a", api_key=simulator.key("alpha"), base_url=simulator.url)
        theirs = simulator.world.accounts["alpha"].organization
        ClaudeAccount.objects.filter(pk=account.pk).update(organization_id=theirs.id)
        organization = Organization(name="ours", anthropic_id=theirs.id, base_url=simulator.url)
        organization.admin_key = theirs.admin_key
        organization.save()
        page = text(order(operator, account, "sync"))
    assert "a: in step with what Anthropic says of its organization" in page
    assert OrganizationKey.objects.get(account=account).organization == organization


def test_the_next_one_is_who_the_strategy_would_choose(loaded, make_account):
    Pool.objects.filter(pk=loaded.pool_id).update(strategy="priority")
    beta = make_account("beta", BETA_KEY, priority=1)
    publish_pool(loaded.pool_id)
    cards = board_of([loaded, beta]).cards
    assert (cards[loaded.pk].is_next, cards[beta.pk].is_next) == (False, True)


def test_under_the_random_strategy_nobody_is_next(loaded):
    Pool.objects.filter(pk=loaded.pool_id).update(strategy="random")
    publish_pool(loaded.pool_id)
    assert not board_of([loaded]).cards[loaded.pk].is_next
