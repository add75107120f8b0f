"""The real SDK talks to the simulator: messages, streams, tools, counting."""

from typing import Any

import anthropic

from simulator.compose import answer
from simulator.testing import RunningSimulator

MODEL = "claude-sonnet-5-5"
TOOL: Any = {
    "name": "get_weather",
    "description": "Tell the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}


async def test_a_message_is_answered_as_predicted(alpha: Any) -> None:
    message = await alpha.messages.create(**ask("Good morning"))
    assert message.content[0].text == answer(model=MODEL, prompt="Good morning")
    assert (message.model, message.role, message.stop_reason) == (MODEL, "assistant", "end_turn")


async def test_usage_has_every_field(alpha: Any) -> None:
    usage = (await alpha.messages.create(**ask("Good morning"))).usage
    assert (usage.input_tokens, usage.output_tokens) == (6, 13)
    assert usage.cache_creation == anthropic.types.CacheCreation(
        ephemeral_1h_input_tokens=0, ephemeral_5m_input_tokens=0
    )
    assert (usage.service_tier, usage.inference_geo) == ("standard", "global")


async def test_an_alias_is_answered_with_the_dated_name(alpha: Any) -> None:
    message = await alpha.messages.create(**ask("hi") | {"model": "claude-haiku-4-5"})
    assert message.model == "claude-haiku-4-5-20251001"


async def test_a_stream_gives_the_same_message_as_a_whole_answer(alpha: Any) -> None:
    whole = await alpha.messages.create(**ask("Tell me something long, please. " * 5))
    async with alpha.messages.stream(**ask("Tell me something long, please. " * 5)) as stream:
        streamed = await stream.get_final_message()
    assert streamed.content[0].text == whole.content[0].text
    assert streamed.usage == whole.usage
    assert streamed.stop_reason == whole.stop_reason


async def test_stream_events_come_in_anthropics_order(alpha: Any) -> None:
    events = [event.type async for event in await alpha.messages.create(**ask("hi"), stream=True)]
    shape = list(dict.fromkeys(events))
    assert shape == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_a_stream_on_the_wire_has_event_lines_and_a_ping(sim: RunningSimulator, alpha: Any) -> None:
    async with alpha.messages.with_streaming_response.create(**ask("hi"), stream=True) as response:
        text = await response.text()
    records = [record.split("\n") for record in text.strip().split("\n\n")]
    assert all(lines[0].startswith("event: ") and lines[1].startswith("data: ") for lines in records)
    assert "event: ping" in text
    assert response.headers["content-type"].startswith("text/event-stream")


async def test_usage_in_the_message_delta_is_cumulative(alpha: Any) -> None:
    events = [event async for event in await alpha.messages.create(**ask("[[tokens=80]]"), stream=True)]
    start = next(event for event in events if event.type == "message_start")
    delta = next(event for event in events if event.type == "message_delta")
    assert start.message.usage.output_tokens == 1
    assert (delta.usage.input_tokens, delta.usage.output_tokens) == (start.message.usage.input_tokens, 80)


async def test_max_tokens_ends_a_stream(alpha: Any) -> None:
    async with alpha.messages.stream(**ask("[[tokens=80]]") | {"max_tokens": 20}) as stream:
        message = await stream.get_final_message()
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 20)


async def test_a_tool_is_called_and_its_result_answered(alpha: Any) -> None:
    request = ask("What is the weather?", tools=[TOOL])
    first = await alpha.messages.create(**request)
    call = first.content[0]
    assert (first.stop_reason, call.type, call.input) == ("tool_use", "tool_use", {"city": "simulated city"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    request["messages"] += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    assert (await alpha.messages.create(**request)).stop_reason == "end_turn"


async def test_a_streamed_tool_call_is_put_together(alpha: Any) -> None:
    async with alpha.messages.stream(**ask("What is the weather?", tools=[TOOL])) as stream:
        message = await stream.get_final_message()
    assert message.content[0].input == {"city": "simulated city"}


async def test_thinking_is_streamed_with_its_signature(alpha: Any) -> None:
    async with alpha.messages.stream(**ask("hi", thinking={"type": "adaptive"})) as stream:
        message = await stream.get_final_message()
    assert message.content[0].type == "thinking"
    assert message.content[0].signature
    assert message.usage.output_tokens_details.thinking_tokens > 0


async def test_a_web_search_is_counted(alpha: Any) -> None:
    tools: Any = [{"type": "web_search_20260209", "name": "web_search"}]
    message = await alpha.messages.create(**ask("search for owls", tools=tools))
    assert message.usage.server_tool_use.web_search_requests == 1


async def test_counting_agrees_with_serving(alpha: Any) -> None:
    request = ask("How many?", system="Be brief.", tools=[TOOL])
    counted = await alpha.messages.count_tokens(**{k: v for k, v in request.items() if k != "max_tokens"})
    served = await alpha.messages.create(**request)
    assert counted.input_tokens == served.usage.input_tokens


async def test_an_answer_names_its_organization_and_workspace(sim: RunningSimulator, alpha: Any) -> None:
    response = await alpha.messages.with_raw_response.create(**ask("hi"))
    account = sim.world.accounts["alpha"]
    assert response.headers["anthropic-organization-id"] == account.organization.id
    assert response.workspace_id == account.workspace.id
    assert response.request_id.startswith("req_01")


async def test_what_was_served_is_counted(sim: RunningSimulator, alpha: Any) -> None:
    message = await alpha.messages.create(**ask("hi"))
    account = sim.world.accounts["alpha"]
    assert account.requests == 1
    assert account.tokens == message.usage.input_tokens + message.usage.output_tokens
    assert account.cost == message.usage.input_tokens * 2_000 + message.usage.output_tokens * 10_000


async def test_the_prompt_cache_is_written_then_read(alpha: Any) -> None:
    system: Any = [{"type": "text", "text": "x" * 8_000, "cache_control": {"type": "ephemeral"}}]
    first = (await alpha.messages.create(**ask("one", system=system))).usage
    second = (await alpha.messages.create(**ask("two", system=system))).usage
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (2_000, 0)
    assert first.cache_creation.ephemeral_5m_input_tokens == 2_000
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 2_000)
    assert first.input_tokens == second.input_tokens == 4


async def test_another_account_does_not_share_the_cache(connect: Any) -> None:
    system: Any = [{"type": "text", "text": "x" * 8_000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    await connect("alpha").messages.create(**ask("one", system=system))
    usage = (await connect("beta").messages.create(**ask("one", system=system))).usage
    assert usage.cache_read_input_tokens == 0
    assert usage.cache_creation.ephemeral_1h_input_tokens == 2_000


async def test_the_exchange_is_remembered_byte_for_byte(sim: RunningSimulator, alpha: Any) -> None:
    await alpha.messages.create(**ask("remember me"))
    exchange = sim.world.exchanges[-1]
    assert (exchange.account, exchange.path, exchange.status) == ("alpha", "/v1/messages", 200)
    assert b"remember me" in exchange.body
    assert exchange.headers["anthropic-version"] == "2026-10-21"
