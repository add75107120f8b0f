"""Lists over all accounts: everything once, however many accounts there are and whatever is deleted meanwhile."""

import json
from typing import Any

import pytest

from gateway.errors import CallerRefused
from gateway.lists import Lists, read_query
from gateway.owners import Owned
from gateway.pinned import Answered
from gateway.responses import Response
from tests.gateway.remembered import RememberedOwners
from tests.gateway.test_pinned import US, Anthropic, asked


@pytest.fixture
def owners() -> Any:
    return RememberedOwners()


async def files(owners, count):
    for number in range(count):
        document = {"id": f"file_{number}", "type": "file"}
        await owners.note(Owned(f"file_{number}", "file", "alpha", document), principal="alice")


async def listed(owners, target, anthropic=None):
    response = await Lists(owners).answer(asked("GET", target), (anthropic or Anthropic()).send)
    return json.loads(response.body)


async def test_list_and_delete_as_one_goes(owners):
    await files(owners, 4)
    first = await listed(owners, "/v1/files?limit=2")
    for one in first["data"]:
        await owners.forget(one["id"], principal="alice")
    second = await listed(owners, f"/v1/files?limit=2&page={first['next_page']}")
    assert [one["id"] for one in first["data"] + second["data"]] == ["file_3", "file_2", "file_1", "file_0"]
    assert second["next_page"] is None


async def test_some_files_by_their_ids(owners):
    await files(owners, 4)
    page = await listed(owners, "/v1/files?ids=file_1&ids=file_9")
    assert ([one["id"] for one in page["data"]], page["next_page"]) == (["file_1"], None)


async def test_files_are_listed_without_asking_anybody(owners):
    await files(owners, 4)
    anthropic = Anthropic()
    await listed(owners, "/v1/files", anthropic)
    assert anthropic.asked == []


async def test_a_running_batch_is_asked_for_anew_and_its_results_lead_to_us(owners):
    await owners.note(Owned("msgbatch_1", "batch", "beta", {"id": "msgbatch_1"}, open=True), principal="alice")
    ended = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
             "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"}  # fmt: skip
    anthropic = Anthropic(ended)
    page = await listed(owners, "/v1/messages/batches", anthropic)
    assert page["data"][0]["results_url"] == f"{US}/v1/messages/batches/msgbatch_1/results"
    assert anthropic.asked == ["beta"]


@pytest.mark.parametrize(("status", "shown"), [(404, 0), (500, 1), (529, 1)])
async def test_what_is_gone_is_not_shown_and_what_cannot_be_asked_is(owners, status, shown):
    document = {"id": "msgbatch_1", "type": "message_batch"}
    await owners.note(Owned("msgbatch_1", "batch", "beta", document, open=True), principal="alice")
    page = await listed(owners, "/v1/messages/batches", Anthropic(status=status))
    assert len(page["data"]) == shown


async def test_anthropics_skills_follow_ones_own(owners):
    await owners.note(Owned("skill_1", "skill", "alpha", {"id": "skill_1"}), principal="alice")
    mine = await listed(owners, "/v1/skills", Anthropic({"id": "skill_1"}))
    theirs = await listed(owners, f"/v1/skills?page={mine['next_page']}", Anthropic({"data": [{"id": "pptx"}]}))
    assert [one["id"] for one in mine["data"] + theirs["data"]] == ["skill_1", "pptx"]


async def test_a_limit_holds_for_anthropics_skills_too(owners):
    targets = []

    async def send(request, _context):
        targets.append(request.target)
        return Answered(Response(200, (), b'{"data": [], "next_page": "page_2="}'), "alpha")

    response = await Lists(owners).answer(asked("GET", "/v1/skills?limit=2"), send)
    place = json.loads(response.body)["next_page"]
    await Lists(owners).answer(asked("GET", f"/v1/skills?limit=500&page={place}"), send)
    assert targets == [
        "/v1/skills?source=anthropic&limit=2", "/v1/skills?source=anthropic&limit=100&page=page_2%3D"
    ]  # fmt: skip


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "9" * 50, "²"])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(CallerRefused, match="limit"):
        read_query(f"/v1/files?limit={limit}")


async def test_a_place_that_is_not_in_the_list_is_refused(owners):
    with pytest.raises(CallerRefused, match="no such place"):
        await listed(owners, "/v1/files?page=page_file_1")
