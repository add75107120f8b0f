"""What a request may use, before it is sent. Pure.

The pool chooses how careful to be: `expected` books what such a request usually takes, `worst_case` what it
could take at most, under which not even one answer in flight can push an account over its day.
"""

from datetime import date
from typing import Final, Literal

import msgspec

from quota.pricing import price
from quota.records import TokenUsage

EXPECTED: Final = "expected"
WORST_CASE: Final = "worst_case"
Policy = Literal["expected", "worst_case"]

_BYTES_PER_TOKEN: Final = 4
"""Of JSON with English or code in it; other scripts have fewer, base64 pictures far more."""
_USUAL_OUTPUT: Final = 1_024
"""Tokens taken for an answer where nothing was learned yet."""
_HIDDEN_PROMPT: Final = 1_024
"""Tokens Anthropic adds to a prompt by itself (tool instructions), which no body shows."""


class Estimate(msgspec.Struct, frozen=True):
    """Tokens of all kinds and nano-dollars to reserve."""

    tokens: int
    cost_nano: int
    input_tokens: int = 0
    """Of `tokens`, those of the prompt."""


def estimate(
    *,
    model: str,
    body_bytes: int,
    max_tokens: int,
    policy: Policy,
    on: date,
    expected_output: int | None = None,
    speed: str = "standard",
    geo: str = "",
) -> Estimate:
    """Estimate from the body's size and the answer's cap; `expected_output`: what this model usually answers."""
    worst = policy == WORST_CASE
    usage = _worst(body_bytes, max_tokens) if worst else _usual(body_bytes, max_tokens, expected_output)
    cost = price(model=model, usage=usage, on=on, speed=speed, geo=geo)
    return Estimate(tokens=usage.total, cost_nano=cost.nano, input_tokens=usage.prompt)


def _usual(body_bytes: int, max_tokens: int, expected_output: int | None) -> TokenUsage:
    prompt = -(-max(0, body_bytes) // _BYTES_PER_TOKEN)
    answer = _USUAL_OUTPUT if expected_output is None else max(0, expected_output)
    return TokenUsage(input_tokens=prompt, output_tokens=min(max(0, max_tokens), answer))


def _worst(body_bytes: int, max_tokens: int) -> TokenUsage:
    # No token is shorter than a byte, and nothing in a prompt is dearer than a write to the one-hour cache.
    return TokenUsage(cache_write_1h_tokens=max(0, body_bytes) + _HIDDEN_PROMPT, output_tokens=max(0, max_tokens))
