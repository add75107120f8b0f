"""Reading what an answer cost from the answer itself. Pure.

Anthropic reports usage as it goes: the input side in `message_start`, cumulative sums in each `message_delta`. What
counts is the last value of each field that was not null; speed, tier and geography come with the first report only.
"""

from collections.abc import Mapping
from typing import Final, Self

import msgspec

from quota.records import TokenUsage

_UNREPORTED: Final[Mapping[str, object]] = {}


class Reading(msgspec.Struct, frozen=True):
    """What is known so far about one answer. `fields` is Anthropic's usage object as it stands."""

    fields: Mapping[str, object] = msgspec.field(default_factory=dict)
    model: str = ""

    @property
    def reported(self) -> bool:
        """Whether any usage was seen at all."""
        return bool(self.fields)

    @property
    def tokens(self) -> TokenUsage:
        """The usage by kind of token."""
        return TokenUsage.from_api(self.fields)

    @property
    def speed(self) -> str:
        """`standard` or `fast`."""
        return self._word("speed") or "standard"

    @property
    def geo(self) -> str:
        """Where it was computed: `us`, or nothing in particular."""
        return self._word("inference_geo")

    def overwritten(self, later: Mapping[str, object]) -> Self:
        """Give the reading after a later report: its fields that are not null win."""
        known = {name: value for name, value in later.items() if value is not None}
        return type(self)({**self.fields, **known}, self.model)

    def _word(self, name: str) -> str:
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


class _Message(msgspec.Struct):
    """The few fields of a message that matter here; anything odd in them is for the caller to find out."""

    usage: object = None
    model: object = None
    type: object = None


class _Event(msgspec.Struct):
    type: object = None
    message: _Message | None = None
    usage: object = None


class _Anything(msgspec.Struct):
    """Reads no field, but the syntax of all of them."""


_object_decoder: Final = msgspec.json.Decoder(_Anything)
_message_decoder: Final = msgspec.json.Decoder(_Message)
_event_decoder: Final = msgspec.json.Decoder(_Event)


def read_message(body: bytes) -> Reading | None:
    """Read a whole JSON answer. None if it is not a JSON object; no usage in it (a token count) is an empty reading."""
    try:
        message = _message_decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return _reading(message) if _is_utf8(body) else None


def read_event(data: bytes, *, so_far: Reading) -> Reading | None:
    """Read the data of a `message_start` or `message_delta`. None if it is not what such an event carries."""
    try:
        event = _event_decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not _is_utf8(data):
        return None
    if event.message is not None:
        return _reading(event.message)
    return so_far.overwritten(_fields(event.usage))


def is_json_object(data: bytes) -> bool:
    """Say whether `data` is a JSON object in UTF-8, without building it."""
    try:
        _object_decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return data.isascii() or _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    """Check what the decoder leaves out: the texts it skips."""
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _reading(message: _Message) -> Reading:
    known = {name: value for name, value in _fields(message.usage).items() if value is not None}
    return Reading(known, message.model if isinstance(message.model, str) else "")


def _fields(usage: object) -> Mapping[str, object]:
    return usage if isinstance(usage, dict) else _UNREPORTED
