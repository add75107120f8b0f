"""The rule by which tokens are counted."""

from simulator import tokens


def test_four_characters_make_a_token() -> None:
    assert [tokens.of_text(text) for text in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]


def test_a_message_costs_three_tokens_more_than_its_text() -> None:
    assert tokens.of_request({"messages": [{"role": "user", "content": "abcdefgh"}]}) == 5


def test_system_and_tools_count() -> None:
    plain = {"messages": [{"role": "user", "content": "hi"}]}
    tool = {"name": "look", "input_schema": {"type": "object"}}
    assert tokens.of_request({**plain, "system": "x" * 40}) == tokens.of_request(plain) + 10
    assert tokens.of_request({**plain, "tools": [tool]}) == tokens.of_request(plain) + tokens.of_block(tool)


def test_cache_control_itself_costs_nothing() -> None:
    tool = {"name": "look", "input_schema": {"type": "object"}}
    assert tokens.of_block({**tool, "cache_control": {"type": "ephemeral"}}) == tokens.of_block(tool)


def test_a_tool_result_counts_its_content() -> None:
    block = {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "abcdefgh"}]}
    assert tokens.of_block(block) == 2


def test_the_segments_add_up_to_the_request() -> None:
    body = {
        "tools": [{"name": "look", "input_schema": {}}],
        "system": [{"type": "text", "text": "be kind"}, {"type": "text", "text": "be brief"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image", "source": {}}]},
            {"role": "assistant", "content": "two"},
        ],
    }
    assert sum(segment.tokens for segment in tokens.segments(body)) == tokens.of_request(body)
