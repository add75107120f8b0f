"""What a fault sees of one request, and the ordinary answer it may use, change or leave out."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simulator.errors import ApiError, envelope_bytes
from simulator.reply import Reply


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart upload."""

    name: str
    filename: str | None
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as values. `origin` is scheme and host as the client addressed us."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    origin: str = "http://simulator"

    def first(self, name: str) -> str | None:
        """Give the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None

    def every(self, name: str) -> list[str]:
        """Give all values of an array parameter, written as `name[]=` or repeated."""
        return [*self.query.get(f"{name}[]", ()), *self.query.get(name, ())]


@dataclass
class Scene:
    """One request at the moment a fault decides. `normal` computes (and charges) the ordinary answer."""

    incoming: Incoming
    account: str
    request_id: str
    identity: Mapping[str, str]
    now: float
    rng: random.Random
    normal: Callable[[], Reply]
    rate_headers: Callable[[str], Mapping[str, str]]

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The JSON body, or nothing."""
        try:
            parsed = json.loads(self.incoming.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model", ""))

    def error(self, error: ApiError) -> Reply:
        """Give an error answer in Anthropic's envelope."""
        return error_reply(error, request_id=self.request_id, identity=self.identity)


def error_reply(error: ApiError, *, request_id: str, identity: Mapping[str, str]) -> Reply:
    """Write an error with its identity headers."""
    body = envelope_bytes(type=error.type, message=error.message, request_id=request_id, code=error.code)
    headers = {"content-type": "application/json", "request-id": request_id, **identity, **error.headers}
    return Reply(error.status, headers, (body,))


def json_reply(payload: object, *, status: int = 200) -> Reply:
    """Write a JSON answer; the identity headers are added at the front door."""
    return Reply(status, {"content-type": "application/json"}, (json.dumps(payload).encode(),))
