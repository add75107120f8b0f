"""Events as they are sent, and the order of their ids. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_ID: Final = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?")
BEGINNING: Final = "0-0"
"""Before every entry of a stream."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing said to a listener. `text` is JSON with `type` in it; `id` is a stream id."""

    id: str
    kind: str
    text: str
    account: str = ""
    session: str = ""


def order(entry_id: str) -> tuple[int, int] | None:
    """Where an id stands among others; None if it is none."""
    found = _ID.fullmatch(entry_id)
    return (int(found[1]), int(found[2] or 0)) if found else None


def text_of(said: Mapping[str, Any]) -> str:
    """JSON on one line, which holds no line break whatever is in it."""
    return json.dumps(said, separators=(",", ":"))
