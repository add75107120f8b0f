"""What a campaign is to be, and what has come of it so far."""

from dataclasses import dataclass, field

from tests.chaos.books import Books
from tests.chaos.caller import Answer
from tests.chaos.faults import KINDS
from tests.chaos.kinds import Kind
from tests.chaos.witness import Log


@dataclass(frozen=True, slots=True)
class Plan:
    """How big it is. `patience` is every deadline towards Anthropic, `thinking` the longest pause of a caller between
    two requests (so that there is time for faults), `seconds` bounds the whole.
    """

    seed: int
    requests: int = 2_000
    concurrency: int = 32
    patience: float = 1.5
    thinking: float = 0.8
    seconds: float = 170.0
    kinds: tuple[Kind, ...] = KINDS
    at_least: int = 20
    """So many kinds must have been met."""


@dataclass(slots=True)
class Campaign:
    """What has happened so far."""

    plan: Plan
    log: Log
    answers: dict[int, Answer] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)
    """By request."""
    alarms: list[str] = field(default_factory=list)
    books: Books | None = None
    seconds: float = 0.0
