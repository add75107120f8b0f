"""The Slack double, through the real slack_sdk."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from simulator.clock import ManualClock
from simulator.testing import RunningSimulator

HOOK = "/services/T000/B000/secret"


@pytest.fixture
def webhook(sim: RunningSimulator) -> AsyncWebhookClient:
    return AsyncWebhookClient(f"{sim.url}/slack{HOOK}")


@pytest.fixture
async def bot(sim: RunningSimulator, http: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-test", base_url=f"{sim.url}/slack/api/", session=http)


async def test_a_webhook_takes_a_message(sim: RunningSimulator, webhook: AsyncWebhookClient) -> None:
    response = await webhook.send(text="hello")
    assert (response.status_code, response.body) == (200, "ok")
    assert sim.world.slack.texts(HOOK) == ["hello"]


async def test_blocks_alone_are_enough(sim: RunningSimulator, webhook: AsyncWebhookClient) -> None:
    blocks: Any = [{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]
    assert (await webhook.send(blocks=blocks)).status_code == 200
    assert sim.world.slack.messages[0].payload["blocks"] == blocks


async def test_nothing_to_say_is_no_text(webhook: AsyncWebhookClient) -> None:
    response = await webhook.send(text="")
    assert (response.status_code, response.body) == (400, "no_text")


async def test_too_many_blocks_are_refused(webhook: AsyncWebhookClient) -> None:
    response = await webhook.send(text="x", blocks=[{"type": "divider"}] * 51)
    assert (response.status_code, response.body) == (400, "invalid_blocks")


async def test_what_is_no_json_is_an_invalid_payload(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{sim.url}/slack{HOOK}", data=b"{") as response:
        assert (response.status, await response.text()) == (400, "invalid_payload")


async def test_a_form_carries_json_in_payload(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{sim.url}/slack{HOOK}", data={"payload": '{"text": "formal"}'}) as response:
        assert response.status == 200
    assert sim.world.slack.texts() == ["formal"]


@pytest.mark.parametrize(
    ("error", "status"),
    [("no_service", 404), ("channel_is_archived", 410), ("action_prohibited", 403), ("rollup_error", 500)],
)
async def test_a_webhook_can_fail_in_slacks_words(
    error: str, status: int, sim: RunningSimulator, webhook: AsyncWebhookClient
) -> None:
    sim.world.slack.fault(error)
    response = await webhook.send(text="hello")
    assert (response.status_code, response.body) == (status, error)
    assert (await webhook.send(text="again")).status_code == 200


async def test_a_throttled_webhook_says_for_how_long(sim: RunningSimulator, webhook: AsyncWebhookClient) -> None:
    sim.world.slack.fault("rate_limited", retry_after=7)
    response = await webhook.send(text="hello")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


async def test_one_message_a_second_per_channel_by_the_clock(
    sim: RunningSimulator, webhook: AsyncWebhookClient, clock: ManualClock
) -> None:
    sim.world.slack.per_channel_seconds = 1.0
    assert (await webhook.send(text="one")).status_code == 200
    assert (await webhook.send(text="two")).status_code == 429
    clock.advance(1)
    assert (await webhook.send(text="two")).status_code == 200
    assert sim.world.slack.texts() == ["one", "two"]


async def test_a_bot_posts_to_a_channel(sim: RunningSimulator, bot: AsyncWebClient) -> None:
    response = await bot.chat_postMessage(channel="C1", text="hello")
    assert response["ok"]
    assert response["ts"] == sim.world.slack.messages[0].ts
    assert sim.world.slack.texts("C1") == ["hello"]


async def test_a_bot_can_introduce_itself(bot: AsyncWebClient) -> None:
    assert (await bot.auth_test())["bot_id"] == "B0SIMULATED"


@pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "is_archived"])
async def test_a_bot_can_fail_in_slacks_words(error: str, sim: RunningSimulator, bot: AsyncWebClient) -> None:
    sim.world.slack.fault(error, channel="C1", times=None)
    with pytest.raises(SlackApiError) as caught:
        await bot.chat_postMessage(channel="C1", text="hello")
    assert caught.value.response["error"] == error
    assert (await bot.chat_postMessage(channel="C2", text="hello"))["ok"]


async def test_a_throttled_bot_gets_429(sim: RunningSimulator, bot: AsyncWebClient) -> None:
    sim.world.slack.fault("rate_limited", retry_after=3)
    with pytest.raises(SlackApiError) as caught:
        await bot.chat_postMessage(channel="C1", text="hello")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("sk-ant-nonsense", "invalid_auth")])
async def test_a_bot_needs_a_token(token: str, error: str, sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    stranger = AsyncWebClient(token=token, base_url=f"{sim.url}/slack/api/", session=http)
    with pytest.raises(SlackApiError) as caught:
        await stranger.chat_postMessage(channel="C1", text="hello")
    assert caught.value.response["error"] == error


async def test_only_known_tokens_are_good_when_there_are_any(sim: RunningSimulator, bot: AsyncWebClient) -> None:
    sim.world.slack.tokens.add("xoxb-other")
    with pytest.raises(SlackApiError):
        await bot.chat_postMessage(channel="C1", text="hello")
