import re
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts import leases
from accounts.keys import hash_key, looks_valid
from accounts.models import AccessKey, ClaudeAccount, Pool
from accounts.services import disable_account
from accounts.signals import account_mended
from quota.engine.types import Limit, Metric, Window
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, OLD

pytestmark = pytest.mark.django_db

SIMULATOR = "http://127.0.0.1:9100"
ACCOUNTS = "admin:accounts_claudeaccount_changelist"
ADD = "admin:accounts_claudeaccount_add"
CHANGE = "admin:accounts_claudeaccount_change"


@pytest.fixture
def alice(client):
    user = User.objects.create_superuser("alice")
    client.force_login(user)
    return client


def text(response):
    return response.content.decode()


def form_of(response):
    """What a browser would send back: the fields, the hidden copies of what they showed, no wish for a test."""
    sent = {}
    for shown in response.context["adminform"].form:
        value = shown.value()
        if shown.field.show_hidden_initial:
            sent[shown.html_initial_name] = "" if value is None else value
        if value is not False:
            sent[shown.html_name] = "" if value is None else value
    sent.pop("test_key", None)
    return sent


def add(client, pool, **changes):
    form = form_of(client.get(reverse(ADD))) | {"pool": str(pool.pk), "name": "alpha", "new_key": ALPHA_KEY}
    return client.post(reverse(ADD), form | changes)


def change(client, account, **changes):
    url = reverse(CHANGE, args=[account.pk])
    return client.post(url, form_of(client.get(url)) | changes)


def test_every_model_of_ours_and_the_people_wear_the_same_clothes():
    ours = [a for m, a in admin.site._registry.items() if m._meta.app_label in {"accounts", "auth"}]
    assert len(ours) == 6
    assert all(isinstance(one, ModelAdmin) for one in ours)


@pytest.mark.parametrize("model", ["pool", "claudeaccount", "accesskey"])
@pytest.mark.parametrize("page", ["changelist", "add"])
def test_every_page_opens(alice, alpha, model, page):
    assert alice.get(reverse(f"admin:accounts_{model}_{page}")).status_code == 200


@pytest.mark.parametrize("model", ["user", "group"])
def test_the_peoples_pages_open(alice, model):
    assert alice.get(reverse(f"admin:auth_{model}_changelist")).status_code == 200
    assert alice.get(reverse(f"admin:auth_{model}_add")).status_code == 200


# accounts


def test_an_account_is_added_with_its_key(alice, pool):
    assert add(alice, pool).status_code == 302
    assert ClaudeAccount.objects.get().reveal_key().reveal() == ALPHA_KEY


def test_an_account_needs_a_key(alice, pool):
    assert "This field is required" in text(add(alice, pool, new_key=""))


def test_a_consumer_token_is_refused_with_the_explanation(alice, pool):
    page = text(add(alice, pool, new_key="sk-ant-oat01-CANARY-0123456789"))
    assert "terms forbid" in page
    assert "CANARY" not in page
    assert not ClaudeAccount.objects.exists()


def test_the_same_key_twice_is_refused_on_the_form(alice, pool, alpha):
    page = text(add(alice, pool, name="again"))
    assert "holds this key already" in page
    assert "CANARY" not in page


def test_a_foreign_upstream_is_refused_on_the_form(alice, pool):
    assert "not an allowed upstream" in text(add(alice, pool, base_url="https://evil.example"))


def test_the_address_of_anthropic_is_refused_for_a_simulated_pool(alice):
    demo = Pool.objects.create(name="demo", simulated=True)
    assert "sends nothing to Anthropic" in text(add(alice, demo, base_url="https://api.anthropic.com"))
    assert not ClaudeAccount.objects.exists()


@pytest.mark.parametrize(("simulated", "address"), [(False, "https://api.anthropic.com"), (True, SIMULATOR)])
def test_an_empty_address_is_the_one_of_the_pools_kind(alice, simulated, address):
    add(alice, Pool.objects.create(name="new", simulated=simulated), base_url="")
    assert ClaudeAccount.objects.get().base_url == address


