"""Models, batches, files, skills and containers, through the real SDK."""

from typing import Any

import anthropic
import pytest

from simulator.clock import ManualClock
from simulator.testing import RunningSimulator

MODEL = "claude-sonnet-5-5"


def params(text: str = "hi", **more: Any) -> Any:
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


def requests(*texts: str) -> Any:
    return [{"custom_id": f"r{number}", "params": params(text)} for number, text in enumerate(texts)]


async def test_models_are_listed_newest_first_in_pages(alpha: Any) -> None:
    names = [model.id async for model in alpha.models.list(limit=4)]
    assert names[0] == "claude-fable-5-2"
    assert len(names) == len(set(names)) == 18


async def test_a_model_is_found_by_its_alias(alpha: Any) -> None:
    model = await alpha.models.retrieve("claude-haiku-4-5")
    assert (model.id, model.line, model.max_tokens) == ("claude-haiku-4-5-20251001", "haiku", 64_000)
    assert model.capabilities.thinking.supported


async def test_an_unknown_model_cannot_be_retrieved(alpha: Any) -> None:
    with pytest.raises(anthropic.NotFoundError):
        await alpha.models.retrieve("claude-gherkin-1")


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
async def test_a_model_ends_on_its_day(alpha: Any, clock: ManualClock) -> None:
    assert (await alpha.models.retrieve("claude-sonnet-4-5")).lifecycle == "deprecated"
    clock.advance(9 * 86_400)
    assert (await alpha.models.retrieve("claude-sonnet-4-5")).lifecycle == "retired"
    with pytest.raises(anthropic.NotFoundError):
        await alpha.messages.create(**params() | {"model": "claude-sonnet-4-5"})


async def test_a_batch_ends_by_the_clock_and_gives_its_results(alpha: Any, clock: ManualClock) -> None:
    batch = await alpha.messages.batches.create(requests=requests("one", "two"))
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 2, None)
    clock.advance(60)
    batch = await alpha.messages.batches.retrieve(batch.id)
    assert (batch.processing_status, batch.request_counts.succeeded) == ("ended", 2)
    results = [result async for result in await alpha.messages.batches.results(batch.id)]
    assert [result.custom_id for result in results] == ["r0", "r1"]
    assert results[1].result.message.content[0].text.endswith("two")
    assert results[1].result.message.usage.service_tier == "batch"


async def test_results_have_an_absolute_url(sim: RunningSimulator, alpha: Any, clock: ManualClock) -> None:
    batch = await alpha.messages.batches.create(requests=requests("one"))
    clock.advance(60)
    url = (await alpha.messages.batches.retrieve(batch.id)).results_url
    assert url == f"{sim.url}/v1/messages/batches/{batch.id}/results"


async def test_a_batch_is_billed_at_half_price(
    sim: RunningSimulator, alpha: Any, connect: Any, clock: ManualClock
) -> None:
    batch = await alpha.messages.batches.create(requests=requests("hi"))
    clock.advance(60)
    await alpha.messages.batches.retrieve(batch.id)
    await connect("beta").messages.create(**params("hi"))
    assert sim.world.accounts["alpha"].cost * 2 == sim.world.accounts["beta"].cost


async def test_a_bad_request_in_a_batch_errs_alone(alpha: Any, clock: ManualClock) -> None:
    bad = {"custom_id": "bad", "params": params() | {"temperature": 1}}
    batch = await alpha.messages.batches.create(requests=[*requests("one"), bad])
    clock.advance(60)
    results = [result async for result in await alpha.messages.batches.results(batch.id)]
    assert [result.result.type for result in results] == ["succeeded", "errored"]
    assert results[1].result.error.error.type == "invalid_request_error"


async def test_a_cancelled_batch_keeps_what_is_done(alpha: Any, clock: ManualClock) -> None:
    batch = await alpha.messages.batches.create(requests=requests("1", "2", "3", "4"))
    clock.advance(30)
    assert (await alpha.messages.batches.cancel(batch.id)).processing_status == "canceling"
    clock.advance(1)
    counts = (await alpha.messages.batches.retrieve(batch.id)).request_counts
    assert (counts.succeeded, counts.canceled) == (2, 2)


async def test_a_running_batch_cannot_be_deleted(alpha: Any, clock: ManualClock) -> None:
    batch = await alpha.messages.batches.create(requests=requests("one"))
    with pytest.raises(anthropic.BadRequestError):
        await alpha.messages.batches.delete(batch.id)
    clock.advance(60)
    await alpha.messages.batches.delete(batch.id)
    with pytest.raises(anthropic.NotFoundError):
        await alpha.messages.batches.retrieve(batch.id)


async def test_batches_are_listed_newest_first(alpha: Any) -> None:
    made = [(await alpha.messages.batches.create(requests=requests("x"))).id for _ in range(3)]
    assert [batch.id async for batch in alpha.messages.batches.list(limit=2)] == made[::-1]


