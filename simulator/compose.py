"""What the model says: a pure function of the request, so that a test can predict every token.

Text is `answer(...)` of the last user message. A message may steer it: `[[tokens=120]]` asks for exactly that many
tokens. Tools are called when they are forced, when there is only one, or when the message names one; never right
after a tool result.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator import tokens

LONGEST_ECHO = 2_000
_WANTED = re.compile(r"\[\[tokens=(\d{1,6})\]\]")
_FILLER = "word "

Json = Mapping[str, Any]
Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    """The finished answer. `output_tokens` includes `thinking_tokens`."""

    content: tuple[Block, ...]
    stop_reason: str
    output_tokens: int
    stop_sequence: str | None = None
    thinking_tokens: int = 0
    web_searches: int = 0


def answer(*, model: str, prompt: str) -> str:
    """Give the text for a prompt, before stop sequences and `max_tokens`."""
    if wanted := _WANTED.search(prompt):
        length = int(wanted[1]) * tokens.CHARACTERS_PER_TOKEN
        return (_FILLER * (length // len(_FILLER) + 1))[:length]
    return f"{model} (simulated) heard: {prompt[:LONGEST_ECHO]}"


def complete(body: Json, *, message_id: str) -> Completion:
    """Answer a validated request."""
    prompt, follows_tool_result = _last_user_text(body)
    left = int(body["max_tokens"])
    thinking = _thinking(body, prompt, left)
    thought = tokens.of_text(thinking[0]["thinking"]) if thinking else 0
    searches = _web_search(body, prompt, message_id)
    tool = None if follows_tool_result else _chosen_tool(body, prompt)
    if tool is not None:
        return _tool_completion(tool, message_id, [*thinking, *searches], thought=thought, left=left - thought)
    text = answer(model=str(body["model"]), prompt=prompt)
    text, reason, sequence = _stop(text, body.get("stop_sequences") or (), left - thought)
    content = (*thinking, *searches, {"type": "text", "text": text})
    output = thought + tokens.of_text(text)
    return Completion(content, reason, output, sequence, thought, 1 if searches else 0)


def _last_user_text(body: Json) -> tuple[str, bool]:
    """Give the text of the last user message and whether it carries a tool result."""
    for message in reversed(body["messages"]):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content, False
        blocks = [block for block in content or () if isinstance(block, dict)]
        text = " ".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")
        return text, any(block.get("type") == "tool_result" for block in blocks)
    return "", False


def _stop(text: str, sequences: Any, left: int) -> tuple[str, str, str | None]:  # noqa: ANN401
    """Cut at the first stop sequence, then at the token limit."""
    reason, found = "end_turn", None
    positions = [(text.index(sequence), sequence) for sequence in sequences if sequence and sequence in text]
    if positions:
        at, found = min(positions)
        text, reason = text[:at], "stop_sequence"
    if tokens.of_text(text) > left:
        return text[: max(0, left) * tokens.CHARACTERS_PER_TOKEN], "max_tokens", None
    return text, reason, found


def _thinking(body: Json, prompt: str, left: int) -> list[Block]:
    wish = body.get("thinking")
    if not isinstance(wish, dict) or wish.get("type") not in {"enabled", "adaptive"}:
        return []
    thought = f"Thinking about: {prompt[:40]}"[: max(0, left - 1) * tokens.CHARACTERS_PER_TOKEN]
    return [{"type": "thinking", "thinking": thought, "signature": "c2ltdWxhdGVkLXNpZ25hdHVyZQ=="}]


def _web_search(body: Json, prompt: str, message_id: str) -> list[Block]:
    """One search with no findings when the server tool is offered and the prompt asks to search."""
    offered = any(str(tool.get("type", "")).startswith("web_search_") for tool in body.get("tools") or ())
    if not offered or "search" not in prompt.lower():
        return []
    use = f"srvtoolu_{message_id[4:]}"
    query = {"query": prompt[:100]}
    return [
        {"type": "server_tool_use", "id": use, "name": "web_search", "input": query},
        {"type": "web_search_tool_result", "tool_use_id": use, "content": []},
    ]


def _chosen_tool(body: Json, prompt: str) -> Json | None:
    choice = body.get("tool_choice") or {"type": "auto"}
    offered: list[Json] = [tool for tool in body.get("tools") or () if tool.get("type") in {None, "custom"}]
    if not offered or choice.get("type") == "none":
        return None
    if choice.get("type") == "tool":
        return next((tool for tool in offered if tool.get("name") == choice.get("name")), None)
    if choice.get("type") == "any" or len(offered) == 1:
        return offered[0]
    return next((tool for tool in offered if _is_named(tool, prompt.lower())), None)


def _is_named(tool: Json, prompt: str) -> bool:
    return str(tool.get("name", "")).lower() in prompt


def example_input(schema: Json) -> Block:
    """Fill the required properties of a tool's schema with harmless values."""
    properties = schema.get("properties") or {}
    names = schema.get("required") or list(properties)
    return {name: _example(name, properties.get(name) or {}) for name in names}


def _example(name: str, schema: Json) -> Any:  # noqa: ANN401
    if schema.get("enum"):
        return schema["enum"][0]
    by_type = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}, "null": None}
    return by_type.get(str(schema.get("type")), f"simulated {name}")


def _tool_completion(tool: Json, message_id: str, before: list[Block], *, thought: int, left: int) -> Completion:
    arguments = example_input(tool.get("input_schema") or {})
    block = {"type": "tool_use", "id": f"toolu_{message_id[4:]}", "name": tool["name"], "input": arguments}
    spent = tokens.of_block({"name": tool["name"], "input": arguments})
    if spent > left:
        return Completion((*before, {"type": "text", "text": ""}), "max_tokens", thought + max(0, left), None, thought)
    searches = 1 if any(part["type"] == "server_tool_use" for part in before) else 0
    return Completion((*before, block), "tool_use", thought + spent, None, thought, searches)
