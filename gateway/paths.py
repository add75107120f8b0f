"""What the gateway answers of Anthropic's addresses; one that is not here does not exist. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gateway.errors import CallerRefused

MEBIBYTE: Final = 1024 * 1024
MESSAGE_MAX: Final = 32 * MEBIBYTE
"""Anthropic's own limit for messages and token counts; it answers 413 beyond it."""
BATCH_MAX: Final = 256 * MEBIBYTE
FILE_MAX: Final = 500 * MEBIBYTE
"""Anthropic's own limits again."""


class Kind(StrEnum):
    """What an address is about."""

    MESSAGE = ""
    MODEL = "model"
    BATCH = "batch"
    FILE = "file"
    SKILL = "skill"


class Action(StrEnum):
    """What a request does to a resource; each of them goes to the account that holds it."""

    NONE = ""
    CREATE = "create"
    LIST = "list"
    USE = "use"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `body_max` is in bytes; `kind` and `action` say what is done to which sort of resource."""

    method: str
    pattern: re.Pattern[str]
    body_max: int = 0
    kind: Kind = Kind.MESSAGE
    action: Action = Action.NONE


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and the resource's id that stands in the address."""

    route: Route
    id: str = ""


_ID: Final = r"[A-Za-z0-9._:@\-]{1,200}"

_VERSIONS: Final = (
    ("GET", "/versions"),
    ("POST", "/versions"),
    ("GET", rf"/versions/{_ID}"),
    ("DELETE", rf"/versions/{_ID}"),
    ("GET", rf"/versions/{_ID}/content"),
)


def _addresses(kind: Kind, base: str, body_max: int, *below: tuple[str, str]) -> Iterator[Route]:
    one = rf"{base}/(?P<id>{_ID})"
    yield Route("POST", re.compile(base), body_max, kind, Action.CREATE)
    yield Route("GET", re.compile(base), 0, kind, Action.LIST)
    yield Route("GET", re.compile(one), 0, kind, Action.USE)
    yield Route("DELETE", re.compile(one), 0, kind, Action.DELETE)
    for method, rest in below:
        yield Route(method, re.compile(one + rest), body_max if method == "POST" else 0, kind, Action.USE)


ROUTES: Final = (
    Route("POST", re.compile(r"/v1/messages"), MESSAGE_MAX),
    Route("POST", re.compile(r"/v1/messages/count_tokens"), MESSAGE_MAX),
    Route("GET", re.compile(r"/v1/models"), kind=Kind.MODEL),
    Route("GET", re.compile(rf"/v1/models/(?P<id>{_ID})"), kind=Kind.MODEL),
    *_addresses(Kind.BATCH, "/v1/messages/batches", BATCH_MAX, ("POST", "/cancel"), ("GET", "/results")),
    *_addresses(Kind.FILE, "/v1/files", FILE_MAX, ("GET", "/content")),
    *_addresses(Kind.SKILL, "/v1/skills", MESSAGE_MAX, *_VERSIONS),
)


@lru_cache(maxsize=1_024)
def route(method: str, path: str) -> Found:
    """Find who answers. Raises `CallerRefused`: 404 for an unknown address, 405 for another method."""
    there = [one for one in ROUTES if one.pattern.fullmatch(path)]
    for one in there:
        if one.method == method:
            return Found(one, _id(one, path))
    if there:
        allowed = ", ".join(one.method for one in there)
        raise CallerRefused(405, "invalid_request_error", f"Use {allowed} here.", headers=(("allow", allowed),))
    raise CallerRefused(404, "not_found_error", "This pool answers no such address.")


def _id(found: Route, path: str) -> str:
    match = found.pattern.fullmatch(path)
    return match.groupdict().get("id", "") if match else ""