@pytest.mark.parametrize("bad", [[], [{"custom_id": "a"}], [{"params": {}}], requests("x") + requests("x")])
async def test_a_batch_must_make_sense(bad: Any, alpha: Any) -> None:
    with pytest.raises(anthropic.BadRequestError):
        await alpha.messages.batches.create(requests=bad)


async def test_a_batch_of_another_workspace_is_not_there(alpha: Any, connect: Any) -> None:
    batch = await alpha.messages.batches.create(requests=requests("one"))
    with pytest.raises(anthropic.NotFoundError):
        await connect("beta").messages.batches.retrieve(batch.id)


async def test_a_file_is_uploaded_listed_and_deleted(alpha: Any) -> None:
    stored = await alpha.files.upload(file=("notes.txt", b"remember the milk", "text/plain"))
    assert (stored.filename, stored.mime_type, stored.size_bytes) == ("notes.txt", "text/plain", 17)
    assert [file.id async for file in alpha.files.list()] == [stored.id]
    assert (await alpha.files.retrieve_metadata(stored.id)).id == stored.id
    await alpha.files.delete(stored.id)
    with pytest.raises(anthropic.NotFoundError):
        await alpha.files.retrieve_metadata(stored.id)


async def test_an_upload_cannot_be_downloaded_again(alpha: Any) -> None:
    stored = await alpha.files.upload(file=("a.txt", b"abc", "text/plain"))
    with pytest.raises(anthropic.BadRequestError) as caught:
        await alpha.files.download(stored.id)
    assert caught.value.error_code == "file_not_downloadable"


async def test_a_downloadable_file_comes_back_unchanged(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.files_downloadable = True
    data = bytes(range(256)) * 100
    stored = await alpha.files.upload(file=("a.bin", data, "application/octet-stream"))
    response = await alpha.files.download(stored.id)
    assert await response.read() == data


async def test_a_file_expires(alpha: Any, clock: ManualClock) -> None:
    stored = await alpha.files.upload(file=("a.txt", b"abc", "text/plain"), expires_in_seconds=3600)
    clock.advance(3600)
    with pytest.raises(anthropic.NotFoundError) as caught:
        await alpha.files.retrieve_metadata(stored.id)
    assert caught.value.error_code == "file_expired"


async def test_a_message_may_name_its_own_workspaces_file_only(alpha: Any, connect: Any) -> None:
    stored = await alpha.files.upload(file=("a.txt", b"abc", "text/plain"))
    document = {"type": "document", "source": {"type": "file", "file_id": stored.id}}
    request = params() | {"messages": [{"role": "user", "content": [document, {"type": "text", "text": "read"}]}]}
    await alpha.messages.create(**request)
    with pytest.raises(anthropic.NotFoundError):
        await connect("beta").messages.create(**request)


async def test_a_container_belongs_to_its_workspace(alpha: Any, connect: Any) -> None:
    tools: Any = [{"type": "code_execution_20260521", "name": "code_execution"}]
    made = (await alpha.messages.create(**params(tools=tools))).container
    again = await alpha.messages.create(**params(tools=tools, container=made.id))
    assert again.container.id == made.id
    with pytest.raises(anthropic.NotFoundError):
        await connect("beta").messages.create(**params(tools=tools, container=made.id))


async def test_a_skill_is_created_listed_and_deleted(alpha: Any, connect: Any) -> None:
    skill = await alpha.skills.create(display_name="Tea", files=[("tea/SKILL.md", b"# Tea", "text/markdown")])
    assert (skill.display_name, skill.source.type) == ("Tea", "custom")
    listed = [item.id async for item in alpha.skills.list()]
    assert listed == [skill.id, "pptx", "xlsx", "docx", "pdf"]
    with pytest.raises(anthropic.NotFoundError):
        await connect("beta").skills.retrieve(skill.id)
    await alpha.skills.delete(skill.id)
    with pytest.raises(anthropic.NotFoundError):
        await alpha.skills.retrieve(skill.id)


async def test_a_skill_has_its_version(alpha: Any) -> None:
    skill = await alpha.skills.create(display_name="Tea", files=[("tea/SKILL.md", b"# Tea", "text/markdown")])
    versions = [version.id async for version in alpha.skills.versions.list(skill.id)]
    assert versions == [skill.latest_version_id]


async def test_a_skill_needs_its_description(alpha: Any) -> None:
    with pytest.raises(anthropic.BadRequestError):
        await alpha.skills.create(display_name="Tea", files=[("tea/notes.txt", b"", "text/plain")])


async def test_a_message_may_use_anthropics_skills_but_no_strangers(alpha: Any) -> None:
    def using(skill_id: str) -> Any:
        return params(container={"skills": [{"type": "custom", "skill_id": skill_id, "version": "latest"}]})

    assert (await alpha.messages.create(**using("pptx"))).container is not None
    with pytest.raises(anthropic.NotFoundError):
        await alpha.messages.create(**using("skill_of_somebody_else"))
