"""Names of models: which are the same, and which share one limit at Anthropic. Pure.

Anthropic counts rate limits per *group* of models (its page on them, as of 2026-11): all Fable 5.x together,
all Opus 4.x together, all Sonnet 4.x together; Opus 5, Opus 5.5, Sonnet 5, Sonnet 5.5, Haiku 4.5 and
Haiku 5.5 each alone.
"""

import re
from functools import lru_cache
from typing import Final

NAMES_REMEMBERED: Final = 1_024
"""A handful is in use; the bound is for callers who make names up."""
_DATED: Final = re.compile(r"-(\d{8}|latest)$")
_VERSIONED: Final = re.compile(r"^claude-(?P<family>[a-z]+)-(?P<major>\d+)(-\d+)?$")
_SHARED: Final = {("fable", "5"), ("mythos", "5"), ("opus", "4"), ("sonnet", "4")}
"""Families whose minor versions count together."""


@lru_cache(maxsize=NAMES_REMEMBERED)
def undated(model: str) -> str:
    """Drop the date of a snapshot: `claude-haiku-4-5-20251001` is `claude-haiku-4-5`."""
    return _DATED.sub("", model.strip().lower())


@lru_cache(maxsize=NAMES_REMEMBERED)
def group_of(model: str) -> str:
    """Name the group in which the model's limits count; a model nobody knows is a group of its own."""
    name = undated(model)
    version = _VERSIONED.match(name)
    if version and (version["family"], version["major"]) in _SHARED:
        return f"{version['family']}-{version['major']}"
    return name.removeprefix("claude-")
