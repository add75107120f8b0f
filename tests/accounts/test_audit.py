"""Whoever changes a pool, an account or an access key stands in the audit log, and no secret does."""

import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.access import issue_access_key, revoke_access_key
from accounts.actors import Actor, Via, acting
from accounts.models import AuditEntry, ClaudeAccount
from accounts.services import create_account, disable_account, enable_account, update_account
from tests.accounts.admin.pages import order, person, text
from tests.accounts.cast import ALPHA_KEY, BETA_KEY

pytestmark = pytest.mark.django_db
LOG = "admin:accounts_auditentry_changelist"


def latest():
    return AuditEntry.objects.first()


def test_creating_an_account_is_written_down_without_its_key(pool):
    create_account(pool=pool, name="alpha", api_key=ALPHA_KEY)
    entry = AuditEntry.objects.get(kind="account")
    assert (entry.action, entry.name) == ("created", "alpha")
    assert "CANARY" not in str(entry.changes)


def test_a_change_says_what_was_before_and_what_is_now(alpha):
    update_account(alpha, priority=7)
    assert latest().changes == [["priority", "100", "7"]]


def test_a_new_key_shows_by_its_fingerprint_alone(alpha):
    before = alpha.key_fingerprint
    update_account(alpha, api_key=BETA_KEY)
    assert latest().changes == [["key_fingerprint", before, alpha.key_fingerprint]]


def test_saving_what_is_so_already_is_no_change(alpha):
    AuditEntry.objects.all().delete()
    update_account(alpha, priority=alpha.priority)
    assert not AuditEntry.objects.exists()


def test_switching_off_and_on_is_written_down_once_each(alpha):
    AuditEntry.objects.all().delete()
    disable_account(alpha, why="by alice")
    disable_account(alpha, why="by bob")
    enable_account(alpha)
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["enabled", "disabled"]


def test_deleting_is_written_down(alpha):
    alpha.delete()
    assert (latest().action, latest().name) == ("deleted", "alpha")


def test_an_access_key_leaves_its_making_and_its_end(pool):
    plain, key = issue_access_key(name="bot", scopes=["messages"], pool=pool)
    revoke_access_key(key, now=timezone.now())
    entries = AuditEntry.objects.filter(kind="access key")
    assert list(entries.values_list("action", flat=True)) == ["revoked", "created"]
    assert plain not in str(list(entries.values()))


def test_the_actor_is_who_acts_where_the_change_is_made(alpha):
    with acting(lambda: Actor("alice", Via.API)):
        update_account(alpha, priority=3)
    assert (latest().actor, latest().via) == ("alice", "api")


def test_what_nobody_ordered_is_the_pools_own_doing(alpha):
    disable_account(alpha, why="invalid key")
    assert (latest().actor, latest().via) == ("", "pool")


def test_the_admin_site_signs_with_the_persons_name(alpha):
    order(person("operator"), alpha, "disable")
    assert (latest().action, latest().actor, latest().via) == ("disabled", "operator", "admin")


def test_orders_to_the_engine_are_written_down_too(alpha):
    order(person("operator"), alpha, "force_open")
    assert (latest().action, latest().actor) == ("forced open", "operator")


def test_a_command_signs_with_its_own_name(pool, capsys):
    with acting(lambda: Actor("manage.py create_access_key", Via.COMMAND)):
        call_command("create_access_key", "--name", "bot", "--scope", "messages", "--pool", "main")
    assert (latest().action, latest().actor) == ("created", "manage.py create_access_key")
    capsys.readouterr()


def test_the_log_is_read_by_viewers_and_changed_by_nobody(alpha):
    viewer = person("viewer")
    update_account(alpha, name="renamed")
    page = viewer.get(reverse(LOG))
    assert "renamed" in text(page)
    assert not page.context["has_add_permission"]


def test_a_change_that_is_undone_leaves_no_entry(alpha):
    AuditEntry.objects.all().delete()
    try:
        with transaction.atomic():
            update_account(alpha, priority=9)
            raise RuntimeError  # noqa: TRY301
    except RuntimeError:
        pass
    assert not AuditEntry.objects.exists()
    assert ClaudeAccount.objects.get(pk=alpha.pk).priority == 100
