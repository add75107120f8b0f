"""How much of one account's limits is gone: counters over a sliding minute, a UTC day and a UTC month.

Requests count when they are admitted. Tokens and money are *held* from lease to settlement and then *used*; a check
asks whether used + held + estimate fits. What a lease held belongs to the windows it was granted in and never to
later ones.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field

from quota.engine.calendar import day_end_ms, day_of, month_end_ms, month_of, slot_end_ms, slot_of
from quota.engine.types import NEVER, Foreign, Limit, Metric, Usage, Window
from quota.engine.views import LimitState

SOON_MS = 1_000
"""When only calls under way stand in the way, ask again in a second: they may end at any moment."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of each metric."""

    requests: int = 0
    tokens: int = 0
    cost: int = 0

    def of(self, metric: Metric) -> int:
        return int(getattr(self, metric))

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.requests + other.requests, self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.requests - other.requests, self.tokens - other.tokens, self.cost - other.cost)


NOTHING = Amount()


@dataclass(slots=True)
class Counters:
    """The mutable half of an account's capacity."""

    day: int = 0
    month: int = 0
    used: dict[Window, Amount] = field(default_factory=lambda: {Window.DAY: NOTHING, Window.MONTH: NOTHING})
    held: dict[Window, Amount] = field(default_factory=lambda: {Window.DAY: NOTHING, Window.MONTH: NOTHING})
    foreign: dict[Window, Amount] = field(default_factory=lambda: {Window.DAY: NOTHING, Window.MONTH: NOTHING})
    """That part of `used` which did not pass through the pool."""
    slots: dict[int, Amount] = field(default_factory=dict)
    """What was admitted in each of the last 61 seconds, settled or not."""

    @classmethod
    def restored(cls, usage: Usage) -> "Counters":
        counters = cls(day=usage.day, month=month_of(usage.day))
        counters.used[Window.DAY] = Amount(usage.day_requests, usage.day_tokens, usage.day_cost)
        counters.used[Window.MONTH] = Amount(usage.month_requests, usage.month_tokens, usage.month_cost)
        return counters

    def copied(self) -> "Counters":
        """Counters of their own; amounts never change, so these are shared."""
        copied = copy(self)
        copied.used, copied.held, copied.foreign = dict(self.used), dict(self.held), dict(self.foreign)
        copied.slots = dict(self.slots)
        return copied

    def roll(self, now_ms: int) -> None:
        """Leave behind the windows that have ended."""
        day = day_of(now_ms)
        if day != self.day:
            self._clear(Window.DAY)
            if month_of(day) != self.month:
                self._clear(Window.MONTH)
            self.day, self.month = day, month_of(day)
        for slot in [slot for slot in self.slots if slot_end_ms(slot) <= now_ms]:
            del self.slots[slot]

    def _clear(self, window: Window) -> None:
        self.used[window] = self.held[window] = self.foreign[window] = NOTHING

    def set_foreign(self, foreign: Foreign) -> None:
        """Count this, in the place of what was said before. The windows must have been rolled."""
        said = {
            Window.DAY: Amount(0, foreign.day_tokens, foreign.day_cost),
            Window.MONTH: Amount(0, foreign.month_tokens, foreign.month_cost),
        }
        for window, amount in said.items():
            self.used[window] += amount - self.foreign[window]
        self.foreign = said

    def gone(self, window: Window) -> Amount:
        """Used and held together."""
        if window is Window.MINUTE:
            return sum(self.slots.values(), start=NOTHING)
        return self.used[window] + self.held[window]

    def reserve(self, amount: Amount, *, now_ms: int) -> None:
        once = Amount(requests=amount.requests)
        for window in (Window.DAY, Window.MONTH):
            self.used[window] += once
            self.held[window] += amount - once
        self._slot(slot_of(now_ms), amount)

    def replace(self, estimate: Amount, actual: Amount, *, granted_ms: int, still_held: bool) -> None:
        """Put the truth in the place of an estimate, in the windows the lease was granted in."""
        day = day_of(granted_ms)
        for window, same in ((Window.DAY, day == self.day), (Window.MONTH, month_of(day) == self.month)):
            if same and still_held:
                once = Amount(requests=estimate.requests)
                self.held[window] -= estimate - once
                self.used[window] += actual - once
            elif same:
                self.used[window] += actual - estimate
        if slot_of(granted_ms) in self.slots:
            self._slot(slot_of(granted_ms), actual - estimate)

    def _slot(self, slot: int, amount: Amount) -> None:
        self.slots[slot] = self.slots.get(slot, NOTHING) + amount


def obstacles(
    counters: Counters, limits: tuple[Limit, ...], estimate: Amount, *, now_ms: int
) -> Iterator[tuple[Limit, int]]:
    """The limits that the estimate does not fit, each with the first instant at which that may change."""
    for limit in limits:
        asked = estimate.of(limit.metric)
        if counters.gone(limit.window).of(limit.metric) + asked > limit.amount:
            yield limit, _opens_ms(counters, limit, asked=asked, now_ms=now_ms)


def load_ppm(counters: Counters, limits: tuple[Limit, ...], *, in_flight: int, cap: int | None) -> int:
    """The fullest limit in parts per million (1_000_000 = nothing left), in-flight over cap among them."""
    loads = [share_ppm(counters.gone(limit.window).of(limit.metric), limit.amount) for limit in limits]
    if cap is not None:
        loads.append(share_ppm(in_flight, cap))
    return max(loads, default=0)


def share_ppm(part: int, whole: int) -> int:
    """Doubles on purpose: Redis's Lua has no other numbers, and both must agree to the last digit."""
    return min(int(part / whole * 1e6), 1 << 30) if whole > 0 else 1 << 30


def limit_state(counters: Counters, limit: Limit, *, now_ms: int) -> LimitState:
    gone = counters.gone(limit.window).of(limit.metric)
    held = 0 if limit.window is Window.MINUTE else counters.held[limit.window].of(limit.metric)
    return LimitState(
        limit=limit, used=gone - held, reserved=held, resets_ms=_resets_ms(counters, limit, now_ms=now_ms)
    )


def _opens_ms(counters: Counters, limit: Limit, *, asked: int, now_ms: int) -> int:
    if asked > limit.amount:
        return NEVER
    if limit.window is Window.MINUTE:
        return _minute_opens_ms(counters, limit, asked=asked)
    if counters.used[limit.window].of(limit.metric) + asked <= limit.amount:
        return min(now_ms + SOON_MS, _window_end_ms(counters, limit.window))
    return _window_end_ms(counters, limit.window)


def _minute_opens_ms(counters: Counters, limit: Limit, *, asked: int) -> int:
    excess = counters.gone(Window.MINUTE).of(limit.metric) + asked - limit.amount
    for slot in sorted(counters.slots):
        excess -= counters.slots[slot].of(limit.metric)
        if excess <= 0:
            return slot_end_ms(slot)
    return NEVER


def _window_end_ms(counters: Counters, window: Window) -> int:
    return day_end_ms(counters.day) if window is Window.DAY else month_end_ms(counters.month)


def _resets_ms(counters: Counters, limit: Limit, *, now_ms: int) -> int:
    if limit.window is Window.MINUTE:
        return max((slot_end_ms(slot) for slot in counters.slots), default=now_ms)
    return _window_end_ms(counters, limit.window)
