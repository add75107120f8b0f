"""What the gateway answers of Anthropic's addresses; one that is not here does not exist. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from gateway.errors import CallerRefused

MEBIBYTE: Final = 1024 * 1024
MESSAGE_MAX: Final = 32 * MEBIBYTE
"""Anthropic's own limit for messages and token counts; it answers 413 beyond it."""


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `body_max` is in bytes."""

    method: str
    pattern: re.Pattern[str]
    body_max: int = 0


_ID: Final = r"[A-Za-z0-9._:@\-]{1,200}"

ROUTES: Final = (
    Route("POST", re.compile(r"/v1/messages"), MESSAGE_MAX),
    Route("POST", re.compile(r"/v1/messages/count_tokens"), MESSAGE_MAX),
    Route("GET", re.compile(r"/v1/models")),
    Route("GET", re.compile(rf"/v1/models/{_ID}")),
)


def route(method: str, path: str) -> Route:
    """Find who answers. Raises `CallerRefused`: 404 for an unknown address, 405 for another method."""
    there = [one for one in ROUTES if one.pattern.fullmatch(path)]
    for one in there:
        if one.method == method:
            return one
    if there:
        allowed = ", ".join(one.method for one in there)
        raise CallerRefused(405, "invalid_request_error", f"Use {allowed} here.", headers=(("allow", allowed),))
    raise CallerRefused(404, "not_found_error", "This pool answers no such address.")
