"""The circuit breaker of one account: values in, values out, `now` is an argument.

closed --threshold failures in a row--> open --open_ms later, at the next lease--> half-open (one probe at a time)
half-open --probe answers--> closed          half-open --probe fails--> open

Every transition starts a new generation. A result that carries an older one changes nothing; a probe whose holder
dies is freed by its lease's deadline, so nobody is blocked for good.
"""

from dataclasses import dataclass, replace

from quota.engine.types import NEVER, BreakerMode, BreakerSettings, BreakerState, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Breaker:
    """`probe` is the lease that holds the half-open slot, '' when it is free."""

    state: BreakerState = BreakerState.CLOSED
    mode: BreakerMode = BreakerMode.AUTO
    generation: int = 0
    failures: int = 0
    successes: int = 0
    until_ms: int = 0
    probe: str = ""
    probe_deadline_ms: int = 0
    why: str = ""


def obstacle(breaker: Breaker, *, now_ms: int) -> tuple[Reason, int] | None:
    """Why the breaker lets nothing through now and until when, or None."""
    match breaker.mode, breaker.state:
        case BreakerMode.FORCED_OPEN, _:
            return Reason.FORCED_OPEN, NEVER
        case BreakerMode.FORCED_CLOSED, _:
            return None
        case _, BreakerState.OPEN if now_ms < breaker.until_ms:
            return Reason.BREAKER_OPEN, breaker.until_ms
        case _, BreakerState.HALF_OPEN if breaker.probe:
            return Reason.PROBING, breaker.probe_deadline_ms
    return None


def grant(breaker: Breaker, *, lease: str, deadline_ms: int) -> Breaker:
    """A lease was given: it is the probe unless the breaker is closed."""
    if breaker.mode is not BreakerMode.AUTO or breaker.state is BreakerState.CLOSED:
        return breaker
    if breaker.state is BreakerState.OPEN:
        breaker = _enter(breaker, BreakerState.HALF_OPEN)
    return replace(breaker, probe=lease, probe_deadline_ms=deadline_ms)


def settle(
    breaker: Breaker,
    *,
    lease: str,
    generation: int,
    verdict: Verdict,
    settings: BreakerSettings,
    now_ms: int,
    why: str = "",
) -> Breaker:
    """What one result does. `verdict` is one of success, failure, alive, neutral."""
    if breaker.mode is not BreakerMode.AUTO:
        return breaker
    if breaker.state is BreakerState.HALF_OPEN and breaker.probe == lease:
        return _probed(breaker, verdict=verdict, settings=settings, now_ms=now_ms, why=why)
    if breaker.state is BreakerState.CLOSED and breaker.generation == generation:
        return _counted(breaker, verdict=verdict, settings=settings, now_ms=now_ms, why=why)
    return breaker


def release(breaker: Breaker, *, lease: str) -> Breaker:
    """The probe's holder is gone without a word: the slot is free, nothing was learned."""
    return replace(breaker, probe="", probe_deadline_ms=0) if breaker.probe == lease else breaker


def extend(breaker: Breaker, *, lease: str, deadline_ms: int) -> Breaker:
    """The probe's lease was renewed."""
    return replace(breaker, probe_deadline_ms=deadline_ms) if breaker.probe == lease else breaker


def reset(breaker: Breaker) -> Breaker:
    """Closed, automatic, nothing remembered, but a new generation."""
    return Breaker(generation=breaker.generation + 1)


def force(breaker: Breaker, *, mode: BreakerMode, why: str) -> Breaker:
    return replace(breaker, mode=mode, generation=breaker.generation + 1, probe="", probe_deadline_ms=0, why=why)


def _probed(breaker: Breaker, *, verdict: Verdict, settings: BreakerSettings, now_ms: int, why: str) -> Breaker:
    if verdict is Verdict.FAILURE:
        return _open(breaker, settings=settings, now_ms=now_ms, why=why)
    freed = replace(breaker, probe="", probe_deadline_ms=0)
    if verdict is Verdict.NEUTRAL:
        return freed
    if breaker.successes + 1 >= settings.successes_to_close:
        return replace(_enter(freed, BreakerState.CLOSED), why="")
    return replace(freed, successes=breaker.successes + 1)


def _counted(breaker: Breaker, *, verdict: Verdict, settings: BreakerSettings, now_ms: int, why: str) -> Breaker:
    if verdict is Verdict.SUCCESS:
        return replace(breaker, failures=0) if breaker.failures else breaker
    if verdict is not Verdict.FAILURE:
        return breaker
    if breaker.failures + 1 < settings.threshold:
        return replace(breaker, failures=breaker.failures + 1)
    return replace(_open(breaker, settings=settings, now_ms=now_ms, why=why), failures=breaker.failures + 1)


def _open(breaker: Breaker, *, settings: BreakerSettings, now_ms: int, why: str) -> Breaker:
    entered = _enter(breaker, BreakerState.OPEN)
    return replace(entered, until_ms=now_ms + settings.open_ms, why=why, failures=breaker.failures)


def _enter(breaker: Breaker, state: BreakerState) -> Breaker:
    return replace(
        breaker,
        state=state,
        generation=breaker.generation + 1,
        successes=0,
        failures=0 if state is BreakerState.CLOSED else breaker.failures,
        probe="",
        probe_deadline_ms=0,
    )
