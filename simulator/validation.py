"""What a request must look like before anything is counted. Each check gives a message or None."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from simulator.errors import InvalidRequest

OLD_VERSION = "2023-06-01"
NEW_VERSION = "2026-10-21"
VERSIONS = frozenset({"2023-01-01", OLD_VERSION, NEW_VERSION})
SAMPLING = ("temperature", "top_p", "top_k")

Json = Mapping[str, Any]
Check = Callable[[Json], str | None]


def version_of(headers: Mapping[str, str]) -> str:
    """Give the API version asked for. Raises InvalidRequest when it is missing or unknown."""
    version = headers.get("anthropic-version")
    if version is None:
        raise InvalidRequest("anthropic-version: header is required")
    if version not in VERSIONS:
        raise InvalidRequest(f'anthropic-version: "{version[:40]}" is not a valid version')
    return version


def json_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises InvalidRequest."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidRequest("The request body must be a JSON object")
    return body


def _model(body: Json) -> str | None:
    if "model" not in body:
        return "model: Field required"
    return None if isinstance(body["model"], str) else "model: Input should be a valid string"


def _max_tokens(body: Json) -> str | None:
    value = body.get("max_tokens")
    if value is None:
        return "max_tokens: Field required"
    if not isinstance(value, int) or isinstance(value, bool):
        return "max_tokens: Input should be a valid integer"
    return None if value >= 1 else "max_tokens: Input should be greater than or equal to 1"


def _messages(body: Json) -> str | None:
    messages = body.get("messages")
    if messages is None:
        return "messages: Field required"
    if not isinstance(messages, list):
        return "messages: Input should be a valid list"
    if not messages:
        return "messages: at least one message is required"
    for index, message in enumerate(messages):
        if complaint := _message(message):
            return f"messages.{index}{complaint}"
    return None


def _message(message: object) -> str | None:
    if not isinstance(message, dict):
        return ": Input should be an object"
    if message.get("role") not in {"user", "assistant", "system"}:
        return ".role: Input should be 'user' or 'assistant'"
    content = message.get("content")
    if isinstance(content, str):
        return None if content else ".content: user messages must have non-empty content"
    if not isinstance(content, list):
        return ".content: Field required" if content is None else ".content: Input should be a valid list"
    if not all(isinstance(block, dict) and isinstance(block.get("type"), str) for block in content):
        return ".content: Input should be a valid list of content blocks"
    return None


def _tools(body: Json) -> str | None:
    tools = body.get("tools")
    if tools is None:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return "tools: Input should be a valid list"
    nameless = [index for index, tool in enumerate(tools) if not isinstance(tool.get("name"), str)]
    return f"tools.{nameless[0]}.name: Field required" if nameless else None


def _sampling(body: Json) -> str | None:
    refused = next((name for name in SAMPLING if name in body), None)
    return refused and f"{refused}: Extra inputs are not permitted"


def _new_blocks(body: Json) -> str | None:
    for index, message in enumerate(body["messages"]):
        content = message.get("content")
        for at, block in enumerate(content if isinstance(content, list) else ()):
            where = f"messages.{index}.content.{at}"
            if message["role"] == "assistant" and block["type"] == "document":
                return f"{where}: document blocks are not permitted in assistant messages"
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                return f"{where}.citations: Extra inputs are not permitted"
    return None


_COUNTED: tuple[Check, ...] = (_model, _messages, _tools)
_CREATED: tuple[Check, ...] = (_model, _max_tokens, _messages, _tools)
_SINCE_NEW: tuple[Check, ...] = (_sampling, _new_blocks)


def check_message(body: Json, *, version: str, counting: bool = False) -> None:
    """Check a message request, or one whose tokens are only counted. Raises InvalidRequest."""
    checks = _COUNTED if counting else _CREATED
    for check in (*checks, *_SINCE_NEW) if version == NEW_VERSION else checks:
        if complaint := check(body):
            raise InvalidRequest(complaint)
