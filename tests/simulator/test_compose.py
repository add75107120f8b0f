"""What the model says, predicted."""

from typing import Any

from simulator import tokens
from simulator.compose import answer, complete, example_input

MODEL = "claude-sonnet-5-5"
TOOL = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
        "required": ["city", "unit"],
    },
}


def ask(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": content}], **more}


def test_the_answer_follows_from_the_question() -> None:
    done = complete(ask("Good morning"), message_id="msg_1")
    assert done.content[0]["text"] == answer(model=MODEL, prompt="Good morning")
    assert done.stop_reason == "end_turn"
    assert done.output_tokens == tokens.of_text(done.content[0]["text"])


def test_the_last_user_message_is_the_question() -> None:
    body = ask("first")
    body["messages"] += [{"role": "assistant", "content": "yes?"}, {"role": "user", "content": "second"}]
    assert complete(body, message_id="msg_1").content[0]["text"].endswith("second")


def test_a_question_can_ask_for_a_length() -> None:
    assert complete(ask("[[tokens=120]]"), message_id="msg_1").output_tokens == 120


def test_max_tokens_cuts() -> None:
    done = complete(ask("[[tokens=120]]", max_tokens=50), message_id="msg_1")
    assert (done.stop_reason, done.output_tokens) == ("max_tokens", 50)


def test_a_stop_sequence_cuts_before_itself() -> None:
    done = complete(ask("one STOP two", stop_sequences=["STOP", "two"]), message_id="msg_1")
    assert (done.stop_reason, done.stop_sequence) == ("stop_sequence", "STOP")
    assert done.content[0]["text"].endswith("one ")


def test_the_only_tool_is_used() -> None:
    done = complete(ask("Is it warm?", tools=[TOOL]), message_id="msg_1")
    assert done.stop_reason == "tool_use"
    assert done.content[0]["input"] == {"city": "simulated city", "unit": "C"}


def test_one_of_several_tools_is_used_when_it_is_named_or_forced() -> None:
    other = {"name": "bash", "input_schema": {}}
    tools = [other, TOOL]
    assert complete(ask("hello", tools=tools), message_id="msg_1").stop_reason == "end_turn"
    named = complete(ask("please get_weather", tools=tools), message_id="msg_1")
    forced = complete(ask("hello", tools=tools, tool_choice={"type": "tool", "name": "get_weather"}), message_id="m_1")
    assert named.content[0]["name"] == forced.content[0]["name"] == "get_weather"


def test_no_tool_is_used_when_none_may_be() -> None:
    done = complete(ask("hello", tools=[TOOL], tool_choice={"type": "none"}), message_id="msg_1")
    assert done.stop_reason == "end_turn"


def test_a_tool_result_is_answered_with_text() -> None:
    result = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "warm"}]
    assert complete(ask(result, tools=[TOOL]), message_id="msg_1").stop_reason == "end_turn"


def test_thinking_comes_first_and_is_counted() -> None:
    done = complete(ask("hello", thinking={"type": "adaptive"}), message_id="msg_1")
    assert [block["type"] for block in done.content] == ["thinking", "text"]
    assert 0 < done.thinking_tokens < done.output_tokens


def test_a_web_search_is_made_when_asked_for() -> None:
    tools = [{"type": "web_search_20260209", "name": "web_search"}]
    done = complete(ask("search for owls", tools=tools), message_id="msg_1")
    assert done.web_searches == 1
    assert [block["type"] for block in done.content] == ["server_tool_use", "web_search_tool_result", "text"]


def test_example_input_fills_every_type() -> None:
    kinds = ("string", "integer", "number", "boolean", "array", "object")
    schema = {"properties": {kind: {"type": kind} for kind in kinds}}
    assert example_input(schema) == {
        "string": "simulated string",
        "integer": 1,
        "number": 1.5,
        "boolean": True,
        "array": [],
        "object": {},
    }