@pytest.mark.parametrize(
    ("kinds", "proposed"),
    [([False], "https://api.anthropic.com"), ([True], SIMULATOR), ([False, True], ""), ([], "")],
)
def test_the_form_proposes_an_address_if_it_fits_every_pool(alice, kinds, proposed):
    for number, simulated in enumerate(kinds):
        Pool.objects.create(name=f"pool {number}", simulated=simulated)
    assert alice.get(reverse(ADD)).context["adminform"].form["base_url"].value() == proposed


@pytest.mark.parametrize("limit", ["limit_tokens_day", "limit_cost_day"])
@pytest.mark.parametrize("amount", ["-5", "0"])
def test_a_limit_that_is_not_positive_is_refused_in_one_way(alice, pool, limit, amount):
    errors = add(alice, pool, **{limit: amount}).context["adminform"].form.errors
    assert errors[limit][0] == "A limit is positive; leave it empty for none."


def test_the_form_shows_hint_and_fingerprint_and_never_the_key(alice, alpha):
    page = text(alice.get(reverse(CHANGE, args=[alpha.pk])))
    assert f"…AAAA · {alpha.key_fingerprint}" in page
    assert "&#x27;enabled&#x27;" not in page
    assert "CANARY" not in page
    assert 'type="password"' in page


def test_saving_without_a_new_key_keeps_the_present_one(alice, alpha):
    assert change(alice, alpha, priority="5").status_code == 302
    stored = ClaudeAccount.objects.get()
    assert (stored.priority, stored.reveal_key().reveal()) == (5, ALPHA_KEY)


def test_a_new_key_replaces_the_present_one(alice, alpha):
    change(alice, alpha, new_key=BETA_KEY)
    stored = ClaudeAccount.objects.get()
    assert (stored.reveal_key().reveal(), stored.key_hint) == (BETA_KEY, "BBBB")


def test_the_log_names_the_field_and_nothing_of_the_key(alice, alpha):
    change(alice, alpha, new_key=BETA_KEY)
    entry = LogEntry.objects.get()
    assert "API key" in entry.get_change_message()
    assert "CANARY" not in entry.change_message + entry.object_repr


def test_saving_a_form_does_not_undo_what_others_did_meanwhile(alice, alpha):
    url = reverse(CHANGE, args=[alpha.pk])
    opened = form_of(alice.get(url))
    disable_account(alpha, why="invalid key")
    alice.post(url, opened | {"priority": "9"})
    stored = ClaudeAccount.objects.get()
    assert (stored.priority, stored.enabled, stored.disabled_reason) == (9, False, "invalid key")


def test_unticking_enabled_says_who_did_it(alice, alpha):
    url = reverse(CHANGE, args=[alpha.pk])
    alice.post(url, {key: value for key, value in form_of(alice.get(url)).items() if key != "enabled"})
    stored = ClaudeAccount.objects.get()
    assert (stored.enabled, stored.disabled_reason) == (False, "by alice")


def test_a_new_key_or_a_ticked_box_tells_that_the_account_is_mended(alice, alpha, django_capture_on_commit_callbacks):
    told = []

    def listener(*, account_id, **_):
        told.append(account_id)

    account_mended.connect(listener)
    disable_account(alpha)
    for changes in ({"priority": "3"}, {"new_key": BETA_KEY}, {"enabled": "on"}):
        with django_capture_on_commit_callbacks(execute=True):
            change(alice, alpha, **changes)
    account_mended.disconnect(listener)
    assert told == [alpha.pk, alpha.pk]


def test_a_pool_cannot_be_changed_afterwards(alice, alpha, pool):
    other = Pool.objects.create(name="other")
    change(alice, alpha, pool=str(other.pk))
    assert ClaudeAccount.objects.get().pool == pool


