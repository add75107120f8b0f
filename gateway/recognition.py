"""What a row of the outcome table recognises a reply by. Pure."""

from collections.abc import Callable

import msgspec

from gateway.replies import ApiError, Fault, Reply


class Facts(msgspec.Struct, frozen=True):
    """A reply, read once."""

    reply: Reply
    status: int
    error: ApiError
    text: str
    now_ms: int

    @property
    def is_html(self) -> bool:
        return "html" in self.reply.headers.get("content-type", "") or self.reply.body[:64].lstrip().startswith(b"<")


def fault(*faults: Fault) -> Callable[[Facts], bool]:
    return lambda facts: facts.reply.fault in faults


def status(*statuses: int) -> Callable[[Facts], bool]:
    return lambda facts: facts.status in statuses


def coded(*codes: str) -> Callable[[Facts], bool]:
    return lambda facts: facts.error.code in codes


def says(status: int, *phrases: str) -> Callable[[Facts], bool]:
    return lambda facts: facts.status == status and any(phrase in facts.text for phrase in phrases)


def is_success(facts: Facts) -> bool:
    return facts.reply.fault is None and 200 <= facts.status < 300 and not facts.is_html  # noqa: PLR2004


def is_edge_page(facts: Facts) -> bool:
    """A refusal that is not Anthropic's API speaking: an edge in front of it, a wrong base URL, or blocked egress."""
    return facts.status in {401, 403, 404} and (not facts.error.known or facts.error.type == "forbidden")


def names_the_model(facts: Facts) -> bool:
    named = bool(facts.reply.model) and facts.reply.model.lower() in facts.text
    return facts.status in {403, 404} and facts.error.known and (named or "model" in facts.text)


def names_a_feature(facts: Facts) -> bool:
    words = ("feature", "beta", "header", "tool", "fast mode", "speed", "long context", "inference_geo", "mcp")
    return facts.status == 403 and any(word in facts.text for word in words)  # noqa: PLR2004
