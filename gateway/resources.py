"""What requests and answers say about resources: ids named, ids made, addresses to rewrite. Pure.

Ids in a request are found by reading its JSON, not by searching its bytes: a key may be spelled with escapes, and a
file of somebody else's must not slip through. Bodies that cannot name a resource at all are not read.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_KEYS: Final = (b'"file_id"', b'"skill_id"', b'"container"')
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[2-7]")
_CONTAINER: Final = re.compile(rb'"container"\s*:\s*\{[^{}]{0,400}?"id"\s*:\s*"(container_[A-Za-z0-9_\-]{1,190})"')
_RESULTS: Final = re.compile(rb'("results_url"\s*:\s*")https?://[^/"\\]+(/v1/)')
_OWN: Final = re.compile(r"(?:file|skill|container)_[A-Za-z0-9_\-]{1,190}")


def ids_named(body: bytes) -> frozenset[str]:
    """Give the ids of files, skills and containers that a message's or a batch's body refers to."""
    if not _may_name(body):
        return frozenset()
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()  # Anthropic will refuse it
    return frozenset(id_ for id_ in _references(document) if _OWN.fullmatch(id_))


def _references(document: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    open_ends = [document]
    while open_ends:
        node = open_ends.pop()
        if isinstance(node, list):
            open_ends.extend(node)
        elif isinstance(node, dict):
            yield from _of_object(node)
            open_ends.extend(node.values())


def _of_object(node: dict[str, Any]) -> Iterator[str]:
    container = node.get("container")
    held = container.get("id") if isinstance(container, dict) else container
    for value in (node.get("file_id"), node.get("skill_id"), held):
        if isinstance(value, str):
            yield value


def _may_name(body: bytes) -> bool:
    """A look at the bytes: quoted keys, which no text inside of a string can imitate, or keys spelled with escapes."""
    return any(key in body for key in _KEYS) or (b"\\u00" in body and _ESCAPED_LETTER.search(body) is not None)


def may_make_a_container(body: bytes) -> bool:
    """Say whether a message's answer may speak of a container: only with code execution, or in one it named."""
    return b"code_execution" in body or b"container" in body


def container_made(passing: bytes) -> str:
    """Give the id of the container that an answer, or this piece of one, speaks of; nothing if there is none."""
    found = _CONTAINER.search(passing) if b"container_" in passing else None
    return found[1].decode() if found else ""


def at_our_address(body: bytes, *, base_url: str) -> bytes:
    """Let `results_url` lead to us: clients fetch it with their access key, which is nobody else's to see."""
    return _RESULTS.sub(rb"\g<1>" + base_url.encode() + rb"\g<2>", body) if b'"results_url"' in body else body


def described(body: bytes) -> dict[str, Any]:
    """Read what an answer says of a resource; empty if it is no JSON object with an id."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and isinstance(document.get("id"), str) else {}


def is_open(document: dict[str, Any]) -> bool:
    """Say whether a batch still runs."""
    return document.get("type") == "message_batch" and document.get("processing_status") != "ended"