def test_money_is_shown_without_needless_zeros(alice, make_account):
    account = make_account(limit_cost_day="12.5")
    page = text(alice.get(reverse(CHANGE, args=[account.pk])))
    assert 'value="12.5"' in page


def test_a_simulated_account_says_so(alice, make_account):
    make_account(pool=Pool.objects.create(name="demo", simulated=True))
    assert "demo (simulated)" in text(alice.get(reverse(ACCOUNTS)))
    assert "simulated (demo)" in text(alice.get(reverse("admin:accounts_pool_changelist")))


def test_with_a_wrong_encryption_key_the_pages_open_and_say_so(alice, alpha, use_keys):
    use_keys(OLD)
    assert "undecryptable" in text(alice.get(reverse(ACCOUNTS)))
    assert "undecryptable" in text(alice.get(reverse(CHANGE, args=[alpha.pk])))


def test_with_a_wrong_encryption_key_a_new_key_can_be_entered(alice, alpha, use_keys):
    use_keys(OLD)
    assert change(alice, alpha, new_key=BETA_KEY).status_code == 302
    assert ClaudeAccount.objects.get().reveal_key().reveal() == BETA_KEY


def test_names_are_escaped(alice, make_account):
    make_account("<img src=x onerror=alert(1)>")
    assert "<img src=x" not in text(alice.get(reverse(ACCOUNTS)))


def test_priorities_are_edited_in_the_list(alice, alpha, beta, pool):
    before = Pool.objects.get().version
    rows = list(ClaudeAccount.objects.all())
    form = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}
    for number, row in enumerate(rows):
        form |= {f"form-{number}-id": str(row.pk), f"form-{number}-priority": str(10 - number)}
    assert alice.post(reverse(ACCOUNTS), form).status_code == 302
    assert [row.priority for row in ClaudeAccount.objects.order_by("name")] == [10, 9]
    assert Pool.objects.get().version == before + 2


def test_the_priority_says_that_lower_is_tried_first(alice, alpha):
    assert "Lower is tried first" in text(alice.get(reverse(CHANGE, args=[alpha.pk])))


@pytest.mark.parametrize(("action", "enabled"), [("disable_accounts", False), ("enable_accounts", True)])
def test_accounts_are_switched_in_the_list(alice, make_account, action, enabled):
    alpha, beta = make_account(), make_account("beta", BETA_KEY)
    ClaudeAccount.objects.update(enabled=not enabled)
    chosen = [str(alpha.pk), str(beta.pk)]
    response = alice.post(reverse(ACCOUNTS), {"action": action, "_selected_action": chosen}, follow=True)
    assert text(response).count("alpha: enabled" if enabled else "alpha: disabled") == 1
    assert text(response).count("beta: enabled" if enabled else "beta: disabled") == 1
    assert set(ClaudeAccount.objects.values_list("enabled", flat=True)) == {enabled}


