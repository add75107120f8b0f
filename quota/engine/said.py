"""What an answer's headers say of Anthropic's own limits: values only. Units are those of `types`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MINUTE_MS: Final = 60_000
"""In which each of Anthropic's rate limits fills from empty to full, where nothing else is said."""


class Dimension(StrEnum):
    """What Anthropic counts, for each model group of an organization."""

    REQUESTS = "requests"
    INPUT = "input tokens"
    OUTPUT = "output tokens"
    TOKENS = "tokens"
    """The most restrictive limit in force, else input and output together."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit as it was told. `remaining` is below zero where the reset shows that more than everything is gone."""

    dimension: Dimension
    limit: int
    remaining: int
    window_ms: int = MINUTE_MS


@dataclass(frozen=True, slots=True)
class Said:
    """What one answer told, and what its call took by Anthropic's own way of counting."""

    group: str
    buckets: tuple[Bucket, ...] = ()
    after_ms: int = 0
    """How long after the lease was granted it was true, as far as is known; 0 is the cautious answer."""
    input_tokens: int = 0
    """Those that count: what was read from the prompt cache does not."""
    output_tokens: int = 0
