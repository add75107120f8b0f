"""How much memory the bodies of one process's requests may take together. Pure: counting, nothing else."""

from dataclasses import dataclass, field
from typing import Final

from gateway.errors import CallerRefused
from gateway.paths import FILE_MAX, MEBIBYTE

FREE: Final = MEBIBYTE // 4
"""Bytes of each body that are not counted: nearly all requests are smaller, and those shall always get in."""
BODY_MEMORY: Final = 1_024 * MEBIBYTE
"""Room for two of the largest files, or for thirty of the largest messages, at once."""


@dataclass(slots=True)
class BodyMemory:
    """What is free of `limit` bytes. One file of the largest kind must fit."""

    limit: int = BODY_MEMORY
    held: int = 0

    def __post_init__(self) -> None:
        if self.limit < FILE_MAX:
            raise ValueError(f"{self.limit} bytes are too few for the largest file")

    def share(self) -> "Share":
        """Begin to count for one request."""
        return Share(self)


@dataclass(slots=True)
class Share:
    """What one request holds of it. Give it back when the request is over."""

    memory: BodyMemory
    held: int = field(default=0, init=False)

    def grow_to(self, size: int) -> None:
        """Count a body of `size` bytes so far. Raises `CallerRefused` (529) when there is no room for it."""
        more = size - FREE - self.held
        if more <= 0:
            return
        self.expect(size)
        self.held += more
        self.memory.held += more

    def expect(self, size: int) -> None:
        """Look whether a body of `size` bytes would fit now. Raises `CallerRefused` (529) if not."""
        if self.memory.held + size - FREE - self.held > self.memory.limit:
            raise CallerRefused(529, "overloaded_error", _FULL, headers=(("retry-after", "2"), ("connection", "close")))

    def give_back(self) -> None:
        """The body is needed no more."""
        self.memory.held -= self.held
        self.held = 0


_FULL: Final = "Too many large requests are under way in this server at the moment. Try again."