def test_who_may_only_look_cannot_switch(client, alpha):
    viewer = User.objects.create_user("vic", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_claudeaccount"))
    client.force_login(viewer)
    client.post(reverse(ACCOUNTS), {"action": "disable_accounts", "_selected_action": [str(alpha.pk)]})
    assert ClaudeAccount.objects.get().enabled


def test_many_accounts_cannot_be_deleted_at_once(alice, alpha):
    alice.post(reverse(ACCOUNTS), {"action": "delete_selected", "_selected_action": [str(alpha.pk)], "post": "yes"})
    assert ClaudeAccount.objects.exists()


@pytest.fixture
def no_leases():
    before = leases._counter
    leases.register_lease_counter(lambda *_: 0)
    yield
    leases.register_lease_counter(before)


def delete(client, account):
    return client.post(reverse("admin:accounts_claudeaccount_delete", args=[account.pk]), {"post": "yes"}, follow=True)


def test_an_enabled_account_is_not_deleted_and_the_page_says_why(alice, alpha, no_leases):
    assert "Disable it first" in text(delete(alice, alpha))
    assert ClaudeAccount.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_disabled_account_is_deleted(alice, alpha, no_leases):
    disable_account(alpha)
    delete(alice, alpha)
    assert not ClaudeAccount.objects.exists()


# pools


def test_a_pool_is_changed_and_its_version_moves(alice, pool):
    url = reverse("admin:accounts_pool_change", args=[pool.pk])
    assert alice.post(url, form_of(alice.get(url)) | {"strategy": "priority"}).status_code == 302
    stored = Pool.objects.get()
    assert (stored.strategy, stored.version) == ("priority", 2)


def test_a_pool_with_access_keys_is_not_deleted_and_the_page_says_why(alice, pool):
    AccessKey.objects.create(name="agents", sha256="0" * 64, scopes=["messages"], pool=pool)
    page = reverse("admin:accounts_pool_delete", args=[pool.pk])
    shown = text(alice.get(page))
    assert "protected" in shown
    assert "permission" not in shown
    alice.post(page, {"post": "yes"})
    assert Pool.objects.filter(pk=pool.pk).exists()


def test_the_strategies_are_explained_in_words(alice):
    page = text(alice.get(reverse("admin:accounts_pool_add")))
    assert "the account with the most capacity remaining" in page
    assert "the lowest number first" in page


def test_saving_a_pool_unchanged_is_no_edit(alice, pool):
    url = reverse("admin:accounts_pool_change", args=[pool.pk])
    alice.post(url, form_of(alice.get(url)))
    assert Pool.objects.get().version == 1


# access keys


def make_key(client, **changes):
    form = {"name": "agents", "scopes": ["messages"], "pool": "", "expires_at_0": "", "expires_at_1": ""}
    form["budget_action"] = "stop"
    return client.post(reverse("admin:accounts_accesskey_add"), form | changes)


def test_a_new_access_key_is_shown_on_that_one_page_and_stored_nowhere(alice):
    response = make_key(alice)
    (plain,) = set(re.findall(r"nb_live_\w{38}", text(response)))
    assert looks_valid(plain)
    assert AccessKey.objects.get().sha256 == hash_key(plain)
    assert "no-store" in response["Cache-Control"]
    assert not any(plain in str(cookie) for cookie in response.cookies.values())
    later = [reverse("admin:accounts_accesskey_changelist"), reverse("admin:index")]
    later.append(reverse("admin:accounts_accesskey_change", args=[AccessKey.objects.get().pk]))
    assert not any(plain in text(alice.get(url)) for url in later)
    assert plain not in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    "changes",
    [{"scopes": []}, {"scopes": ["everything"]}, {"name": ""}, {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}],
)
def test_an_access_key_that_makes_no_sense_is_not_made(alice, changes):
    assert make_key(alice, **changes).status_code == 200
    assert not AccessKey.objects.exists()


