"""Two counts of the same usage side by side: ours and Anthropic's. Pure; money in nano-dollars."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from quota.engine.types import Foreign


@dataclass(frozen=True, slots=True)
class Count:
    """`cost_nano` is None where it is not told by key."""

    tokens: int = 0
    cost_nano: int | None = 0

    def __add__(self, other: "Count") -> "Count":
        known = self.cost_nano is not None and other.cost_nano is not None
        return Count(self.tokens + other.tokens, (self.cost_nano or 0) + (other.cost_nano or 0) if known else None)


Counts = Mapping[tuple[str, date], Count]
"""By account and UTC day."""


@dataclass(frozen=True, slots=True)
class Line:
    """One account on one day. `final`: Anthropic's count is complete."""

    account: str
    day: date
    ours: Count
    theirs: Count
    final: bool

    @property
    def tokens(self) -> int:
        """Theirs less ours: positive is usage that did not pass through us."""
        return self.theirs.tokens - self.ours.tokens

    @property
    def cost_nano(self) -> int | None:
        if self.theirs.cost_nano is None or self.ours.cost_nano is None:
            return None
        return self.theirs.cost_nano - self.ours.cost_nano

    @property
    def drift_ppm(self) -> int:
        """The difference in tokens, in parts per million of the larger count."""
        larger = max(self.ours.tokens, self.theirs.tokens)
        return abs(self.tokens) * 1_000_000 // larger if larger else 0


def lines(ours: Counts, theirs: Counts, *, complete_until: datetime | None, now: datetime) -> list[Line]:
    """Put the two counts side by side, the latest day first."""
    final = final_day(complete_until, now=now)
    places = sorted(ours.keys() | theirs.keys(), key=lambda place: (-place[1].toordinal(), place[0]))
    return [
        Line(account, day, ours.get((account, day), Count()), theirs.get((account, day), Count()), final=day < final)
        for account, day in places
    ]


def final_day(complete_until: datetime | None, *, now: datetime) -> date:
    """The first UTC day of which Anthropic's count is not complete; where it does not say, yesterday."""
    return (complete_until or now - timedelta(days=1)).astimezone(UTC).date()


def beyond(ours: Mapping[date, Count], theirs: Mapping[date, Count], *, today: date) -> Foreign:
    """What one account used in today's month, and today, that Anthropic counted and we did not.

    A month is compared as a whole: a call around midnight may be in one day of ours and in the next of theirs.
    """
    day = _excess(ours.get(today, Count()), theirs.get(today, Count()))
    month = _excess(_month(ours, today), _month(theirs, today))
    return Foreign(day_tokens=day[0], day_cost=day[1], month_tokens=month[0], month_cost=month[1])


def _excess(ours: Count, theirs: Count) -> tuple[int, int]:
    cost = 0 if theirs.cost_nano is None else theirs.cost_nano - (ours.cost_nano or 0)
    return max(0, theirs.tokens - ours.tokens), max(0, cost)


def _month(counts: Mapping[date, Count], today: date) -> Count:
    first = today.replace(day=1)
    return sum((count for day, count in counts.items() if first <= day <= today), start=Count())
