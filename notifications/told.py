"""What became of the message that a request ended, at each destination that would be told of it now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from notifications.letters import end_of
from notifications.models import Letter, SinkState

NOTHING: Final = "none"
"""No message was written: the worker has not come to it, or it was one too many and only counted."""


@dataclass(frozen=True, slots=True)
class Told:
    """`state`: that of the letter, or NOTHING. `why` says what is in the way, of the message or of its destination."""

    destination: str
    state: str = NOTHING
    at: datetime | None = None
    why: str = ""


def told_of(activity: str, *, destinations: Sequence[str]) -> list[Told]:
    """One for each of these destinations, in their order."""
    letters = {one.sink: one for one in Letter.objects.filter(event=end_of(activity), sink__in=destinations)}
    troubles = dict(SinkState.objects.filter(name__in=destinations).values_list("name", "why"))
    return [_told(name, letters.get(name), troubles.get(name, "")) for name in destinations]


def _told(name: str, letter: Letter | None, trouble: str) -> Told:
    if letter is None:
        return Told(name, why=trouble)
    return Told(name, letter.state, letter.done_at, letter.why or (trouble if letter.state == Letter.WAITING else ""))
