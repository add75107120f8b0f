"""Batches, files and skills through the SDK: each stays with the account that made it, and with the key that did."""

import io
from typing import Any

import anthropic
import pytest

from accounts.principals import Kind, Principal
from accounts.scopes import Scope
from tests.journeys.pool import pool_over, world_of
from tests.journeys.served import served
from tests.journeys.test_the_sdk_by_base_url import sdk
from tests.journeys.test_the_sdk_over_the_pool import HELLO, MODEL


def a_batch(*names):
    return [{"custom_id": name, "params": {"model": MODEL, "max_tokens": 20, "messages": HELLO}} for name in names]


def quick_world():
    world = world_of("alpha", "beta", "gamma")
    world.batch_seconds = 0
    return world


async def test_a_batch_is_made_followed_and_its_results_are_fetched_through_us():
    async with served(quick_world()) as there, sdk(there.url) as claude:
        made = [await claude.messages.batches.create(requests=a_batch("one", "two")) for _ in range(3)]
        for batch in made:
            seen = await claude.messages.batches.retrieve(batch.id)
            assert seen.processing_status == "ended"
            assert seen.results_url == f"{there.url}/v1/messages/batches/{batch.id}/results"
            results = [one async for one in await claude.messages.batches.results(batch.id)]
            assert {one.custom_id for one in results} == {"one", "two"}
        accounts = {owned.account for _, owned in there.pool.owners.rows.values()}
        assert len(accounts) == 3


async def test_batches_of_all_accounts_are_one_list_with_working_pages():
    async with served(quick_world()) as there, sdk(there.url) as claude:
        made = [(await claude.messages.batches.create(requests=a_batch("one"))).id for _ in range(7)]
        listed = [batch async for batch in claude.messages.batches.list(limit=3)]
        assert [batch.id for batch in listed] == made[::-1]
        assert {batch.processing_status for batch in listed} == {"ended"}
        backwards = await claude.messages.batches.list(limit=2, before_id=made[0])
        assert [batch.id for batch in backwards.data] == [made[2], made[1]]


async def test_a_batch_that_was_deleted_is_gone():
    async with served(quick_world()) as there, sdk(there.url) as claude:
        batch = await claude.messages.batches.create(requests=a_batch("one"))
        await claude.messages.batches.delete(batch.id)
        with pytest.raises(anthropic.NotFoundError):
            await claude.messages.batches.retrieve(batch.id)
        assert [one async for one in claude.messages.batches.list()] == []


async def test_a_running_batch_can_be_cancelled():
    world = world_of("alpha", "beta")
    async with served(world) as there, sdk(there.url) as claude:
        batch = await claude.messages.batches.create(requests=a_batch("one", "two"))
        assert (await claude.messages.batches.cancel(batch.id)).id == batch.id


async def test_a_file_is_uploaded_named_in_a_message_and_deleted():
    async with served(quick_world()) as there, sdk(there.url) as claude:
        files = [await claude.files.upload(file=(f"{name}.txt", io.BytesIO(b"hello"), "text/plain")) for name in "abc"]
        for file in files:
            document = {"type": "document", "source": {"type": "file", "file_id": file.id}}
            said: Any = [{"role": "user", "content": [document, {"type": "text", "text": "Summarize."}]}]
            assert (await claude.messages.create(model=MODEL, max_tokens=20, messages=said)).content
        assert [one.id async for one in claude.files.list(limit=2)] == [file.id for file in files][::-1]
        assert (await claude.files.retrieve_metadata(files[0].id)).filename == "a.txt"
        await claude.files.delete(files[0].id)
        assert len([one async for one in claude.files.list()]) == 2


async def test_files_of_different_accounts_cannot_meet_in_one_message():
    async with served(quick_world()) as there, sdk(there.url) as claude:
        files = [await claude.files.upload(file=(f"{name}.txt", io.BytesIO(b"x"), "text/plain")) for name in "ab"]
        blocks: Any = [{"type": "document", "source": {"type": "file", "file_id": file.id}} for file in files]
        with pytest.raises(anthropic.BadRequestError, match="different accounts"):
            await claude.messages.create(model=MODEL, max_tokens=20, messages=[{"role": "user", "content": blocks}])


async def test_anothers_ids_do_not_exist():
    mallory = Principal(kind=Kind.ACCESS_KEY, id="mallory", name="Mallory", scopes=frozenset({Scope.MESSAGES}))
    async with served(quick_world(), others={"nb_live_of-mallory": mallory}) as there, sdk(there.url) as claude:
        batch = await claude.messages.batches.create(requests=a_batch("one"))
        file = await claude.files.upload(file=("a.txt", io.BytesIO(b"secret"), "text/plain"))
        before = len(there.pool.world.exchanges)
        async with anthropic.AsyncAnthropic(api_key="nb_live_of-mallory", base_url=there.url, max_retries=0) as thief:
            with pytest.raises(anthropic.NotFoundError):
                await thief.messages.batches.results(batch.id)
            with pytest.raises(anthropic.NotFoundError):
                await thief.files.retrieve_metadata(file.id)
            document: Any = {"type": "document", "source": {"type": "file", "file_id": file.id}}
            with pytest.raises(anthropic.NotFoundError):
                await thief.messages.create(
                    model=MODEL, max_tokens=20, messages=[{"role": "user", "content": [document]}]
                )
            assert [one async for one in thief.messages.batches.list()] == []
        assert len(there.pool.world.exchanges) == before


async def test_while_nobody_knows_who_holds_what_the_answer_is_come_back():
    async with served(quick_world()) as there, sdk(there.url) as claude:
        batch = await claude.messages.batches.create(requests=a_batch("one"))
        there.pool.owners.gone = True
        with pytest.raises(anthropic.InternalServerError):
            await claude.messages.batches.retrieve(batch.id)
        assert (await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)).content


async def test_the_pooled_client_keeps_them_together_as_well():
    async with pool_over(quick_world()) as pool, pool.client(principal="me") as claude:
        made = [await claude.messages.batches.create(requests=a_batch("one")) for _ in range(3)]
        results = [one async for one in await claude.messages.batches.results(made[0].id)]
        assert [one.custom_id for one in results] == ["one"]
        assert [batch.id async for batch in claude.messages.batches.list(limit=2)] == [one.id for one in made][::-1]
        assert len({owned.account for _, owned in pool.owners.rows.values()}) == 3
