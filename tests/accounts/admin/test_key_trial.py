"""A key is tried before it is trusted: the HTTP client is real, only Anthropic is a double."""

import pytest
from django.test import override_settings
from django.urls import reverse

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from simulator.testing import threaded_simulator
from tests.accounts.admin.pages import bulk, order, person, text
from tests.accounts.admin.test_admin import ADD, CHANGE, form_of
from tests.accounts.cast import ALPHA_KEY
from tests.journeys.pool import world_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def simulator():
    with threaded_simulator(world_of("alpha", "beta")) as running, override_settings(ALLOWED_BASE_URLS=(running.url,)):
        yield running


@pytest.fixture
def demo(simulator):
    return Pool.objects.create(name="demo", simulated=True)


@pytest.fixture
def admin():
    return person("admin")


def make(simulator, demo, name, key=""):
    return create_account(pool=demo, name=name, api_key=key or simulator.key(name), base_url=simulator.url)


def add(client, demo, simulator, key):
    form = form_of(client.get(reverse(ADD)))
    sent = {"pool": str(demo.pk), "name": "alpha", "new_key": key, "base_url": simulator.url, "test_key": "on"}
    return client.post(reverse(ADD), form | sent, follow=True)


def change(client, account, key):
    url = reverse(CHANGE, args=[account.pk])
    return client.post(url, form_of(client.get(url)) | {"new_key": key, "test_key": "on"}, follow=True)


def test_adding_an_account_says_what_was_learned_of_its_key(admin, demo, simulator):
    page = text(add(admin, demo, simulator, simulator.key("alpha")))
    account = ClaudeAccount.objects.get()
    assert f"The key works. Organization {account.organization_id};" in page
    assert account.enabled


def test_a_new_account_whose_key_fails_is_kept_and_disabled(admin, demo, simulator):
    page = text(add(admin, demo, simulator, ALPHA_KEY))
    account = ClaudeAccount.objects.get()
    assert (account.enabled, account.disabled_reason) == (False, "its key failed the test")
    assert account.reveal_key().reveal() == ALPHA_KEY
    assert "Anthropic refuses this key" in page
    assert ALPHA_KEY not in page


def test_a_failing_key_does_not_replace_one_in_use(admin, demo, simulator):
    alpha = make(simulator, demo, "alpha")
    page = text(change(admin, alpha, ALPHA_KEY))
    alpha.refresh_from_db()
    assert "The present key stays" in page
    assert ALPHA_KEY not in page
    assert alpha.reveal_key().reveal() == simulator.key("alpha")


def test_what_else_was_typed_is_still_there_when_a_key_fails(admin, demo, simulator):
    alpha = make(simulator, demo, "alpha")
    url = reverse(CHANGE, args=[alpha.pk])
    sent = form_of(admin.get(url)) | {"new_key": ALPHA_KEY, "test_key": "on", "name": "renamed"}
    assert 'value="renamed"' in text(admin.post(url, sent))


def test_a_key_that_works_replaces_the_present_one(admin, demo, simulator):
    alpha = make(simulator, demo, "alpha", ALPHA_KEY)
    change(admin, alpha, simulator.key("alpha"))
    alpha.refresh_from_db()
    assert alpha.reveal_key().reveal() == simulator.key("alpha")


def test_a_key_of_an_organization_that_is_there_already_is_warned_of(admin, demo, simulator):
    beta = make(simulator, demo, "beta")
    found = text(order(admin, beta, "test"))
    beta.refresh_from_db()
    alpha = make(simulator, demo, "alpha")
    order(admin, alpha, "test")
    alpha.refresh_from_db()
    ClaudeAccount.objects.filter(pk=beta.pk).update(organization_id=alpha.organization_id)
    assert "The key works" in found
    assert "belongs to the same organization as beta" in text(order(admin, alpha, "test"))


def test_many_keys_are_tested_from_the_list(admin, demo, simulator):
    page = text(bulk(admin, "test_keys", make(simulator, demo, "alpha"), make(simulator, demo, "beta", ALPHA_KEY)))
    assert "alpha: The key works" in page
    assert "beta: Anthropic refuses this key" in page


def test_an_address_where_nobody_answers_is_said_in_words(admin, demo, simulator):
    alpha = make(simulator, demo, "alpha")
    with override_settings(ALLOWED_BASE_URLS=("http://127.0.0.1:9",)):
        ClaudeAccount.objects.filter(pk=alpha.pk).update(base_url="http://127.0.0.1:9")
        assert "cannot be reached" in text(order(admin, alpha, "test"))