def test_an_access_key_is_revoked_in_the_list_and_never_deleted(alice):
    make_key(alice)
    key = AccessKey.objects.get()
    url = reverse("admin:accounts_accesskey_changelist")
    alice.post(url, {"action": "revoke", "_selected_action": [str(key.pk)]})
    assert AccessKey.objects.get().revoked_at is not None
    assert alice.post(reverse("admin:accounts_accesskey_delete", args=[key.pk]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("cleared", ["", " \r\n", "[]"])
def test_a_cleared_restriction_is_none(alice, cleared):
    make_key(alice, allowed_models=cleared, allowed_networks=cleared)
    key = AccessKey.objects.get()
    assert (key.allowed_models, key.allowed_networks) == ([], [])


@pytest.mark.parametrize("networks", ["10.0.0.0/8\r\n 2001:db8::1\r\n", '["10.0.0.0/8", "2001:db8::1"]'])
def test_an_access_key_is_made_for_some_models_and_networks(alice, networks):
    make_key(alice, allowed_models="claude-haiku-*", allowed_networks=networks)
    key = AccessKey.objects.get()
    assert (key.allowed_models, key.allowed_networks) == (["claude-haiku-*"], ["10.0.0.0/8", "2001:db8::1"])


@pytest.mark.parametrize("odd", ["here", '["10.0.0.0/8"', "[1]"])
def test_what_is_no_list_of_networks_is_said_to_be_none(alice, odd):
    assert make_key(alice, allowed_networks=odd).status_code == 200
    assert not AccessKey.objects.exists()


def test_a_list_is_shown_as_lines(alice):
    make_key(alice, allowed_networks="10.0.0.0/8\r\n2001:db8::1")
    page = text(alice.get(reverse("admin:accounts_accesskey_change", args=[AccessKey.objects.get().pk])))
    assert re.search(r">\s*10\.0\.0\.0/8\n2001:db8::1</textarea>", page)


def change_key(client, **changes):
    form = {"allowed_models": "", "allowed_networks": "", "expires_at_0": "", "expires_at_1": ""}
    form["budget_action"] = "stop"
    url = reverse("admin:accounts_accesskey_change", args=[AccessKey.objects.get().pk])
    return client.post(url, form | changes)


def test_what_an_access_key_may_do_cannot_be_changed(alice):
    make_key(alice)
    change_key(alice, name="other", scopes=["admin-write"])
    stored = AccessKey.objects.get()
    assert (stored.name, stored.scopes) == ("agents", ["messages"])


def test_an_access_key_is_made_with_limits_of_its_own(alice):
    make_key(alice, limit_requests_minute="60", limit_cost_day="2.50", max_concurrency="4")
    key = AccessKey.objects.get()
    assert key.limits() == (
        Limit(Metric.REQUESTS, Window.MINUTE, 60),
        Limit(Metric.COST, Window.DAY, 2_500_000_000),
    )
    assert key.max_concurrency == 4


def test_how_much_an_access_key_may_use_can_be_changed_at_any_time(alice):
    make_key(alice, limit_tokens_day="1000")
    assert change_key(alice, limit_tokens_day="2000", limit_cost_month="100").status_code == 302
    key = AccessKey.objects.get()
    assert (key.limit_tokens_day, key.limit_cost_month) == (2000, Decimal(100))


def test_a_limit_of_nothing_is_refused_and_changes_nothing(alice):
    make_key(alice, limit_tokens_day="1000")
    assert "A limit is positive" in text(change_key(alice, limit_tokens_day="0"))
    assert AccessKey.objects.get().limit_tokens_day == 1000


# how much the lists cost


def queries_of(client, url, count):
    with count() as queries:
        client.get(url)
    return len(queries)


@pytest.fixture
def count(db):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return lambda: CaptureQueriesContext(connection)


def fill(pool, accounts):
    ClaudeAccount.objects.bulk_create(
        ClaudeAccount(pool=pool, name=f"{pool.name}-{n}", api_key=f"sk-ant-api03-{pool.name}-{n:020d}")
        for n in range(accounts)
    )
    for n in range(accounts):
        AccessKey.objects.create(name=f"{n}", sha256=f"{pool.name}{n}", scopes=["messages"], pool=pool)


@pytest.mark.parametrize("model", ["pool", "claudeaccount", "accesskey"])
def test_a_list_costs_the_same_number_of_queries_however_long_it_is(alice, pool, count, model):
    url = reverse(f"admin:accounts_{model}_changelist")
    fill(pool, 1)
    queries_of(alice, url, count)
    short = queries_of(alice, url, count)
    for name in ("b", "c", "d"):
        fill(Pool.objects.create(name=name), 10)
    queries_of(alice, url, count)  # tells the engine of the new pools
    assert queries_of(alice, url, count) == short <= 12


@pytest.mark.parametrize("field", ["enabled", "priority", "name", "allowed_models", "limit_cost_day"])
def test_the_page_carries_what_it_showed(alice, alpha, field):
    page = text(alice.get(reverse(CHANGE, args=[alpha.pk])))
    assert f'name="initial-{field}"' in page
    assert "initial-new_key" not in page
