"""Reading a batch's results for what they used. Pure; they may be huge, so they are read line by line."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import msgspec

from gateway.usage import Reading, read_message
from quota.pricing import price
from quota.records import TokenUsage

_NOTHING: Final = msgspec.Raw(b"")


@dataclass(frozen=True, slots=True)
class Part:
    """What all answers of one model used together. `known` is False if the model has no price of its own."""

    model: str
    answers: int = 0
    usage: TokenUsage = field(default_factory=TokenUsage)
    cost_nano: int = 0
    known: bool = True


class _Result(msgspec.Struct):
    type: object = None
    message: msgspec.Raw = _NOTHING


class _Line(msgspec.Struct):
    result: _Result


_decoder: Final = msgspec.json.Decoder(_Line)


class Results:
    """Feed it the bytes as they come; `parts` is what they have come to. Only what succeeded is billed."""

    def __init__(self, *, on: date) -> None:
        self._on = on
        self._pieces: list[bytes] = []
        self._parts: dict[str, Part] = {}
        self.unreadable = 0
        """Lines that made no sense."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts[model] for model in sorted(self._parts))

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._pieces.append(chunk)
        if b"\n" in chunk:
            *lines, rest = b"".join(self._pieces).split(b"\n")
            self._pieces = [rest]
            for line in lines:
                self._read(line)

    def end(self) -> None:
        """Take what stands after the last line break as a line, too."""
        last, self._pieces = b"".join(self._pieces), []
        self._read(last)

    def _read(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            result = _decoder.decode(line).result
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.unreadable += 1
            return
        if result.type == "succeeded":
            self._count(read_message(bytes(result.message)))

    def _count(self, reading: Reading | None) -> None:
        if reading is None or not reading.reported:
            self.unreadable += 1
            return
        usage = reading.tokens
        cost = price(model=reading.model, usage=usage, on=self._on, speed=reading.speed, geo=reading.geo, batch=True)
        part = self._parts.get(reading.model, Part(reading.model))
        self._parts[reading.model] = replace(
            part,
            answers=part.answers + 1,
            usage=part.usage + usage,
            cost_nano=part.cost_nano + cost.nano,
            known=part.known and cost.known,
        )
