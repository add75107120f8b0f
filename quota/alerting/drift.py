"""Where Anthropic's word and ours part: counts of an account, and the rate limits of an organization. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile
from typing import Final

from quota.alerting.values import (
    AllowedFacts,
    Cause,
    CauseKind,
    Compared,
    Finding,
    Level,
    LimitsChanged,
    Scene,
    Subject,
    Tolerance,
)
from quota.alerting.wording import dollars
from quota.engine.types import Metric, Window
from quota.engine.views import PoolSnapshot
from quota.organizations.counts import Count, Line

_RPM: Final = (Metric.REQUESTS, Window.MINUTE)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two counts that are too far apart: of what, and the first day of it."""

    detail: str
    when: str
    ours: Count
    theirs: Count
    since: date


def drifts(scene: Scene) -> Iterator[Finding]:
    """Accounts whose counts are too far apart, today or on the last final day, and over its month."""
    if scene.tolerance is None:
        return
    for id_, facts in scene.accounts.items():
        compared = scene.told.compared.get(id_)
        for found in differences(compared, scene.tolerance) if compared else ():
            yield _finding(id_, facts.name, found, counted=scene.counts_foreign)


def differences(compared: Compared, tolerance: Tolerance) -> Iterator[Difference]:
    """At most one of a day and one of a month."""
    settled = [line for line in compared.lines if line.final]
    if day := _day(compared, settled, tolerance):
        yield day
    if month := _month(compared, settled, tolerance):
        yield month


def apart(ours: Count, theirs: Count, tolerance: Tolerance) -> bool:
    """Whether they are, in tokens or in money; money that is not told does not count."""
    pairs = [(ours.tokens, theirs.tokens, tolerance.tokens)]
    if ours.cost_nano is not None and theirs.cost_nano is not None:
        pairs.append((ours.cost_nano, theirs.cost_nano, tolerance.cost_nano))
    return any(_far(left, right, at_least, percent=tolerance.percent) for left, right, at_least in pairs)


def _far(left: int, right: int, at_least: int, *, percent: int) -> bool:
    difference = abs(left - right)
    return difference >= max(at_least, 1) and difference * 100 > max(left, right) * percent


def _day(compared: Compared, settled: Sequence[Line], tolerance: Tolerance) -> Difference | None:
    """A day that is not final can only be short at Anthropic's: there, only what it has more of is a difference."""
    last = compared.final - timedelta(days=1)
    lines = [_only_more(line) for line in compared.lines if not line.final] + [it for it in settled if it.day == last]
    found = next((line for line in lines if apart(line.ours, line.theirs, tolerance)), None)
    if found is None:
        return None
    run = takewhile(lambda line: apart(line.ours, line.theirs, tolerance), _before(settled, found.day))
    since = min((line.day for line in run), default=found.day)
    return Difference("day", f"on {found.day}", found.ours, found.theirs, since)


def _only_more(line: Line) -> Line:
    theirs, cost = line.theirs, line.theirs.cost_nano
    if cost is not None and line.ours.cost_nano is not None:
        cost = max(cost, line.ours.cost_nano)
    raised = Count(max(theirs.tokens, line.ours.tokens), cost)
    return Line(line.account, line.day, line.ours, raised, line.final)


def _before(settled: Sequence[Line], day: date) -> Iterator[Line]:
    """The lines of the days right before it, as long as none is missing."""
    by_day = {line.day: line for line in settled}
    while (day := day - timedelta(days=1)) in by_day:
        yield by_day[day]


def _month(compared: Compared, settled: Sequence[Line], tolerance: Tolerance) -> Difference | None:
    first = (compared.final - timedelta(days=1)).replace(day=1)
    lines = [line for line in settled if line.day >= first]
    ours = sum((line.ours for line in lines), start=Count())
    theirs = sum((line.theirs for line in lines), start=Count())
    if not apart(ours, theirs, tolerance):
        return None
    far = [line.day for line in lines if apart(line.ours, line.theirs, tolerance)]
    since = min(far or [line.day for line in lines if line.ours != line.theirs])
    return Difference("month", f"in {first:%Y-%m}, up to {compared.final - timedelta(days=1)}", ours, theirs, since)


def _finding(id_: str, name: str, found: Difference, *, counted: bool) -> Finding:
    more = found.theirs.tokens >= found.ours.tokens
    meaning = _MORE if more else _LESS
    counts = " It counts against the account's limits." if more and counted else ""
    text = (
        f"{found.when.capitalize()} Anthropic counted {_count(found.theirs)}, we counted {_count(found.ours)}. "
        f"Apart since {found.since}. {meaning}{counts}"
    )
    cause = Cause(CauseKind.DRIFT, Subject.ACCOUNT, id_, found.detail)
    return Finding(cause, Level.WARNING, name, f"{name}: Anthropic's count of the {found.detail} is not ours", text)


_MORE: Final = "What we did not count has not passed through this pool: its key is used elsewhere, or a call was lost."
_LESS: Final = "We count what Anthropic does not: calls charged by estimate, or an account that holds another key."


def _count(count: Count) -> str:
    money = "" if count.cost_nano is None else f" ({dollars(count.cost_nano)})"
    return f"{count.tokens:,} tokens{money}"


def rate_limits(scene: Scene, snapshot: PoolSnapshot) -> Iterator[Finding]:
    """Organizations whose accounts here may ask more often than Anthropic allows, and what Anthropic changed."""
    wanted: dict[str, int] = {}
    for account in snapshot.configuration:
        if account.enabled and account.organization:
            rpm = sum(one.amount for one in account.limits if (one.metric, one.window) == _RPM)
            wanted[account.organization] = wanted.get(account.organization, 0) + rpm
    for id_, asked in wanted.items():
        if allowed := scene.told.allowed.get(id_):
            yield from _too_many(id_, allowed, asked)
            yield from (_changed(id_, allowed.name, change) for change in allowed.changed)


def _too_many(id_: str, allowed: AllowedFacts, asked: int) -> Iterator[Finding]:
    group, most = max(allowed.requests_per_minute.items(), key=lambda it: it[1], default=("", asked))
    if asked > most:
        cause = Cause(CauseKind.RATE_LIMITS, Subject.ORGANIZATION, id_, "requests per minute")
        text = (
            f"Its accounts here may send {asked:,} requests per minute together. Anthropic allows no group of models "
            f"more than {most:,} ({group}), and accounts of one organization share that. Lower their limits, or ask "
            "Anthropic for more."
        )
        title = f"{allowed.name}: more requests per minute than Anthropic allows"
        yield Finding(cause, Level.WARNING, allowed.name, title, text)


def _changed(id_: str, name: str, change: LimitsChanged) -> Finding:
    cause = Cause(CauseKind.RATE_LIMITS, Subject.ORGANIZATION, id_, f"changed {change.group}")
    words = [
        f"{kind.replace('_', ' ')}: {_amount(change.before.get(kind))} before, {_amount(change.now.get(kind))} now"
        for kind in sorted(change.before.keys() | change.now.keys())
        if change.before.get(kind) != change.now.get(kind)
    ]
    text = f"Noticed {change.at:%Y-%m-%d %H:%M} UTC. {'; '.join(words)}. Look whether the limits of its accounts fit."
    return Finding(cause, Level.WARNING, name, f"{name}: Anthropic changed the limits of {change.group}", text)


def _amount(limit: int | None) -> str:
    return "none" if limit is None else f"{limit:,}"
