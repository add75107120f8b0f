"""Reading a body: JSON that can be read in one way only."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

_NOT_JSON = "The body is not valid JSON."


class StrictJson(BaseParser):
    """No repeated keys, no NaN, no bottomless nesting. Complaints never quote the body, which may hold a key."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        try:
            return json.loads(stream.read().decode(), object_pairs_hook=_once, parse_constant=_refused)
        except (ValueError, RecursionError):
            raise ParseError(_NOT_JSON) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refused(_: str) -> NoReturn:
    raise ValueError
