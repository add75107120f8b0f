"""Who holds what: in the database as in the twin."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.errors import DeletionRefused
from accounts.models import ClaudeAccount, Pool
from gateway.models import Resource
from gateway.owners import Owned, Owners, Wanted
from tests.gateway.remembered import RememberedOwners

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    pool = Pool.objects.create(name="default")
    return ClaudeAccount.objects.create(pool=pool, name="alpha", api_key="sk-ant-api03-" + "a" * 40, enabled=False)


@pytest.fixture(params=[Owners, RememberedOwners], ids=["database", "memory"])
def owners(request):
    return request.param()


def batch(account, number=1, **fields):
    return Owned(f"msgbatch_{number}", "batch", str(account.pk), {"id": f"msgbatch_{number}"}, **fields)


async def test_what_was_noted_is_found_by_the_key_that_made_it(owners, account):
    await owners.note(batch(account), principal="alice")
    assert await owners.find(["msgbatch_1"], principal="alice") == {"msgbatch_1": batch(account)}


async def test_another_key_finds_nothing(owners, account):
    await owners.note(batch(account), principal="alice")
    assert await owners.find(["msgbatch_1"], principal="bob") == {}


async def test_another_key_changes_and_forgets_nothing(owners, account):
    await owners.note(batch(account), principal="alice")
    await owners.note(Owned("msgbatch_1", "batch", str(account.pk), {"id": "stolen"}), principal="bob")
    await owners.forget("msgbatch_1", principal="bob")
    assert await owners.find(["msgbatch_1"], principal="alice") == {"msgbatch_1": batch(account)}


async def test_noted_again_it_is_as_last_seen(owners, account):
    await owners.note(batch(account, open=True), principal="alice")
    await owners.note(batch(account), principal="alice")
    found = await owners.find(["msgbatch_1"], principal="alice")
    assert found["msgbatch_1"].open is False


async def test_what_was_deleted_is_forgotten(owners, account):
    await owners.note(batch(account), principal="alice")
    await owners.forget("msgbatch_1", principal="alice")
    assert await owners.find(["msgbatch_1"], principal="alice") == {}


async def test_what_was_deleted_stays_a_place_in_the_list_and_does_not_come_back(owners, account):
    for number in range(1, 5):
        await owners.note(batch(account, number), principal="alice")
    await owners.forget("msgbatch_3", principal="alice")
    await owners.note(batch(account, 3), principal="alice")
    page = await owners.page("batch", Wanted(after="msgbatch_3"), principal="alice")
    assert [one.id for one in page.items] == ["msgbatch_2", "msgbatch_1"]
    assert await owners.find(["msgbatch_3"], principal="alice") == {}


async def test_pages_show_everything_once_and_newest_first(owners, account):
    for number in range(1, 8):
        await owners.note(batch(account, number), principal="alice")
    seen, after = [], ""
    for _ in range(3):
        page = await owners.page("batch", Wanted(limit=3, after=after), principal="alice")
        seen += [one.id for one in page.items]
        after = seen[-1]
    assert seen == [f"msgbatch_{number}" for number in range(7, 0, -1)]
    assert page.has_more is False


async def test_a_page_before_another_is_in_the_same_order(owners, account):
    for number in range(1, 6):
        await owners.note(batch(account, number), principal="alice")
    page = await owners.page("batch", Wanted(limit=2, before="msgbatch_1"), principal="alice")
    assert ([one.id for one in page.items], page.has_more) == (["msgbatch_3", "msgbatch_2"], True)


async def test_a_page_holds_one_kind_of_one_key(owners, account):
    await owners.note(batch(account), principal="alice")
    await owners.note(Owned("file_1", "file", str(account.pk)), principal="alice")
    await owners.note(batch(account, 2), principal="bob")
    page = await owners.page("batch", Wanted(), principal="alice")
    assert [one.id for one in page.items] == ["msgbatch_1"]


async def test_a_cursor_that_is_not_in_the_list_is_no_cursor(owners, account):
    await owners.note(batch(account), principal="bob")
    with pytest.raises(LookupError):
        await owners.page("batch", Wanted(after="msgbatch_1"), principal="alice")


def held(account, **fields):
    return Resource.objects.create(id="msgbatch_1", kind="batch", account=account, principal="alice", **fields)


def test_an_account_with_open_batches_is_not_deleted_unawares(account):
    held(account, open_until=timezone.now() + timedelta(hours=3))
    with pytest.raises(DeletionRefused, match=r"1 still in use there \(message batch msgbatch_1\)"):
        services.delete_account(account, leases_of=lambda _: 0)
    assert ClaudeAccount.objects.filter(pk=account.pk).exists()


def test_the_admin_site_says_what_is_in_the_way(account, admin_client):
    held(account, open_until=timezone.now() + timedelta(hours=3))
    page = admin_client.get(reverse("admin:accounts_claudeaccount_delete", args=[account.pk]))
    assert "message batch msgbatch_1" in page.content.decode()


@pytest.mark.parametrize("open_until", [None, timezone.now() - timedelta(seconds=1)])
def test_an_account_whose_batches_have_ended_can_be_deleted(account, open_until):
    held(account, open_until=open_until)
    services.delete_account(account, leases_of=lambda _: 0)
    assert not Resource.objects.exists()
