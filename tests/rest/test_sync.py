"""`/api/admin/accounts/{id}/sync/`, from the outside; Anthropic's Admin API is the simulator's."""

import pytest

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from quota.models import Organization
from simulator.clock import ManualClock
from simulator.testing import threaded_simulator
from simulator.world import demo_world
from tests.rest import callers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def simulator(settings):
    with threaded_simulator(demo_world(clock=ManualClock())) as running:
        settings.SIMULATOR_URL = running.url
        settings.ALLOWED_BASE_URLS = (running.url,)
        yield running


@pytest.fixture
def account(simulator):
    pool = Pool.objects.create(name="demo", simulated=True)
    return create_account(pool=pool, name="alpha", api_key=simulator.key("alpha"), base_url=simulator.url)


def admin_key(simulator, name):
    return simulator.world.accounts[name].workspace.organization.admin_key


def organization(simulator, name, **columns):
    made = Organization(name=name, base_url=simulator.url, **columns)
    made.admin_key = admin_key(simulator, name)
    made.save()
    return made


def sync(caller, account):
    return caller.post(f"/api/admin/accounts/{account.pk}/sync/")


def test_anthropic_says_whose_the_account_is(admin, simulator, account):
    organization(simulator, "alpha")
    answer = sync(admin, account)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["ok"], shown["matched"]) == (True, True)
    assert shown["organization_id"] == simulator.world.accounts["alpha"].workspace.organization.id
    assert [(one["ok"], one["matched"]) for one in shown["rounds"]] == [(True, 1)]


def test_only_the_accounts_own_organization_is_asked_once_it_is_known(admin, simulator, account):
    organization(simulator, "alpha")
    sync(admin, account)
    organization(simulator, "beta")
    assert len(sync(admin, account).json()["rounds"]) == 1


def test_without_an_admin_key_it_says_what_to_do(admin, simulator, account):
    answer = sync(admin, account)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_admin_key")
    assert "ANTHROPIC_ADMIN_API_KEY" in answer.json()["error"]["message"]


def test_an_admin_key_of_another_organization_does_not_help(admin, simulator, account):
    organization(simulator, "beta", anthropic_id="org-of-others")
    ClaudeAccount.objects.update(organization_id="org-of-mine")
    assert sync(admin, account).status_code == 409


def test_a_refused_admin_key_is_told_with_what_to_do_and_never_shown(admin, simulator, account):
    made = organization(simulator, "alpha")
    made.admin_key = "sk-ant-admin01-" + "x" * 90
    made.save()
    answer = sync(admin, account)
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    (round_,) = answer.json()["rounds"]
    assert "Make a new Admin key" in round_["mend"]
    assert "x" * 20 not in answer.content.decode()


def test_a_key_of_another_pool_syncs_nothing(simulator, account):
    other = Pool.objects.create(name="other")
    assert sync(callers.key("admin-write", pool=other), account).status_code == 404


def test_asking_is_counted_as_reaching_for_anthropic(admin, simulator, account):
    assert sync(admin, account)["RateLimit-Policy"].startswith('"probe"')
