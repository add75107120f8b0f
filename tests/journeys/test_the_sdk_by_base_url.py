"""The official SDK works against the gateway by base URL and access key, and never notices which account answered."""

import asyncio
import json
from typing import Any

import anthropic
import httpx2
import pytest

from tests.journeys.pool import POOL, world_of
from tests.journeys.served import KEY, served
from tests.journeys.test_the_sdk_over_the_pool import HELLO, MODEL, troubled_world


def sdk(url, **options):
    return anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0, **options)


async def leases(there):
    await there.pool.ports.background.drain(timeout=2)
    return (await there.pool.engine.snapshot(POOL)).leases


async def test_messages_over_three_bad_and_two_good_accounts_all_succeed():
    async with served(troubled_world()) as there, sdk(there.url) as claude:
        for _ in range(30):
            message = await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
            assert message.content[0].text
        assert await leases(there) == 0


async def test_the_key_may_come_as_x_api_key():
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    async with served(world_of("alpha")) as there, httpx2.AsyncClient() as http:
        answer = await http.post(f"{there.url}/v1/messages", content=_said(stream=False), headers=headers)
    assert answer.status_code == 200


async def test_a_streamed_answer_arrives_whole_and_event_by_event():
    async with served(troubled_world()) as there, sdk(there.url) as claude:
        async with claude.messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            final = await stream.get_final_message()
        assert text == final.content[0].text
        assert await leases(there) == 0


async def test_tools_work():
    tool = {"name": "weather", "description": "The weather", "input_schema": {"type": "object", "properties": {}}}
    async with served(world_of("alpha")) as there, sdk(there.url) as claude:
        message = await claude.messages.create(
            model=MODEL, max_tokens=200, messages=HELLO, tools=[tool], tool_choice={"type": "tool", "name": "weather"}
        )
        assert [block.name for block in message.content if block.type == "tool_use"] == ["weather"]


async def test_tokens_are_counted_and_models_are_listed():
    async with served(world_of("alpha")) as there, sdk(there.url) as claude:
        assert (await claude.messages.count_tokens(model=MODEL, messages=HELLO)).input_tokens > 0
        listed = [model.id async for model in claude.models.list(limit=5)]
        assert MODEL in listed
        assert (await claude.models.retrieve(MODEL)).id == MODEL


async def test_the_sync_client_works_as_well():
    def talk(url):
        with anthropic.Anthropic(api_key=KEY, base_url=url, max_retries=0) as claude:
            whole = claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
            with claude.messages.stream(model=MODEL, max_tokens=20, messages=HELLO) as stream:
                return whole.id, stream.get_final_text()

    async with served(world_of("alpha")) as there:
        whole, streamed = await asyncio.to_thread(talk, there.url)
        assert whole
        assert streamed


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("overloaded", anthropic.InternalServerError),
        ("throttle", anthropic.RateLimitError),
        ("internal", anthropic.InternalServerError),
        ("invalid_key", anthropic.APIStatusError),
    ],
)
async def test_every_failure_raises_the_sdks_own_class(fault, raised):
    world = world_of("alpha")
    world.always(None, fault)
    async with served(world) as there, sdk(there.url) as claude:
        with pytest.raises(raised) as caught:
            await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
        assert caught.value.request_id
        assert await leases(there) == 0


async def test_a_wrong_key_is_an_authentication_error():
    async with (
        served(world_of("alpha")) as there,
        anthropic.AsyncAnthropic(api_key="nb_live_wrong", base_url=there.url, max_retries=0) as claude,
    ):
        with pytest.raises(anthropic.AuthenticationError):
            await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)


def _said(*, stream):
    return json.dumps({"model": MODEL, "max_tokens": 40, "messages": HELLO, "stream": stream}).encode()


