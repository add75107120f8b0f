"""What answers say of a key's organization and workspace reaches the account's row."""

import json
import uuid

import pytest

from accounts.models import ClaudeAccount, Pool
from quota.database_store import DatabaseStore
from quota.origins import Origin, origins
from tests.quota.entries import ALICE, POOL, entry, expired, settled

SAID = '{"workspace": "wrkspc_1"}'


def test_the_latest_answer_counts() -> None:
    entries = [settled(1, organization="org-1"), settled(2, organization="org-2", note=SAID)]
    assert origins(entries) == {str(ALICE): Origin("org-2", "wrkspc_1")}


def test_an_answer_that_says_nothing_teaches_nothing() -> None:
    assert origins([settled(1), expired(2)]) == {}


@pytest.mark.parametrize("organization", ["x" * 101, "or\x00g"])
def test_an_organization_no_row_could_hold_teaches_nothing(organization: str) -> None:
    assert origins([settled(1, organization=organization)]) == {}


def test_an_account_that_can_be_none_teaches_nothing() -> None:
    assert origins([entry(1, "lease.settled", account="nonsense", organization="org-1")]) == {}


def test_a_workspace_no_row_could_hold_still_lets_the_organization_be_learned() -> None:
    note = json.dumps({"workspace": "x" * 101})
    assert origins([settled(1, organization="org-1", note=note)]) == {str(ALICE): Origin("org-1")}


def test_a_note_that_cannot_be_read_still_lets_the_organization_be_learned() -> None:
    assert origins([settled(1, organization="org-1", note="{")]) == {str(ALICE): Origin("org-1")}


@pytest.mark.django_db(transaction=True)
async def test_the_account_s_row_learns_it_once() -> None:
    pool = await Pool.objects.acreate(id=POOL, name="default")
    account = ClaudeAccount(id=ALICE, pool=pool, name="alice", api_key="sk-ant-api03-" + "a" * 90)
    await account.asave()
    store = DatabaseStore()
    await store.write(uuid.UUID(str(POOL)), [settled(1, organization="org-1", note=SAID)], [])
    await account.arefresh_from_db()
    version = (await Pool.objects.aget(pk=POOL)).version
    await store.write(uuid.UUID(str(POOL)), [settled(2, lease="lease-2", organization="org-1", note=SAID)], [])
    assert (account.organization_id, account.workspace_id) == ("org-1", "wrkspc_1")
    assert (await Pool.objects.aget(pk=POOL)).version == version
    await store.close()
