"""What requests and answers say about resources: ids named, ids made, addresses to rewrite. Pure.

# Note [What names a resource]
Ids are found by reading the JSON, not by searching bytes: a key may be spelled with escapes, and a file of somebody
else's must not slip through. What counts is what Anthropic would load: the container of a message and its skills, and
a `file_id` anywhere else. What a tool is called with is the tool's business, and the files in the output of an earlier
code execution are an echo: neither is loaded. A body with a repeated key could be read in two ways and is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.errors import CallerRefused

_ESCAPED_LETTER: Final = re.compile(rb"\\u00[2-7]")
_RESULTS: Final = re.compile(rb'("results_url"\s*:\s*")https?://[^/"\\]+(/v1/)')
_OWN: Final = re.compile(r"(file|skill|container)_[A-Za-z0-9_\-]{1,190}")
_CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_OUTPUT: Final = "code_execution_output"
_OF_TOOLS: Final = frozenset({"tools", "tool_choice"})
"""Keys of a message under which tools are described, by schemas that may use any word."""


def ids_named(body: bytes) -> frozenset[str]:
    """Give the ids that a message's or a batch's body refers to; see Note [What names a resource].

    Raises `CallerRefused` (400) for a body that may name one and has the same key twice in one object.
    """
    if not may_name(body):
        return frozenset()
    document = strictly_read(body)  # what is no JSON, Anthropic will refuse
    messages = _batched(document) if isinstance(document, dict) and "requests" in document else [document]
    return frozenset(id_ for message in messages for id_ in _of_message(message) if _OWN.fullmatch(id_))


def may_name(body: bytes) -> bool:
    """A look at the bytes: quoted keys, which no text inside of a string can imitate, or keys spelled with escapes."""
    if b'"file_id"' in body or b'"skill_id"' in body or b'"container"' in body:
        return True
    return b"\\u00" in body and _ESCAPED_LETTER.search(body) is not None


def strictly_read(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Read JSON, None for what is none. Raises `CallerRefused` (400) for the same key twice in one object."""
    try:
        return json.loads(body, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError):
        return None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise CallerRefused(400, "invalid_request_error", "The body has the same key twice in one object.")
    return made


def _batched(document: Mapping[str, Any]) -> Iterator[Any]:
    requests = document["requests"]
    for request in requests if isinstance(requests, list) else []:
        yield request.get("params") if isinstance(request, dict) else None


def _of_message(message: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if not isinstance(message, dict):
        return
    container = message.get("container")
    yield from _texts(container.get("id") if isinstance(container, dict) else container)
    skills = container.get("skills") if isinstance(container, dict) else None
    for skill in skills if isinstance(skills, list) else []:
        yield from _texts(skill.get("skill_id") if isinstance(skill, dict) else None)
    for key, value in message.items():
        if key not in _OF_TOOLS:
            yield from (node["file_id"] for node in _loaded(value) if isinstance(node.get("file_id"), str))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value


def _loaded(value: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    """Give the objects in `value` that Anthropic may load something for."""
    return (node for node in _objects(value) if not _is_output(node))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    """Give all objects, but for those that tools are called with."""
    open_ends = [value]
    while open_ends:
        node = open_ends.pop()
        if isinstance(node, list):
            open_ends.extend(node)
        elif isinstance(node, dict):
            yield node
            call = node.get("type") in _CALLS
            open_ends.extend(value for key, value in node.items() if not (call and key == "input"))


def _is_output(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("type"), str) and node["type"].endswith(_OUTPUT)


def may_make(body: bytes) -> bool:
    """Say whether a message's answer may make something: with code execution only, or in a container it named."""
    return b"code_execution" in body or b'"container"' in body


def ids_made(document: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Give kind and id of what an answer, or one event of a stream, says was made: its container, files in outputs."""
    if not isinstance(document, dict):
        return
    for holder in (document, document.get("message"), document.get("delta")):
        container = holder.get("container") if isinstance(holder, dict) else None
        yield from _made(container.get("id") if isinstance(container, dict) else None, "container")
    for part in (document.get("content"), document.get("content_block")):
        for node in _objects(part):
            if _is_output(node):
                yield from _made(node.get("file_id"), "file")


def _made(id_: object, kind: str) -> Iterator[tuple[str, str]]:
    if isinstance(id_, str) and (match := _OWN.fullmatch(id_)) and match[1] == kind:
        yield kind, id_


def at_our_address(body: bytes, *, base_url: str) -> bytes:
    """Let a batch's `results_url` lead to us: clients fetch it with their access key, which is nobody else's to see."""
    return _RESULTS.sub(rb"\g<1>" + base_url.encode() + rb"\g<2>", body) if b'"results_url"' in body else body


def read(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Read JSON; None for what is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def described(body: bytes) -> dict[str, Any]:
    """Read what an answer says of a resource; empty if it is no JSON object with an id."""
    document = read(body)
    return document if isinstance(document, dict) and isinstance(document.get("id"), str) else {}


def is_batch(document: Mapping[str, Any]) -> bool:
    """Say whether this describes a batch."""
    return document.get("type") == "message_batch"


def is_open(document: Mapping[str, Any]) -> bool:
    """Say whether a batch still runs."""
    return is_batch(document) and document.get("processing_status") != "ended"
