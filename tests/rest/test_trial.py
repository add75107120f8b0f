"""`/api/admin/accounts/{id}/test/`, from the outside: the HTTP client is real, only Anthropic is a double."""

import time

import pytest
from django.test import override_settings

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account, disable_account, update_account
from gateway.trial import try_key
from simulator.testing import threaded_simulator
from tests.accounts.cast import ALPHA_KEY
from tests.journeys.pool import world_of
from tests.rest import callers


@pytest.fixture
def world():
    return world_of("alpha", "beta")


@pytest.fixture
def simulator(world):
    with threaded_simulator(world) as running, override_settings(ALLOWED_BASE_URLS=(running.url,)):
        yield running


@pytest.fixture
def make(simulator):
    pool = Pool.objects.create(name="demo", simulated=True)

    def account(name, key=""):
        return create_account(pool=pool, name=name, api_key=key or simulator.key(name), base_url=simulator.url)

    return account


def tried(caller, account):
    answer = caller.post(f"/api/admin/accounts/{account.pk}/test/")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_key_that_works_tells_whose_it_is_and_what_it_may_use(operator, make, world):
    alpha = make("alpha")
    shown = tried(operator, alpha)
    assert (shown["works"], shown["outcome"], shown["message"]) == (True, "success", "The key works.")
    assert "claude-opus-5-5" in shown["models"]
    alpha.refresh_from_db()
    assert shown["organization_id"] == alpha.organization_id != ""


def test_two_keys_of_one_organization_are_told_apart_from_capacity(operator, make):
    alpha, beta = make("alpha"), make("beta")
    organization = tried(operator, alpha)["organization_id"]
    ClaudeAccount.objects.filter(pk=beta.pk).update(organization_id=organization)
    assert tried(operator, alpha)["shares_organization_with"] == ["beta"]


def test_a_key_that_anthropic_refuses_is_no_error_of_ours(operator, make):
    shown = tried(operator, make("wrong", ALPHA_KEY))
    assert (shown["works"], shown["outcome"], shown["status"]) == (False, "key_rejected", 401)
    assert "CANARY" not in str(shown)


def test_a_disabled_account_can_be_tested(operator, make):
    alpha = make("alpha")
    disable_account(alpha)
    assert tried(operator, alpha)["works"]


def test_an_address_that_nobody_answers_is_said_to_be_unreachable(operator, make):
    alpha = make("alpha")
    with override_settings(ALLOWED_BASE_URLS=("http://127.0.0.1:9",)):
        update_account(alpha, base_url="http://127.0.0.1:9")
        assert tried(operator, alpha)["outcome"] == "connect"


def test_a_key_is_sent_to_no_address_that_has_left_the_allow_list(operator, make):
    alpha = make("alpha")
    with override_settings(ALLOWED_BASE_URLS=("https://api.anthropic.com",)):
        shown = tried(operator, alpha)
    assert (shown["works"], shown["outcome"]) == (False, "origin_refused")


def test_an_answer_that_does_not_come_is_not_waited_for(make, world):
    alpha = make("alpha")
    world.play("alpha", "hang_before_headers")
    began = time.monotonic()
    assert try_key(alpha, within=0.3).outcome == "timeout"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("spend_limit", "usage_limit"),
        ("throttle", "throttle"),
        ("overloaded", "overloaded"),
        ("internal", "server_error"),
        ("invalid_key", "key_rejected"),
        ("redirect", "unexpected"),
        ("html_200", "unexpected"),
        ("reset", "cut"),
    ],
)
def test_whatever_anthropic_says_of_a_key_is_said_again(operator, make, world, fault, outcome):  # noqa: PLR0917
    alpha = make("alpha")
    world.play("alpha", fault)
    shown = tried(operator, alpha)
    assert (shown["works"], shown["outcome"]) == (False, outcome)
    assert shown["message"]


def test_testing_is_counted_apart(operator, make):
    alpha = make("alpha")
    answer = operator.post(f"/api/admin/accounts/{alpha.pk}/test/")
    assert answer["RateLimit-Policy"] == '"probe";q=20;w=60'


def test_an_account_of_another_pool_is_not_tested(make, gamma):
    alpha = make("alpha")
    caller = callers.key("admin-write", pool=gamma.pool)
    assert caller.post(f"/api/admin/accounts/{alpha.pk}/test/").status_code == 404
