"""What the orchestrator accepts: one strict reading of its body. Pure."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.errors import InvalidCall

MESSAGE_MAX: Final = 1_000_000
SYSTEM_MAX: Final = 200_000
MAX_TOKENS_DEFAULT: Final = 4_096
MAX_TOKENS_MAX: Final = 128_000
NAME_MAX: Final = 200

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,49}")


@dataclass(frozen=True, slots=True)
class Order:
    """One request to the orchestrator. `model` is empty if the caller leaves the choice to us."""

    message: str = field(repr=False)
    system: str = field(default="", repr=False)
    model: str = ""
    max_tokens: int = MAX_TOKENS_DEFAULT
    category: str = ""
    session_id: str = ""
    stream: bool = False


def read_order(body: bytes) -> Order:
    """Read a request body. Raises `InvalidCall`, which names every field that is wrong."""
    fields = _object(body)
    reader = _Reader(fields)
    order = Order(
        message=reader.text("message", longest=MESSAGE_MAX, required=True),
        system=reader.text("system", longest=SYSTEM_MAX),
        model=reader.matching("model", _MODEL, "a model's name, such as claude-sonnet-5-5"),
        max_tokens=reader.number("max_tokens", default=MAX_TOKENS_DEFAULT, lowest=1, highest=MAX_TOKENS_MAX),
        category=reader.matching("category", _LABEL, "at most 50 letters, digits, spaces and . _ : / -"),
        session_id=reader.printable("session_id", longest=NAME_MAX),
        stream=reader.flag("stream"),
    )
    reader.finish()
    return order


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InvalidCall("The body is not valid JSON.", details={}, code="invalid_json") from None
    if not isinstance(document, dict):
        raise InvalidCall("The body must be a JSON object.", details={})
    return document


class _Reader:
    """Takes fields out one by one and collects what is wrong with them."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = dict(fields)
        self._wrong: dict[str, str] = {}

    def text(self, name: str, *, longest: int, required: bool = False) -> str:
        """A text; `null` and absence are the same. A required one has more in it than white space."""
        value = self._fields.pop(name, None)
        if value is None or value == "":
            return self._refuse(name, "is required") if required else ""
        if not isinstance(value, str):
            return self._refuse(name, "must be a text")
        if required and not value.strip():
            return self._refuse(name, "must not be blank")
        if len(value) > longest:
            return self._refuse(name, f"must have at most {longest} characters")
        return value

    def printable(self, name: str, *, longest: int) -> str:
        """A text on one line, without control characters."""
        value = self.text(name, longest=longest)
        return value if value.isprintable() else self._refuse(name, "must not have control characters")

    def matching(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        """A text of a certain form."""
        value = self.text(name, longest=NAME_MAX)
        return value if not value or pattern.fullmatch(value) else self._refuse(name, f"must be {meaning}")

    def number(self, name: str, *, default: int, lowest: int, highest: int) -> int:
        """A whole number within bounds; `true` is no number."""
        value = self._fields.pop(name, None)
        if value is None:
            return default
        if type(value) is not int or not lowest <= value <= highest:
            self._refuse(name, f"must be a whole number from {lowest} to {highest}")
            return default
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._fields.pop(name, None)
        if value is not None and not isinstance(value, bool):
            self._refuse(name, "must be true or false")
        return value is True

    def finish(self) -> None:
        """Raise `InvalidCall` if anything was wrong, fields that nobody asked for included."""
        for name in self._fields:
            self._wrong[name[:60]] = "is not a field of this request"
        if self._wrong:
            first = next(iter(self._wrong.items()))
            raise InvalidCall(f"{first[0]} {first[1]}.", details=self._wrong)

    def _refuse(self, name: str, why: str) -> str:
        self._wrong[name] = why
        return ""
