"""From a notice to letters, one for each destination that ought to have it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from notifications.kinds import AgentEnded, AgentProgress, AgentStarted, AlertStep, DailySummary, Notice, PoolTroubled
from notifications.slack_messages import Audience

QUIET_MS: Final = 300_000
"""A pool's trouble is over when nothing was heard of it for this long; the engine repeats it each minute."""
_END: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter to be written. `event` names what happened, `thread` what it belongs to, `place` where in that."""

    sink: str
    event: str
    thread: str
    content: Mapping[str, Any]
    at_ms: int
    place: int = 0
    lasting: bool = False
    progress: bool = False
    quiet_ms: int = 0
    """Further signs of the same thread within this time are no news."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a notice is about, as letters have it; the fields are those of `Draft`."""

    event: str
    thread: str
    place: int = 0
    lasting: bool = False
    progress: bool = False
    quiet_ms: int = 0


class Writer(Protocol):
    """A destination that knows how to put a notice."""

    @property
    def name(self) -> str: ...
    def content(self, notice: Notice, /, *, audience: Audience) -> Mapping[str, Any] | None: ...


def drafts(notice: Notice, *, writers: Iterable[Writer], audience: Audience) -> list[Draft]:
    """The letters this notice deserves."""
    subject = subject_of(notice)
    if subject is None:
        return []
    contents = ((writer.name, writer.content(notice, audience=audience)) for writer in writers)
    return [_draft(name, notice, subject, content) for name, content in contents if content is not None]


def subject_of(notice: Notice) -> Subject | None:  # noqa: PLR0911 - a table
    """What a notice is about; None for what is only worth seeing live."""
    match notice.fact:
        case AgentStarted(activity=activity):
            return Subject(f"activity:{activity}:started", f"activity:{activity}", 1)
        case AgentProgress(activity=activity, number=number):
            return Subject(f"activity:{activity}:{number}", f"activity:{activity}", 1 + number, progress=True)
        case AgentEnded(activity=activity):
            return Subject(end_of(activity), f"activity:{activity}", _END)
        case AlertStep(alert=alert, number=number):
            return Subject(f"alert:{alert}:{number}", f"alert:{alert}", number, lasting=True)
        case PoolTroubled(pool=pool):
            thread = f"{notice.kind}:{pool}"
            return Subject(f"{thread}:{notice.id}", thread, lasting=True, quiet_ms=QUIET_MS)
        case DailySummary(pool=pool, day=day):
            return Subject(f"summary:{pool}:{day}", f"summary:{pool}", lasting=True)
    return None


def end_of(activity: str) -> str:
    """The name of the event that this request ended."""
    return f"activity:{activity}:ended"


def _draft(sink: str, notice: Notice, subject: Subject, content: Mapping[str, Any]) -> Draft:
    return Draft(
        sink=sink,
        event=subject.event,
        thread=subject.thread,
        content=content,
        at_ms=notice.at_ms,
        place=subject.place,
        lasting=subject.lasting,
        progress=subject.progress,
        quiet_ms=subject.quiet_ms,
    )
