"""Which of the waiting letters go now, together or alone, and which are not worth sending any more. Pure.

# Note [Order]
#     Several workers write letters, so a later step of a thread may be there before an earlier one. A lasting letter
#     waits for the one before it, but not forever. Any other gives way: once a later step of its thread waits or was
#     sent there is no use in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PATIENCE_MS: Final = 60_000
"""How long the letters of a thread wait for one that comes before them."""
PROGRESS_MS: Final = 10_000
"""Progress is told at most once in this time, in one thread."""
TOGETHER: Final = 20
"""Letters in one digest."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter as the plan needs it. Times are milliseconds since 1970."""

    id: int
    event: str
    thread: str
    place: int
    lasting: bool
    progress: bool
    made_ms: int
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thread:
    """What was sent of a thread: its latest place and when, and the handle of its first message (to answer to)."""

    place: int = 0
    sent_ms: int = 0
    root: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """`send` leaves as one message. `skip` is never sent."""

    send: tuple[Waiting, ...] = ()
    skip: tuple[Waiting, ...] = ()


def planned(
    waiting: Sequence[Waiting], threads: Mapping[str, Thread], *, now_ms: int, together: int = TOGETHER
) -> Plan:
    """What to do with these, oldest first; `together` is how many one message may hold."""
    skip = tuple(letter for letter in waiting if _useless(letter, waiting, threads))
    left = [letter for letter in waiting if letter not in skip]
    return Plan(tuple(_ready(left, threads, now_ms=now_ms))[:together], skip)


def _useless(letter: Waiting, waiting: Sequence[Waiting], threads: Mapping[str, Thread]) -> bool:
    if letter.place and letter.place <= threads.get(letter.thread, Thread()).place:
        return True
    return not letter.lasting and any(
        other.thread == letter.thread and other.place > letter.place for other in waiting if other is not letter
    )


def _ready(waiting: Sequence[Waiting], threads: Mapping[str, Thread], *, now_ms: int) -> Iterator[Waiting]:
    reached = {name: thread.place for name, thread in threads.items()}
    since: dict[str, tuple[int, int]] = {}
    for letter in waiting:
        at = (letter.made_ms, letter.id)
        since[letter.thread] = min(at, since.get(letter.thread, at))
    for letter in sorted(waiting, key=lambda it: (since[it.thread], it.place, it.id)):
        if letter.progress and now_ms - threads.get(letter.thread, Thread()).sent_ms < PROGRESS_MS:
            continue
        due = letter.place <= reached.get(letter.thread, 0) + 1 or now_ms - since[letter.thread][0] >= PATIENCE_MS
        if due or not letter.lasting:
            reached[letter.thread] = letter.place
            yield letter
