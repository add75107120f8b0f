"""What the database remembers of batches that are not charged yet."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import ClaudeAccount, Pool
from gateway.batches.unbilled import CLAIM, UnbilledBatches
from gateway.models import Resource
from gateway.owners import FIRST_LOOK, Owned, Owners

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk-ant-api03-" + "a" * 40


@pytest.fixture
def account():
    pool = Pool.objects.create(name="default")
    return ClaudeAccount.objects.create(pool=pool, name="alpha", api_key=KEY, enabled=False)


async def made(account, number=1, *, ended=False, client="alice"):
    id_ = f"msgbatch_{number}"
    owned = Owned(id_, "batch", str(account.pk), {"id": id_, "type": "message_batch"}, open=not ended, client=client)
    await Owners().note(owned, principal="alice")
    return owned


async def make_due(ago=timedelta(seconds=1)):
    await Resource.objects.filter(bill_due_at__isnull=False).aupdate(bill_due_at=F("bill_due_at") - FIRST_LOOK - ago)


async def test_a_new_batch_is_due_after_a_moment(account):
    await made(account)
    assert await UnbilledBatches().claim(most=5) == ()
    await make_due()
    (one,) = await UnbilledBatches().claim(most=5)
    assert (one.id, one.account, one.pool, one.client) == (
        "msgbatch_1", str(account.pk), str(account.pool_id), "alice"
    )  # fmt: skip


async def test_who_claims_has_it_to_himself_for_a_while(account):
    await made(account)
    await make_due()
    await UnbilledBatches().claim(most=5)
    assert await UnbilledBatches().claim(most=5) == ()
    await Resource.objects.aupdate(bill_due_at=F("bill_due_at") - CLAIM)
    assert len(await UnbilledBatches().claim(most=5)) == 1


async def test_those_due_longest_come_first(account):
    for number in range(3):
        await made(account, number)
    await make_due()
    await Resource.objects.filter(pk="msgbatch_2").aupdate(bill_due_at=timezone.now() - timedelta(days=1))
    assert [one.id for one in await UnbilledBatches().claim(most=2)] == ["msgbatch_2", "msgbatch_0"]


async def test_one_that_its_maker_has_seen_ended_is_due_at_once(account):
    await made(account)
    await made(account, ended=True)
    assert len(await UnbilledBatches().claim(most=5)) == 1


async def test_what_was_charged_is_never_due_again(account):
    await made(account)
    await UnbilledBatches().done("msgbatch_1")
    await made(account, ended=True)
    await make_due()
    assert await UnbilledBatches().claim(most=5) == ()
    assert await UnbilledBatches().find("msgbatch_1") is None


async def test_a_batch_that_was_seen_ended_does_not_count_as_running(account):
    await made(account)
    document = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended"}
    await UnbilledBatches().seen("msgbatch_1", document, look_again=timezone.now())
    (seen,) = (await Owners().find(["msgbatch_1"], principal="alice")).values()
    assert (seen.open, seen.document) == (False, document)


async def test_one_that_was_deleted_is_known_as_such(account):
    await made(account)
    await Owners().forget("msgbatch_1", principal="alice")
    one = await UnbilledBatches().find("msgbatch_1")
    assert one is not None
    assert one.deleted


async def test_files_owe_nothing(account):
    await Owners().note(Owned("file_1", "file", str(account.pk), {"id": "file_1"}), principal="alice")
    assert await UnbilledBatches().find("file_1") is None


async def test_a_disabled_account_is_asked_with_its_key_all_the_same(account):
    credential = await UnbilledBatches().credential(str(account.pk))
    assert credential.api_key.reveal() == KEY