VERSIONED = {"anthropic-version": "2026-10-21", "content-type": "application/json"}
TOOL = {"name": "weather", "description": "The weather", "input_schema": {"type": "object", "properties": {}}}
EXCHANGES: dict[str, tuple[str, str, Any]] = {
    "a message": ("POST", "/v1/messages", {"max_tokens": 40}),
    "a message of the beta's address": ("POST", "/v1/messages?beta=true", {"max_tokens": 40}),
    "a stream": ("POST", "/v1/messages", {"max_tokens": 40, "stream": True}),
    "a long stream": ("POST", "/v1/messages", {"max_tokens": 2_000, "stream": True}),
    "a tool is used": ("POST", "/v1/messages", {"max_tokens": 99, "tools": [TOOL], "tool_choice": {"type": "any"}}),
    "a stream with a tool": (
        "POST", "/v1/messages",
        {"max_tokens": 99, "tools": [TOOL], "tool_choice": {"type": "any"}, "stream": True},
    ),
    "text in many scripts": ("POST", "/v1/messages", {"max_tokens": 40, "system": "Ünï¢ødé 漢字 🦔"}),
    "a body that breaks the rules": ("POST", "/v1/messages", {"max_tokens": 0}),
    "a stream that breaks the rules": ("POST", "/v1/messages", {"max_tokens": -1, "stream": True}),
    "a field of another version": ("POST", "/v1/messages", {"max_tokens": 9, "temperature": 0.5}),
    "a count of tokens": ("POST", "/v1/messages/count_tokens", {}),
    "the models": ("GET", "/v1/models?limit=3", None),
    "a model": ("GET", f"/v1/models/{MODEL}", None),
    "a model that nobody knows": ("GET", "/v1/models/claude-nobody-9", None),
}  # fmt: skip


async def _exchanged(url, key, name):
    method, target, fields = EXCHANGES[name]
    headers = {**VERSIONED, "authorization": f"Bearer {key}"}
    content = None if fields is None else json.dumps({"model": MODEL, "messages": HELLO, **fields}).encode()
    async with httpx2.AsyncClient() as http:
        return await http.request(method, f"{url}{target}", content=content, headers=headers)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_the_bytes_are_the_same_through_the_pool_and_direct(name):
    """Two equal worlds, one asked directly: the same answer comes back, byte for byte."""
    async with served(world_of("alpha")) as there, served(world_of("alpha")) as twin:
        through = await _exchanged(there.url, KEY, name)
        direct_url = (await twin.pool.ports.credentials.get("alpha")).base_url
        direct = await _exchanged(direct_url, twin.pool.world.accounts["alpha"].key, name)
    assert (through.status_code, through.content) == (direct.status_code, direct.content)
    told = ("content-type", "request-id", "retry-after", "anthropic-organization-id")
    assert [through.headers.get(header) for header in told] == [direct.headers.get(header) for header in told]


async def test_what_reaches_anthropic_is_what_was_sent():
    """Odd spacing, unknown fields and headers of tomorrow pass; credentials and cookies do not."""
    said = b'"messages":[{"role":"user","content":"\\u0048i"}]'
    body = b'{ "model":"%s",\n "max_tokens":  9, %s, "of_tomorrow": [1.50] }' % (MODEL.encode(), said)
    headers = {
        **VERSIONED, "x-api-key": KEY, "anthropic-beta": "a-2026-01-01,b-2027-02-02", "anthropic-of-tomorrow": "yes",
        "cookie": "secret=1", "x-forwarded-for": "10.0.0.1",
    }  # fmt: skip
    async with served(world_of("alpha")) as there, httpx2.AsyncClient() as http:
        await http.post(f"{there.url}/v1/messages?beta=true", content=body, headers=headers)
        (exchange,) = there.pool.world.exchanges
    assert exchange.body == body
    sent = {name.lower(): value for name, value in exchange.headers.items()}
    assert (sent["anthropic-beta"], sent["anthropic-of-tomorrow"]) == ("a-2026-01-01,b-2027-02-02", "yes")
    assert not {"cookie", "x-forwarded-for"} & sent.keys()
    assert KEY not in str(sent)
